# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""structlog with its JSONRenderer: a flat object, the message in `event`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

from app.correlation import ids


def open_log(path: Path) -> StructlogLog:
    return StructlogLog(path)


class StructlogLog:
    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(self._file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                _add_ids,
                # Not dict_tracebacks: it would write local variables, prompts among them.
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )

    def write(self, level: str, message: str, fields: Mapping[str, Any], error: Exception | None) -> None:
        cause = {"exc_info": error} if error else {}
        getattr(self._log, level)(message, **fields, **cause)

    def close(self) -> None:
        self._file.close()


def _add_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {**event, **ids()}
