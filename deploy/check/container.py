# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""The Containerfile: no engine builds it here, but what must never slip can be read."""

import re
from collections.abc import Iterator

from report import DEPLOY, Report


def check(report: Report) -> None:
    text = (DEPLOY / "container/Containerfile").read_text()
    report.add("container/Containerfile", faults(text))


# What the image must have beside one another: inferwatch starts inferwatchnvml.
PROGRAMS = ("bin/inferwatch", "bin/inferwatchctl", "bin/inferwatchnvml")
# inferwatchnvml loads NVIDIA's library, which is made for glibc.
WITHOUT_GLIBC = re.compile(r"^FROM \S*(alpine|scratch|static|busybox)", re.MULTILINE)


def faults(text: str) -> Iterator[str]:
    if found := WITHOUT_GLIBC.search(text):
        yield f"{found.group(0)}: the base must have glibc, for inferwatchnvml"
    copied = set(" ".join(re.findall(r"^COPY (.*) /usr/bin/$", text, re.MULTILINE)).split())
    for program in PROGRAMS:
        if program not in copied:
            yield f"{program} is not copied into /usr/bin/"
    if re.search(r"^ENV .*NVIDIA_", text, re.MULTILINE):
        yield "NVIDIA_* must not be set: who runs the image says which GPUs it sees"
    for image in re.findall(r"^FROM (\S+)", text, re.MULTILINE):
        if ":" not in image or image.endswith(":latest"):
            yield f"FROM {image}: the version is not pinned"
    users = re.findall(r"^USER (\S+)", text, re.MULTILINE)
    if not users or not re.fullmatch(r"[1-9]\d*(:\d+)?", users[-1]):
        yield "USER must be last a number other than 0: runAsNonRoot cannot judge a name"
    if not re.search(r"^ENTRYPOINT \[", text, re.MULTILINE):
        yield "ENTRYPOINT must be a list: a shell between would swallow SIGTERM"
