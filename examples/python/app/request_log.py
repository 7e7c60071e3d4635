# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes one record of each chat request through every logging library, each to a file of its own.

A real service has one of them; this one has all, so that one request shows the shape that each gives its JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from app import logs_logbook, logs_logging, logs_loguru, logs_picologging, logs_structlog

Level = Literal["info", "warning", "error"]

_LIBRARIES: dict[str, Callable[[Path], RequestLog]] = {
    "loguru": logs_loguru.open_log,
    "structlog": logs_structlog.open_log,
    "picologging": logs_picologging.open_log,
    "logbook": logs_logbook.open_log,
    "logging": logs_logging.open_log,
}


class RequestLog(Protocol):
    """What each logs_<library>.py gives. It adds request id, trace id and span id in its library's own way."""

    def write(self, level: Level, message: str, fields: Mapping[str, Any], error: Exception | None) -> None: ...

    def close(self) -> None: ...


class EveryLibrary:
    def __init__(self, folder: Path) -> None:
        self._logs = [open_log(folder / f"{name}.log") for name, open_log in _LIBRARIES.items()]

    def write(self, level: Level, message: str, fields: Mapping[str, Any], error: Exception | None) -> None:
        for log in self._logs:
            log.write(level, message, fields, error)

    def close(self) -> None:
        for log in self._logs:
            log.close()
