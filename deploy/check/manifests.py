# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Kubernetes: each overlay as kustomize renders it, against Kubernetes' own schemas and our policy."""

import pathlib
import subprocess
import sys
from collections.abc import Iterator

import kubernetes_validate
import policy
import yaml
from report import DEPLOY, Report

# preStop.sleep needs 1.30; the newest is what the pinned validator knows.
VERSIONS = ("1.30", "1.37")


def overlays() -> list[pathlib.Path]:
    return sorted(path for path in (DEPLOY / "kubernetes/overlays").iterdir() if path.is_dir())


def check(report: Report) -> None:
    for overlay in overlays():
        docs, faults = render(overlay)
        report.add(f"kustomize {overlay.name}", faults, f"{len(docs)} objects")
        for version in VERSIONS:
            report.add(f"schemas of Kubernetes {version}, {overlay.name}", schema_faults(docs, version))
        report.add(f"policy, {overlay.name}", policy.faults(docs))


def render(overlay: pathlib.Path) -> tuple[list[dict], list[str]]:
    """kubectl comes from the venv: nothing on the machine is relied upon."""
    done = subprocess.run(
        [pathlib.Path(sys.executable).parent / "kubectl", "kustomize",
         "--load-restrictor", "LoadRestrictionsNone", overlay],
        capture_output=True, text=True, check=False,
    )
    if done.returncode or done.stderr:
        return [], [done.stderr.strip() or f"exit status {done.returncode}"]
    return list(yaml.safe_load_all(done.stdout)), []


def schema_faults(docs: list[dict], version: str) -> Iterator[str]:
    for doc in docs:
        try:
            kubernetes_validate.validate(doc, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            at = ".".join(str(key) for key in error.path)
            yield f"{doc['kind']}/{doc['metadata']['name']}: {at}: {error.message}"
        except (kubernetes_validate.SchemaNotFoundError, kubernetes_validate.InvalidSchemaError) as error:
            yield f"{doc['kind']}/{doc['metadata']['name']}: {error.message}"
