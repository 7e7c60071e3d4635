# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""Breaks what is shipped in one place at a time, and expects the checks to say so: a check that passes all is none."""

import copy
import pathlib
import re
import tempfile

import configs
import container
import manifests
import policy
import units
import yaml
from report import DEPLOY, Report, missing_tool

TESTDATA = pathlib.Path(__file__).parent / "testdata"


def check(report: Report, binary: str | None) -> None:
    unit_cases(report)
    container_cases(report)
    # The fullest there is: every component is in it.
    docs, faults = manifests.render(DEPLOY / "kubernetes/overlays/gpu-full")
    report.add("self-test: kustomize", faults)
    if faults:
        return
    manifest_cases(report, docs)
    config_cases(report, binary, docs)


def unit_cases(report: Report) -> None:
    if missing := missing_tool("systemd-analyze", "systemd"):
        report.add("self-test: systemd-analyze", missing)
        return
    for case in load("units.yaml"):
        name = f"inferwatch-{case['role']}.service"
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            faults = units.install(root, case["role"], tuple(case.get("tiers", ())))
            # Read after the shared drop-in, as what `systemctl edit` writes is.
            drop_in = root / units.FOLDER / f"{name}.d/90-case.conf"
            drop_in.parent.mkdir(exist_ok=True)
            drop_in.write_text(f"[Service]\n{case['service']}\n")
            faults += [*units.verify(root, name), *units.exposure(root, name)[1], *units.account_faults(root, name),
                       *units.device_faults(root, name)]
        expect(report, case, faults)


def container_cases(report: Report) -> None:
    text = (DEPLOY / "container/Containerfile").read_text()
    for case in load("container.yaml"):
        expect(report, case, list(container.faults(text.replace(case["replace"], case["by"]))))


def manifest_cases(report: Report, docs: list[dict]) -> None:
    report.add("self-test: policy, unbroken", policy.faults(docs))
    for case in load("manifests.yaml"):
        broken = copy.deepcopy(docs)
        put(find(broken, case["object"]), case["at"], case["value"])
        expect(report, case, [*manifests.schema_faults(broken, manifests.VERSIONS[-1]), *policy.faults(broken)])


def config_cases(report: Report, binary: str | None, docs: list[dict]) -> None:
    if not binary:
        report.not_run("self-test: inferwatch validate", "INFERWATCH_BIN is not set")
        return
    for case in load("configs.yaml"):
        broken = copy.deepcopy(docs)
        workload = find(broken, case["object"])
        name = next(volume["configMap"]["name"] for volume in workload["spec"]["template"]["spec"]["volumes"]
                    if volume["name"] == "config")
        configs.config_map(broken, workload, name)[case["file"]] = case["content"]
        expect(report, case, list(configs.workload_faults(binary, workload, broken)))


def load(name: str) -> list[dict]:
    return yaml.safe_load((TESTDATA / name).read_text())


def find(docs: list[dict], name: str) -> dict:
    """By kind/name, with or without the hash that kustomize adds to a ConfigMap's name."""
    pattern = re.compile(re.escape(name) + r"(-[a-z0-9]{10})?")
    return next(doc for doc in docs if pattern.fullmatch(f"{doc['kind']}/{doc['metadata']['name']}"))


def put(doc: dict, at: str, value: object) -> None:
    """Sets what stands at a JSON pointer; null takes it away."""
    *parents, last = [int(key) if key.isdigit() else key.replace("~1", "/") for key in at.split("/")]
    for key in parents:
        doc = doc[key]
    if value is None:
        del doc[last]
    else:
        doc[last] = value


def expect(report: Report, case: dict, faults: list[str]) -> None:
    """The case passes if it is refused for its own reason."""
    wrong = [] if any(case["expect"] in fault for fault in faults) else [
        f"must be refused with {case['expect']!r}, found {faults or 'no fault'}"]
    report.add(f"self-test: refuses {case['case']}", wrong)
