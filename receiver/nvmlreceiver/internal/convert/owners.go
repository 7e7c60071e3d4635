// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

// Owner is what is known of a process beside what NVML tells. Empty where it is not known.
type Owner struct {
	// Pending tells that it is not known yet, and soon may be: the process is not reported.
	Pending     bool
	Executable  string
	ContainerID string
	Namespace   string
	Pod         string
	PodUID      string
	Container   string
}

func (o Owner) contained() bool { return o.ContainerID != "" || o.PodUID != "" }

// Allocation is a container that the kubelet gave a device to.
type Allocation struct {
	Namespace, Pod, Container string
	// Shared tells that others may hold the device too.
	Shared bool
}

// Owners tells to whom devices and processes belong. The zero value knows nobody.
type Owners struct {
	// Processes by process id.
	Processes map[uint32]Owner
	// Allocations by the UUID of the device.
	Allocations map[string][]Allocation
}
