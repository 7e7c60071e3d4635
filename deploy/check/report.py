# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""What the checks say, and whether all is well."""

import pathlib
import shutil
from collections.abc import Iterable

DEPLOY = pathlib.Path(__file__).resolve().parent.parent
ROOT = DEPLOY.parent


class Report:
    """Prints a line for each check as it ends, and counts."""

    def __init__(self) -> None:
        self._passed = self._failed = self._not_run = 0

    def add(self, name: str, faults: Iterable[str], note: str = "") -> None:
        """One check: no fault is a pass. A note says what was measured."""
        faults = list(faults)
        if not faults:
            self._passed += 1
            print(f"ok     {name}" + (f": {note}" if note else ""))
            return
        self._failed += 1
        for fault in faults:
            print(f"FAULT  {name}: {fault}")

    def not_run(self, name: str, reason: str) -> None:
        """A check that was left out is said to be, and never counts as passed."""
        self._not_run += 1
        print(f"NOT RUN  {name}: {reason}")

    def finish(self) -> int:
        print(f"{self._passed} passed, {self._failed} failed, {self._not_run} not run")
        return 1 if self._failed or not self._passed else 0


def missing_tool(tool: str, package: str) -> list[str]:
    """The fault of a tool that is not there, with the command that installs it; none if it is."""
    return [] if shutil.which(tool) else [f"{tool} is missing: apt-get install -y {package}"]
