# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""picologging with a JSON formatter of our own: it has none, and it ignores `extra`, so fields travel as args."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import picologging

from app.correlation import ids

_LEVELS = {"info": picologging.INFO, "warning": picologging.WARNING, "error": picologging.ERROR}


def open_log(path: Path) -> PicologgingLog:
    return PicologgingLog(path)


class PicologgingLog:
    def __init__(self, path: Path) -> None:
        self._handler = picologging.FileHandler(str(path), encoding="utf-8")
        self._handler.setFormatter(_JsonFormatter())
        self._log = picologging.Logger("chat.picologging", picologging.INFO)
        self._log.addHandler(self._handler)

    def write(self, level: str, message: str, fields: Mapping[str, Any], error: Exception | None) -> None:
        # Given at all, None and False too, exc_info writes whatever exception is being handled.
        cause: dict[str, Any] = {"exc_info": error} if error else {}
        self._log.log(_LEVELS[level], message, dict(fields), **cause)

    def close(self) -> None:
        self._handler.close()


class _JsonFormatter(picologging.Formatter):
    def format(self, record: picologging.LogRecord) -> str:
        line = {
            "ts": record.created,
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **ids(),
            **record.args,
        }
        if record.exc_info:
            line["exc_info"] = self.formatException(record.exc_info)
        return json.dumps(line)
