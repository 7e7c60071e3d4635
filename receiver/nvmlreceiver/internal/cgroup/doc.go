// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package cgroup tells which container, pod or systemd unit a process belongs to, from what the kernel shows of it under
// /proc: the cgroup file, the stat file and the exe link. It never reads the command line or the environment, which may
// hold secrets.
//
// # Which container of a nested path
//
// A path can name several containers, one inside the other.
//
//   - Where it names a pod, the innermost pod wins, and the container is the one directly below that pod. On a kind or
//     k3d node, which is itself a container, that is the workload's pod and not the node. Where a pod runs Docker inside,
//     it is the pod's own container: the kubelet knows that id and no other, and container.id and k8s.container.name of
//     one data point must speak of the same container.
//   - Where it names no pod, the innermost container wins: it is the one that the process itself sees, so the one that an
//     SDK's resource detector reports for it.
//
// # Which line of the file
//
// Cgroup v1 and hybrid hosts show one line for each hierarchy, and not every hierarchy follows the containers (on a hybrid
// host the unified line often ends at the runtime's own service). The line that says most wins: container and pod, then
// container, then pod, then systemd unit; among equals the unified line, then name=systemd, then the first.
package cgroup // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"
