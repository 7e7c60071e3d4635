# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Plain logging with python-json-logger. Its records also go to the root logger, and so over OTLP."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from app.correlation import ids

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def open_log(path: Path) -> LoggingLog:
    return LoggingLog(path)


class LoggingLog:
    def __init__(self, path: Path) -> None:
        self._handler = logging.FileHandler(path, encoding="utf-8")
        self._handler.setFormatter(
            _WithIds("%(levelname)s %(name)s %(message)s", timestamp=True, rename_fields={"levelname": "level"})
        )
        self._log = logging.getLogger("chat.logging")
        self._log.setLevel(logging.INFO)
        self._log.addHandler(self._handler)

    def write(self, level: str, message: str, fields: Mapping[str, Any], error: Exception | None) -> None:
        self._log.log(_LEVELS[level], message, extra=dict(fields), exc_info=error)

    def close(self) -> None:
        self._log.removeHandler(self._handler)
        self._handler.close()


class _WithIds(JsonFormatter):
    """Adds the ids to the line and not to the record: OpenTelemetry's handler has them already."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data.update(ids())
