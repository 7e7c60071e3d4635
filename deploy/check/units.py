# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""systemd: what install.sh lays out, judged by systemd-analyze in a root of its own."""

import os
import pathlib
import re
import subprocess
import tempfile
from collections.abc import Iterator

from report import DEPLOY, ROOT, Report, missing_tool

ROLES = ("agent", "gateway")
FOLDER = "usr/lib/systemd/system"
# What install.sh is asked for: role and tiers.
VARIANTS = (("agent", ()), ("agent", ("gpu",)), ("agent", ("gpu", "gpu-pods")),
            ("agent", ("gpu", "gpu-pods", "gpu-kernel-log")), ("gateway", ()))
# Exposure by systemd-analyze security, 0 to 10; with systemd 252 the units are at 1.4 (1.5 with GPUs), 1.1 and 1.1.
MAX_EXPOSURE = {"inferwatch-agent.service": 1.5, "inferwatch-gateway.service": 1.3, "pod-resources-acl.service": 1.3}
# Groups of the distribution. All others must be in sysusers.d.
KNOWN_GROUPS = {"root", "adm", "systemd-journal"}
# The only devices that a unit may open beside the pseudo devices.
DEVICES = re.compile(r"char-nvidia(-frontend|ctl) rw|char-nvidia rw|char-nvidia-caps r")


def check(report: Report) -> None:
    if missing := missing_tool("systemd-analyze", "systemd"):
        report.add("systemd-analyze", missing)
        return
    for role, tiers in VARIANTS:
        variant(report, role, tiers)
    with tempfile.TemporaryDirectory() as folder:
        report.add("install.sh refuses a tier without its ground",
                   [] if install(pathlib.Path(folder), "agent", ("gpu-pods",)) else ["gpu-pods without gpu was installed"])
    for role in ROLES:
        report.add(f"{role}.env names variables and defaults of configs/{role}.yaml", env_faults(role))


def variant(report: Report, role: str, tiers: tuple[str, ...]) -> None:
    what = " ".join((role, *tiers))
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        if faults := install(root, role, tiers):
            report.add(f"install.sh {what}", faults)
            return
        for path in sorted((root / FOLDER).glob("*.*")):
            if path.is_file():
                report.add(f"systemd-analyze verify {path.name}, {what}", verify(root, path.name))
        for path in sorted((root / FOLDER).glob("*.service")):
            level, faults = exposure(root, path.name)
            report.add(f"systemd-analyze security {path.name}, {what}", faults, f"exposure {level}, at most {MAX_EXPOSURE[path.name]}")
        name = f"inferwatch-{role}.service"
        report.add(f"users and groups of {name}, {what}", account_faults(root, name))
        report.add(f"devices of {name}, {what}", device_faults(root, name))
        report.add(f"programs of {what}", program_faults(root, role))


def program_faults(root: pathlib.Path, role: str) -> Iterator[str]:
    """The agent starts inferwatchnvml from beside itself."""
    for program in ("inferwatch", "inferwatchnvml") if role == "agent" else ("inferwatch",):
        if not os.access(root / "usr/bin" / program, os.X_OK):
            yield f"/usr/bin/{program} is not installed"


def install(root: pathlib.Path, role: str, tiers: tuple[str, ...] = ()) -> list[str]:
    """Runs install.sh with stand-ins for the programs that the units name: systemd wants them to exist."""
    for program in ("bin/kill", "usr/bin/setfacl", "built/inferwatch", "built/inferwatchnvml"):
        path = root / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n")
        path.chmod(0o755)
    done = subprocess.run(
        [DEPLOY / "systemd/install.sh", role, root / "built/inferwatch", *tiers],
        env={**os.environ, "DESTDIR": str(root)}, capture_output=True, text=True, check=False,
    )
    return [] if done.returncode == 0 else [f"exit status {done.returncode}: {done.stderr.strip()}"]


def verify(root: pathlib.Path, name: str) -> list[str]:
    """Without --recursive-errors=no an unknown key is a warning and exit status 0; any output counts as a fault."""
    done = subprocess.run(
        ["systemd-analyze", "verify", f"--root={root}", "--man=no", "--recursive-errors=no", name],
        capture_output=True, text=True, check=False,
    )
    said = (done.stdout + done.stderr).strip().splitlines()
    if done.returncode and not said:
        said = [f"exit status {done.returncode}"]
    return said


def exposure(root: pathlib.Path, name: str) -> tuple[str, list[str]]:
    done = subprocess.run(
        ["systemd-analyze", "security", f"--root={root}", "--offline=true", "--no-pager", name],
        capture_output=True, text=True, check=False,
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    if not found:
        return "unknown", [f"no exposure level: {done.stderr.strip()}"]
    level, bound = found.group(1), MAX_EXPOSURE[name]
    return level, [f"exposure {level} is above {bound}"] if float(level) > bound else []


def account_faults(root: pathlib.Path, name: str) -> Iterator[str]:
    """A user or group that nobody creates stops the unit at start, and no other tool here would say so."""
    sysusers = (root / "usr/lib/sysusers.d/inferwatch.conf").read_text()
    made = re.findall(r"^([ug]) (\S+)", sysusers, re.MULTILINE)
    users = {who for kind, who in made if kind == "u"}
    groups = {who for _, who in made} | KNOWN_GROUPS
    for key, value in re.findall(r"^(User|Group|SupplementaryGroups)=(.*)$", whole(root, name), re.MULTILINE):
        for who in value.split():
            if who not in (users if key == "User" else groups):
                yield f"{key}={who} is not in sysusers.d"
    tmpfiles = (root / "usr/lib/tmpfiles.d/inferwatch.conf").read_text()
    for group in re.findall(r"^d \S+ \S+ \S+ (\S+)", tmpfiles, re.MULTILINE):
        if group not in groups:
            yield f"tmpfiles.d gives a folder to {group}, which is not in sysusers.d"


def whole(root: pathlib.Path, name: str) -> str:
    """The unit and its drop-ins, in the order in which systemd reads them: by file name, whatever the folder."""
    folders = (f"{name}.d", "inferwatch-.service.d")
    drop_ins = [path for folder in folders for path in (root / FOLDER / folder).glob("*.conf")]
    return "\n".join(path.read_text() for path in [root / FOLDER / name, *sorted(drop_ins, key=lambda path: path.name)])


def device_faults(root: pathlib.Path, name: str) -> Iterator[str]:
    """A /dev of the host's is harmless as long as the cgroup lets nothing in it be opened but what is named."""
    unit = whole(root, name)
    for allowed in re.findall(r"^DeviceAllow=(.+)$", unit, re.MULTILINE):
        if not DEVICES.fullmatch(allowed):
            yield f"DeviceAllow={allowed} is no device that a tier needs"
    if (re.findall(r"^DevicePolicy=(.*)$", unit, re.MULTILINE) or ["auto"])[-1] != "closed":
        yield "DevicePolicy must be closed"


def env_faults(role: str) -> Iterator[str]:
    """An example of settings that the configuration does not read misleads, and so does a default that is none."""
    config = (ROOT / f"configs/{role}.yaml").read_text()
    defaults = dict(re.findall(r"\$\{env:(\w+):-([^}]*)\}", config))
    example = (DEPLOY / f"systemd/etc/{role}.env").read_text()
    for name, value in re.findall(r"^#?(INFERWATCH_\w+)=(.*)$", example, re.MULTILINE):
        if name == "INFERWATCH_ARGS":  # read by the unit
            continue
        if name not in defaults:
            yield f"configs/{role}.yaml does not read {name}"
        elif defaults[name] != value:
            yield f"{name}={value}, but the default is {defaults[name]}"
