// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"slices"
)

// The fleet: two nodes of eight GPUs each. On each node GPU 0 is cut into two slices, GPU 5 is held but idle, GPU 6 is degraded and
// GPU 7 falls off the bus half way through. Two containers share GPU 4. On the second node the driver is replaced, and with it the
// order of the GPUs.
const (
	gpusPerNode = 8
	sliced      = 0
	shared      = 4
	idle        = 5
	degraded    = 6
	lost        = 7
)

// node is a machine and its boards.
type node struct {
	name     string
	model    string
	profiles []string // MIG profiles of its first GPU
	upgraded bool     // its driver is replaced half way through
	gpm      bool     // its GPUs tell what SMs and pipes do
	stand    bool     // its values are the NVML stand-in's, and say so
}

func fleet() []node {
	return []node{
		{name: "gpu-node-a", model: "NVIDIA H100 80GB HBM3", profiles: []string{"3g.40gb", "1g.10gb"}, gpm: true},
		{name: "gpu-node-b", model: "NVIDIA A100-SXM4-80GB", profiles: []string{"4g.40gb", "2g.20gb"}, upgraded: true, stand: true},
	}
}

// device is a GPU, or a slice of it.
type device struct {
	node    node
	index   int
	slice   int // -1 for a GPU
	profile string
}

func (d device) isSlice() bool { return d.slice >= 0 }

func (d device) gpuID() string {
	return fmt.Sprintf("GPU-%08x-0000-4000-8000-%012x", len(d.node.model)*1000+int(d.node.name[len(d.node.name)-1]), d.index)
}

// id is what hw.id says.
func (d device) id() string {
	if !d.isSlice() {
		return d.gpuID()
	}
	return fmt.Sprintf("MIG-%08x-0000-5000-8000-%012x", int(d.node.name[len(d.node.name)-1]), d.slice)
}

// name is what hw.name says.
func (d device) name() string {
	if !d.isSlice() {
		return d.node.model
	}
	return d.node.model + " MIG " + d.profile
}

func (n node) devices() []device {
	var all []device
	for index := range gpusPerNode {
		all = append(all, device{node: n, index: index, slice: -1})
	}
	for i, profile := range n.profiles {
		all = append(all, device{node: n, index: sliced, slice: i, profile: profile})
	}
	return all
}

// workload is a container with one process on a device.
type workload struct {
	pod, container, executable string
	pid                        int
}

func (d device) workloads() []workload {
	number := 100*d.index + 10*(d.slice+1)
	first := workload{pod: fmt.Sprintf("engine-%d", number), container: "server", executable: "python3", pid: 4000 + number}
	switch {
	case d.index == lost, d.index == sliced && !d.isSlice():
		return nil
	case d.index == shared:
		return []workload{first, {pod: "notebook-1", container: "jupyter", executable: "python3", pid: 9001}}
	}
	return []workload{first}
}

// reports says whether NVML tells this metric of this device at all, and whether the device still answers at this time.
func (d device) reports(name string, m metric, answers bool) bool {
	switch {
	case d.isSlice() && !slices.Contains(m.Attributes, "hw.parent"):
		return false
	case d.index == lost && !answers:
		return name == "hw.status" || name == "hw.errors" || name == "hw.gpu.info"
	case d.index == sliced && (name == "process.gpu.utilization" || name == "container.gpu.utilization"):
		return false // NVML does not tell it on MIG
	case name == "hw.gpu.utilization" || name == "hw.gpu.memory.bandwidth.utilization":
		return d.index != sliced || d.isSlice() && d.node.gpm
	case slices.Contains([]string{"hw.gpu.pipe.utilization", "hw.gpu.sm.occupancy", "hw.gpu.sm.utilization"}, name):
		return d.node.gpm
	}
	return true
}
