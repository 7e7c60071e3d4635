// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"cmp"

	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/convert"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

// owners is attribution.Resolver, in the terms of snapshots.
type owners struct {
	*attribution.Resolver
	settler *settler
	input   attribution.Input
	result  attribution.Result
}

// nobody resolves nothing, where neither processes nor pods are wanted.
type nobody struct{}

func (nobody) Start()                                    {}
func (nobody) Stop()                                     {}
func (nobody) Resolve(*nvmlwire.Snapshot) convert.Owners { return convert.Owners{} }

func newResolver(cfg *Config, logger *zap.Logger) (resolver, error) {
	if !cfg.Processes.Enabled && !cfg.Pods.Enabled {
		return nobody{}, nil
	}
	join := attribution.DefaultConfig()
	join.Root = cfg.RootPath
	join.PodResources = nil
	join.NodeLogs = cfg.Pods.Enabled
	if cfg.Pods.Enabled {
		pods := podresources.DefaultConfig()
		pods.Socket, pods.Resources = cfg.Pods.Socket, cfg.Pods.ResourceNames
		join.PodResources = &pods
	}
	r, err := attribution.New(join, logger)
	if err != nil {
		return nil, err
	}
	return &owners{Resolver: r, settler: newSettler(cfg.Pods.Enabled)}, nil
}

// Resolve asks for the processes and devices of a snapshot. One call at a time.
func (o *owners) Resolve(s *nvmlwire.Snapshot) convert.Owners {
	o.input.Processes, o.input.Devices = o.input.Processes[:0], o.input.Devices[:0]
	for i := range s.Devices {
		d := &s.Devices[i]
		o.input.Devices = append(o.input.Devices, podresources.Device{
			UUID: d.UUID, Index: d.Info.Index, Minor: d.Info.Minor, ParentUUID: d.Parent, GI: d.Info.GPUInstance, CI: d.Info.ComputeInstance,
		})
		for _, p := range d.Processes {
			o.input.Processes = append(o.input.Processes, processOn(d, p.PID))
		}
	}
	o.Resolver.Resolve(o.input, &o.result)
	return o.translate()
}

func processOn(d *nvmlwire.Device, pid uint32) attribution.Process {
	if d.Parent != "" {
		return attribution.Process{GPU: d.Parent, MIG: d.UUID, PID: pid}
	}
	return attribution.Process{GPU: d.UUID, PID: pid}
}

func (o *owners) translate() convert.Owners {
	known := convert.Owners{Processes: map[uint32]convert.Owner{}, Allocations: map[string][]convert.Allocation{}}
	o.settler.next()
	for i := range o.result.Processes {
		p, pid := &o.result.Processes[i], o.input.Processes[i].PID
		known.Processes[pid] = convert.Owner{
			Pending: o.settler.holds(pid, p),
			// Without the right to read the link to it, the executable's name is the kernel's, of 15 characters.
			Executable:  cmp.Or(p.Executable, p.Name),
			ContainerID: p.ContainerID, Namespace: p.Namespace, Pod: p.Pod, PodUID: p.PodUID, Container: p.Container,
		}
	}
	for _, d := range o.result.Devices {
		for _, pod := range d.Pods {
			known.Allocations[d.UUID] = append(known.Allocations[d.UUID],
				convert.Allocation{Namespace: pod.Namespace, Pod: pod.Pod, Container: pod.Container, Shared: pod.Shared})
		}
	}
	return known
}
