# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Logbook with a JSON formatter of our own, its ids added by a Logbook processor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import logbook

from app.correlation import ids

_LEVELS = {"info": logbook.INFO, "warning": logbook.WARNING, "error": logbook.ERROR}


def open_log(path: Path) -> LogbookLog:
    return LogbookLog(path)


class LogbookLog:
    def __init__(self, path: Path) -> None:
        logbook.set_datetime_format("utc")
        self._handler = logbook.FileHandler(str(path), encoding="utf-8", bubble=False)
        self._handler.formatter = _json_line
        self._processor = logbook.Processor(lambda record: record.extra.update(ids()))
        self._log = logbook.Logger("chat.logbook")
        self._handler.push_application()
        self._processor.push_application()

    def write(self, level: str, message: str, fields: Mapping[str, Any], error: Exception | None) -> None:
        cause = (type(error), error, error.__traceback__) if error else None
        self._log.log(_LEVELS[level], message, extra=dict(fields), exc_info=cause)

    def close(self) -> None:
        self._processor.pop_application()
        self._handler.pop_application()
        self._handler.close()


def _json_line(record: logbook.LogRecord, _handler: logbook.Handler) -> str:
    line = {
        # Logbook's UTC times carry no zone.
        "time": record.time.isoformat() + "Z",
        "level": record.level_name,
        "channel": record.channel,
        "message": record.message,
        "extra": dict(record.extra),
    }
    if record.exc_info:
        line["exception"] = record.formatted_exception
    return json.dumps(line)
