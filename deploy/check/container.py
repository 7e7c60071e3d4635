# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""The Containerfile: no engine builds it here, but what must never slip can be read."""

import re
from collections.abc import Iterator

from report import DEPLOY, Report


def check(report: Report) -> None:
    text = (DEPLOY / "container/Containerfile").read_text()
    report.add("container/Containerfile", faults(text))


def faults(text: str) -> Iterator[str]:
    for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        if ":" not in image or image.endswith(":latest"):
            yield f"FROM {image}: the version is not pinned"
    users = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    if not users or not re.fullmatch(r"[1-9]\d*(:\d+)?", users[-1]):
        yield "USER must be last a number other than 0: runAsNonRoot cannot judge a name"
    if not re.search(r"^ENTRYPOINT \[", text, re.MULTILINE):
        yield "ENTRYPOINT must be a list: a shell between would swallow SIGTERM"
