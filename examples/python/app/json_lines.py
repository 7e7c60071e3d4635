# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""The three logs of the API's own, one JSON object a line: access, audit, security. Fields: see README."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.correlation import ids


class JsonLines:
    """Appends to one file; log.class says which kind of log it is."""

    def __init__(self, path: Path, log_class: str) -> None:
        # Line-buffered: a line is in the file once it is written.
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._log_class = log_class

    def write(self, level: str, **fields: Any) -> None:
        """Fields without a value are left out."""
        record = {"timestamp": _now(), "level": level, "log.class": self._log_class, **ids(), **fields}
        present = {name: value for name, value in record.items() if value is not None}
        self._file.write(json.dumps(present, separators=(",", ":")) + "\n")

    def close(self) -> None:
        self._file.close()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
