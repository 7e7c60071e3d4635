// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package podresources tells which containers hold which GPUs, by the kubelet's pod-resources API v1 on its unix socket.
//
// A Client asks in the background and keeps the last answer as an immutable Snapshot; nothing in the collection path waits
// for the kubelet. List alone is used: Get says nothing more of a pod than List does, and GetAllocatableResources names
// devices without their holders.
//
// # What the API does not say
//
//   - No pod uid and no container id: a process is joined to a holder elsewhere (package attribution).
//   - Pods that ended. Before Kubernetes 1.34 List names them (kubernetes#119423), but the kubelet takes the devices of
//     inactive pods back before it answers, so their containers come without devices, and a container without devices is no
//     holder here; it is CPUs and memory that linger. While the kubelet has just started it does not yet know which pods
//     are inactive, and a stale device may show. One trace of that can be seen: the same unshared device id of one resource
//     given to two pods. Such a device is Contested, and who holds it is left to the processes seen on it. CPU ids do not
//     help, for they are absent in every pod without exclusive CPUs.
//   - For DRA, the UUID. A claim names a device by driver, pool and name. gpu-<n> is the GPU's minor number, or its index in
//     older drivers; it is mapped where both are the same GPU. A slice (gpu-<n>-mig-...) is named by profile and
//     placement; it is mapped where the placement of the slices is known, or the GPU has one slice only. Passthrough devices
//     (gpu-vfio-<n>) are no NVML devices. What is not mapped is counted.
package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
