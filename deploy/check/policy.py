# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0
"""What every manifest of ours must have, beyond what the API server would ask."""

import re
from collections.abc import Iterator

import yaml
from report import ROOT

WORKLOADS = {"DaemonSet", "Deployment", "StatefulSet", "Job", "CronJob"}
# The one host path that is written: the agent's queue.
WRITABLE_HOST_PATHS = {"/var/lib/inferwatch"}
# All of them, with what needs them. The folder of the pod-resources socket, not the socket, which a restarted kubelet makes anew.
# No device: the cgroup would refuse it to a container that is not privileged. /dev/null is a wish to NVIDIA's runtime.
HOST_PATHS = WRITABLE_HOST_PATHS | {"/var/log", "/dev/null", "/var/lib/kubelet/pod-resources", "/etc/machine-id", "/run/log"}
UNITS = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def faults(docs: list[dict]) -> Iterator[str]:
    for doc in docs:
        name = f"{doc['kind']}/{doc['metadata']['name']}"
        if doc["kind"] == "Secret":
            yield f"{name}: a Secret does not belong into the repository"
        if doc["kind"] in WORKLOADS:
            for fault in (*_namespace(doc, docs), *_pod(doc), *_gpu(doc)):
                yield f"{name}: {fault}"
    yield from _meeting([doc for doc in docs if doc["kind"] == "DaemonSet"])


def _meeting(daemon_sets: list[dict]) -> Iterator[str]:
    """Two agents of one node would want the same queue: of two that write one host path, one must keep off the other's nodes."""
    for one in daemon_sets:
        for other in daemon_sets:
            if one is not other and _written(one) & _written(other):
                if other["metadata"]["name"] < one["metadata"]["name"]:
                    continue
                if not (_keeps_off(one, other) or _keeps_off(other, one)):
                    names = f"{one['metadata']['name']} and {other['metadata']['name']}"
                    yield f"DaemonSet/{names} can meet on one node, where both write {', '.join(_written(one) & _written(other))}"


def _written(daemon_set: dict) -> set[str]:
    volumes = daemon_set["spec"]["template"]["spec"].get("volumes", [])
    return {volume["hostPath"]["path"] for volume in volumes if "hostPath" in volume} & WRITABLE_HOST_PATHS


def _keeps_off(one: dict, other: dict) -> bool:
    """Whether one's affinity excludes the nodes that the other's nodeSelector takes."""
    terms = (one["spec"]["template"]["spec"].get("affinity", {}).get("nodeAffinity", {})
             .get("requiredDuringSchedulingIgnoredDuringExecution", {}).get("nodeSelectorTerms", []))
    excluded = [{(rule["key"], value) for rule in term.get("matchExpressions", []) if rule["operator"] == "NotIn"
                 for value in rule["values"]} for term in terms]
    taken = set(other["spec"]["template"]["spec"].get("nodeSelector", {}).items())
    return bool(excluded) and all(pairs & taken for pairs in excluded)


def _gpu(workload: dict) -> Iterator[str]:
    """An agent sees GPUs and holds none, by the runtime that the node's driver comes with."""
    pod = workload["spec"]["template"]["spec"]
    if pod.get("runtimeClassName") and not pod.get("nodeSelector"):
        yield f"runtimeClassName {pod['runtimeClassName']} needs a nodeSelector: on other nodes the pod could not start"
    for container in (*pod.get("initContainers", []), *pod["containers"]):
        name, env = container["name"], {variable["name"]: variable.get("value") for variable in container.get("env", [])}
        for kind, amounts in container.get("resources", {}).items():
            for resource in amounts:
                if resource.startswith("nvidia.com/"):
                    yield f"{name}: {kind} {resource} takes a GPU from the model servers"
        if "NVIDIA_VISIBLE_DEVICES" in env and not pod.get("runtimeClassName"):
            yield f"{name}: NVIDIA_VISIBLE_DEVICES needs runtimeClassName nvidia"
        if env.get("NVIDIA_DRIVER_CAPABILITIES", "utility") != "utility":
            yield f"{name}: NVIDIA_DRIVER_CAPABILITIES must be utility, found {env['NVIDIA_DRIVER_CAPABILITIES']}"


def _namespace(workload: dict, docs: list[dict]) -> Iterator[str]:
    """Where a workload stands: pod security as strict as it can be, and a NetworkPolicy that selects it."""
    namespace = workload["metadata"].get("namespace")
    pod = workload["spec"]["template"]
    level = next((doc["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce")
                  for doc in docs if doc["kind"] == "Namespace" and doc["metadata"]["name"] == namespace), None)
    on_host = any("hostPath" in volume for volume in pod["spec"].get("volumes", []))
    if level is None:
        yield f"namespace {namespace} has no pod-security.kubernetes.io/enforce label"
    elif level != "restricted" and not on_host:
        yield f"without hostPath its namespace must enforce `restricted`, found {level}"
    labels = pod["metadata"]["labels"].items()
    if not any(doc["kind"] == "NetworkPolicy" and doc["metadata"].get("namespace") == namespace
               and doc["spec"]["podSelector"].get("matchLabels", {}).items() <= labels
               and {"Ingress", "Egress"} <= set(doc["spec"].get("policyTypes", [])) for doc in docs):
        yield "no NetworkPolicy bounds what it receives and sends"


def _pod(workload: dict) -> Iterator[str]:
    pod = workload["spec"]["template"]["spec"]
    reasons = workload["spec"]["template"]["metadata"].get("annotations", {})
    for key in ("hostNetwork", "hostIPC"):
        if pod.get(key):
            yield f"{key} is set"
    if pod.get("hostPID") and not reasons.get("inferwatch/host-pid-reason"):
        yield "hostPID is set, and no annotation inferwatch/host-pid-reason says why"
    if pod.get("serviceAccountName", "default") == "default":
        yield "serviceAccountName must be one of its own"
    if pod.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken must be false"
    if pod.get("securityContext", {}).get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "seccompProfile must be RuntimeDefault"
    host_paths = {volume["name"]: volume["hostPath"]["path"] for volume in pod.get("volumes", []) if "hostPath" in volume}
    for path in host_paths.values():
        if path not in HOST_PATHS:
            yield f"{path} of the host is nothing that it needs"
    for container in pod.get("initContainers", []):
        yield from (f"{container['name']}: {fault}" for fault in _container(container, pod, host_paths, reasons))
    for container in pod["containers"]:
        yield from (f"{container['name']}: {fault}" for fault in _container(container, pod, host_paths, reasons))
        for probe in ("readinessProbe", "livenessProbe"):
            if probe not in container:
                yield f"{container['name']}: no {probe}"


def _container(container: dict, pod: dict, host_paths: dict[str, str], reasons: dict[str, str]) -> Iterator[str]:
    yield from _image(container["image"])
    yield from _privilege(container.get("securityContext", {}), pod.get("securityContext", {}),
                          reasons.get(f"inferwatch/root-reason.{container['name']}", ""))
    yield from _resources(container)
    for mount in container.get("volumeMounts", []):
        path = host_paths.get(mount["name"])
        if path and not mount.get("readOnly") and path not in WRITABLE_HOST_PATHS:
            yield f"{path} of the host must be mounted read-only"
    for port in container.get("ports", []):
        if "hostPort" in port:
            yield f"hostPort {port['hostPort']} is set"
    for variable in container.get("env", []):
        if re.search(r"PASSWORD|TOKEN|SECRET|AUTHORIZATION", variable["name"]) and "value" in variable:
            yield f"{variable['name']} must come from a Secret"


def _image(image: str) -> Iterator[str]:
    version = yaml.safe_load((ROOT / "builder-config.yaml").read_text())["dist"]["version"]
    tag = image.rpartition("/")[2].partition(":")[2]
    if tag != version:
        yield f"image {image}: the tag must be {version}, as builder-config.yaml has it"


def _privilege(own: dict, pod: dict, root_reason: str) -> Iterator[str]:
    if own.get("privileged"):
        yield "privileged is set"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation must be false"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem must be true"
    capabilities = own.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "capabilities must be drop [ALL] and no add"
    if own.get("seccompProfile", {}).get("type", "RuntimeDefault") != "RuntimeDefault":
        yield "seccompProfile must be RuntimeDefault"
    both = {**pod, **own}
    if (both.get("runAsNonRoot") is not True or both.get("runAsUser") == 0) and not root_reason:
        yield "must run as a user other than root, or an annotation inferwatch/root-reason.<container> must say why"


def _resources(container: dict) -> Iterator[str]:
    resources = container.get("resources", {})
    limit = resources.get("limits", {}).get("memory")
    if not limit:
        yield "no memory limit"
    if {"cpu", "memory"} - resources.get("requests", {}).keys():
        yield "no requests for cpu and memory"
    soft = next((variable["value"] for variable in container.get("env", []) if variable["name"] == "GOMEMLIMIT"), None)
    # Between: enough garbage collection before the kernel ends the process, and no needless one.
    if soft and limit and not 0.7 <= _bytes(soft) / _bytes(limit) <= 0.9:
        yield f"GOMEMLIMIT {soft} must be 70 to 90% of the memory limit {limit}"


def _bytes(quantity: str) -> float:
    number = quantity.rstrip("KMGiB")
    return float(number) * UNITS[quantity.removeprefix(number)]
