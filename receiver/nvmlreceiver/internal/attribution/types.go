// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"

import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

// Source tells what an attribution rests on.
type Source string

// The sources.
const (
	// SourceNone: nothing is known.
	SourceNone Source = ""
	// SourceCgroup: the process's cgroup, with the node's log folders where they are there.
	SourceCgroup Source = "cgroup"
	// SourcePodResources: the kubelet's pod-resources API alone.
	SourcePodResources Source = "podresources"
	// SourceBoth: both, and they agree.
	SourceBoth Source = "both"
)

// Process is a process that NVML lists on a device.
type Process struct {
	// GPU is the GPU's UUID, MIG the slice's or empty.
	GPU, MIG string
	PID      uint32
}

func (p Process) device() string {
	if p.MIG != "" {
		return p.MIG
	}
	return p.GPU
}

// Input is what NVML lists in one collection.
type Input struct {
	Processes []Process
	Devices   []podresources.Device
}

// ProcessResult is what is known of a process. Empty fields are not known.
type ProcessResult struct {
	// Visible tells that the process was found under /proc. It is false without the host's PID namespace, and for a
	// process whose first read was not over within the deadline.
	Visible bool
	// Name is the comm; Executable is process.executable.name.
	Name, Executable string
	// SystemdUnit of a process outside of containers.
	SystemdUnit string
	// ContainerID and PodUID are container.id and k8s.pod.uid.
	ContainerID, PodUID string
	// Namespace, Pod and Container are k8s.namespace.name, k8s.pod.name and k8s.container.name.
	Namespace, Pod, Container string
	// Source is SourceNone, SourceCgroup or SourceBoth.
	Source Source
}

// DevicePod is a container that holds a device.
type DevicePod struct {
	podresources.Holder
	// PodUID is k8s.pod.uid where a process of the pod let it be known.
	PodUID string
	// Source is SourcePodResources, or SourceBoth where PodUID is known.
	Source Source
}

// DeviceResult is who holds a device.
type DeviceResult struct {
	UUID string
	Pods []DevicePod
}

// Result has an entry for each process and each device of the Input, in its order. It may be given to Resolve again, which
// uses its memory anew.
type Result struct {
	Processes []ProcessResult
	Devices   []DeviceResult
}
