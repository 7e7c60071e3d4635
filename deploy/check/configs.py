# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""The collector configurations as units and pods would start with them, validated by the inferwatch binary."""

import os
import pathlib
import re
import subprocess
import tempfile
from collections.abc import Iterator

import manifests
import policy
import yaml
from report import DEPLOY, ROOT, Report
from units import ROLES

CONFIG_FOLDER = "/etc/inferwatch"
# What an address in a pod must not be: whoever listens there is the pod itself.
LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[?::1\]?):\d+")
# What the tiers of units and pods turn on, and where the configuration must then say `true`.
TIERS = {
    "INFERWATCH_GPU_PODS": ("receivers", "nvml", "pods", "enabled"),
    "INFERWATCH_GPU_KERNEL_LOG": ("receivers", "nvml", "kernel_log", "enabled"),
}


def check(report: Report, binary: str | None) -> None:
    if not binary:
        report.not_run("inferwatch validate", "INFERWATCH_BIN is not set")
        return
    for role in ROLES:
        args = [f"--config={ROOT}/configs/{role}.yaml"]
        report.add(f"inferwatch validate, inferwatch-{role}.service", run(binary, ["validate", *args], {})[1])
    report.add("inferwatch validate, inferwatch-agent.service with all tiers", unit_faults(binary))
    for overlay in manifests.overlays():
        docs, faults = manifests.render(overlay)
        report.add(f"kustomize {overlay.name} for inferwatch validate", faults)
        for doc in docs:
            if doc["kind"] in policy.WORKLOADS:
                name = f"inferwatch validate, {overlay.name}, {doc['kind']}/{doc['metadata']['name']}"
                report.add(name, workload_faults(binary, doc, docs))


def unit_faults(binary: str) -> Iterator[str]:
    """What the drop-ins of the tiers set in the agent's environment."""
    drop_ins = "\n".join(path.read_text() for path in (DEPLOY / "systemd/inferwatch-agent.service.d").glob("*.conf"))
    env = dict(re.findall(r"^Environment=(\w+)=(.*)$", drop_ins, re.MULTILINE))
    args = [f"--config={ROOT}/configs/agent.yaml"]
    yield from run(binary, ["validate", *args], env)[1]
    merged, faults = run(binary, ["print-config", *args], env)
    if not faults:
        yield from tier_faults(yaml.safe_load(merged), env)


def tier_faults(merged: dict, env: dict[str, str]) -> Iterator[str]:
    """A setting that the configuration does not read would grant a privilege and give nothing for it."""
    for name in env:
        if name.startswith("INFERWATCH_GPU_") and name not in TIERS:
            yield f"{name} is no setting of a tier"
    for name, path in TIERS.items():
        found = merged
        for key in path:
            found = found.get(key) if isinstance(found, dict) else None
        if env.get(name) == "true" and found is not True:
            yield f"{name}=true, but {'::'.join(path)} is {found}"
        if env.get(name) != "true" and found is True:
            yield f"{'::'.join(path)} is true without {name}"


def workload_faults(binary: str, workload: dict, docs: list[dict]) -> Iterator[str]:
    """Lays out the pod's ConfigMap and starts the binary with the pod's own arguments and environment."""
    pod = workload["spec"]["template"]["spec"]
    container = pod["containers"][0]
    with tempfile.TemporaryDirectory() as folder:
        for volume in pod["volumes"]:
            if volume["name"] == "config":
                lay_out(config_map(docs, workload, volume["configMap"]["name"]), pathlib.Path(folder))
        args = [arg.replace(f"={CONFIG_FOLDER}/", f"={folder}/") for arg in container["args"]]
        env = environment(container, workload, docs)
        # `validate` builds the pipelines, `print-config` shows what the files have become together.
        yield from run(binary, ["validate", *args], env)[1]
        merged, faults = run(binary, ["print-config", *args], env)
    if not faults:
        config = yaml.safe_load(merged)
        if workload["kind"] == "DaemonSet":
            yield from tier_faults(config, env)
        exporters = yaml.dump(config["exporters"])
        for found in LOOPBACK.finditer(exporters):
            yield f"an exporter delivers to {found.group(0)}, which is the pod itself"


def config_map(docs: list[dict], workload: dict, name: str) -> dict[str, str]:
    return next(doc["data"] for doc in docs if doc["kind"] == "ConfigMap" and doc["metadata"]["name"] == name
                and doc["metadata"]["namespace"] == workload["metadata"]["namespace"])


def lay_out(files: dict[str, str], folder: pathlib.Path) -> None:
    for name, text in files.items():
        (folder / name).write_text(text)


def environment(container: dict, workload: dict, docs: list[dict]) -> dict[str, str]:
    """As the kubelet makes it; what only a node knows is `unknown`, and so is what a Secret would hold."""
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        if "configMapRef" in source:
            found |= config_map(docs, workload, source["configMapRef"]["name"])
    for variable in container.get("env", []):
        found[variable["name"]] = variable.get("value", "unknown")
    return found


def run(binary: str, args: list[str], env: dict[str, str]) -> tuple[str, list[str]]:
    """The binary sees no INFERWATCH_* but those given: what holds here must not hang on who runs the check."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("INFERWATCH_", "OTEL_"))}
    done = subprocess.run([binary, *args], env=clean | env, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return done.stdout, []
    error = re.sub(r"\s+", " ", done.stderr.partition("Usage:")[0]).strip()
    return done.stdout, [error or f"exit status {done.returncode}"]
