# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Loguru with serialize=True: everything nested under `record`, the ids and fields in `record.extra`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loguru import logger

from app.correlation import ids


def open_log(path: Path) -> LoguruLog:
    return LoguruLog(path)


class LoguruLog:
    def __init__(self, path: Path) -> None:
        logger.remove()
        logger.configure(patcher=lambda record: record["extra"].update(ids()))
        # diagnose would write the value of every variable into the traceback: prompts among them.
        self._sink = logger.add(path, serialize=True, diagnose=False, backtrace=False)

    def write(self, level: str, message: str, fields: Mapping[str, Any], error: Exception | None) -> None:
        logger.opt(exception=error).bind(**fields).log(level.upper(), message)

    def close(self) -> None:
        logger.remove(self._sink)
