// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"math"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// otherProcesses is the name of the processes beyond the bound on them.
const otherProcesses = "other"

// container sums the processes of one container on one device.
type container struct {
	owner     Owner
	memory    uint64
	hasMemory bool
	shares    [3]float64
	hasShare  [3]bool
}

// tasks are the shares of a process in the order of shares.
func tasks() [3]metadata.AttributeHwGpuTask {
	return [3]metadata.AttributeHwGpuTask{
		metadata.AttributeHwGpuTaskGeneral, metadata.AttributeHwGpuTaskEncoder, metadata.AttributeHwGpuTaskDecoder,
	}
}

func shares(p *nvmlwire.Process) [3]float64 { return [3]float64{p.SM, p.Encoder, p.Decoder} }

// told tells a share from the mark that the driver does not tell it.
func told(share float64) bool { return share >= 0 && !math.IsInf(share, 1) }

func (c *Converter) recordProcesses(d *device, read *nvmlwire.Device, owners Owners) {
	c.containers = c.containers[:0]
	for i := range read.Processes {
		p := &read.Processes[i]
		owner := owners.Processes[p.PID]
		if owner.Pending {
			continue
		}
		c.recordProcess(d, p, withOwner(append(d.own, metadata.WithProcessPidMetricAttribute(int64(p.PID))), owner))
		if owner.contained() {
			c.container(owner).add(p)
		}
	}
	if read.OtherCount > 0 {
		c.recordProcess(d, &read.OtherProcesses, append(d.own, metadata.WithProcessExecutableNameMetricAttribute(otherProcesses)))
	}
	for i := range c.containers {
		c.recordContainer(d, &c.containers[i])
	}
}

func (c *Converter) recordProcess(d *device, p *nvmlwire.Process, options []metadata.MetricAttributeOption) {
	if p.Memory <= math.MaxInt64 {
		c.mb.RecordProcessGpuMemoryUsageDataPoint(c.now, int64(p.Memory), d.id, gpu, d.name, options...)
	}
	names := tasks()
	for i, share := range shares(p) {
		if told(share) {
			c.mb.RecordProcessGpuUtilizationDataPoint(c.now, share, d.id, gpu, d.name, names[i], options...)
		}
	}
}

// recordContainer reports sums. A share of time is at most 1: with processes that take turns faster than NVML samples, the sum of what it
// says of each can be more.
func (c *Converter) recordContainer(d *device, sum *container) {
	owner := sum.owner
	owner.Executable = ""
	options := withOwner(d.own, owner)
	if sum.hasMemory && sum.memory <= math.MaxInt64 {
		c.mb.RecordContainerGpuMemoryUsageDataPoint(c.now, int64(sum.memory), d.id, gpu, d.name, options...)
	}
	names := tasks()
	for i, share := range sum.shares {
		if sum.hasShare[i] {
			c.mb.RecordContainerGpuUtilizationDataPoint(c.now, min(share, 1), d.id, gpu, d.name, names[i], options...)
		}
	}
}

// container finds the sum of the owner's container. There are few: at most as many as processes.
func (c *Converter) container(owner Owner) *container {
	for i := range c.containers {
		if found := &c.containers[i]; found.owner.ContainerID == owner.ContainerID && found.owner.PodUID == owner.PodUID {
			return found
		}
	}
	c.containers = append(c.containers, container{owner: owner})
	return &c.containers[len(c.containers)-1]
}

func (s *container) add(p *nvmlwire.Process) {
	if p.Memory <= math.MaxInt64 {
		s.memory += p.Memory
		s.hasMemory = true
	}
	for i, share := range shares(p) {
		if told(share) {
			s.shares[i] += share
			s.hasShare[i] = true
		}
	}
}

func withOwner(options []metadata.MetricAttributeOption, o Owner) []metadata.MetricAttributeOption {
	for _, attribute := range [...]struct {
		value  string
		option func(string) metadata.MetricAttributeOption
	}{
		{o.Executable, metadata.WithProcessExecutableNameMetricAttribute},
		{o.ContainerID, metadata.WithContainerIDMetricAttribute},
		{o.Namespace, metadata.WithK8sNamespaceNameMetricAttribute},
		{o.Pod, metadata.WithK8sPodNameMetricAttribute},
		{o.PodUID, metadata.WithK8sPodUIDMetricAttribute},
		{o.Container, metadata.WithK8sContainerNameMetricAttribute},
	} {
		if attribute.value != "" {
			options = append(options, attribute.option(attribute.value))
		}
	}
	return options
}

// recordAllocations reports who holds the device, whether it is used or not, and whether it answers or not.
func (c *Converter) recordAllocations(d *device, owners Owners) {
	for _, a := range owners.Allocations[d.id] {
		options := withOwner(d.own, Owner{Namespace: a.Namespace, Pod: a.Pod, Container: a.Container})
		c.mb.RecordHwGpuAllocationDataPoint(c.now, 1, d.id, gpu, d.name, a.Shared, options...)
	}
}
