// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"

import (
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

// processes writes the result of each process.
func (r *Resolver) processes(processes []Process, index *logIndex, out *Result) {
	out.Processes = resize(out.Processes, len(processes))
	r.stats.invisible, r.stats.nameless = 0, 0
	for i, p := range processes {
		e, ok := r.entries[p.PID]
		if !ok {
			out.Processes[i] = ProcessResult{}
			r.stats.invisible++
			continue
		}
		out.Processes[i] = r.process(p.device(), e, index)
		if e.PodUID != "" && out.Processes[i].Pod == "" {
			r.stats.nameless++
		}
	}
}

func (r *Resolver) process(device string, e *cgroup.Entry, index *logIndex) ProcessResult {
	result := ProcessResult{
		Visible:     true,
		Name:        e.Name,
		Executable:  e.Executable,
		SystemdUnit: e.SystemdUnit,
		ContainerID: e.ContainerID,
		PodUID:      e.PodUID,
	}
	if e.ContainerID == "" && e.PodUID == "" {
		if e.SystemdUnit != "" {
			result.Source = SourceCgroup
		}
		return result
	}
	result.Source = SourceCgroup
	holders := r.assigned.assignment.Holders(device)
	name, container := r.names(device, e, index, holders)
	result.Namespace, result.Pod, result.Container = name.namespace, name.pod, container
	for _, h := range holders {
		if name != (podName{}) && h.Namespace == name.namespace && h.Pod == name.pod {
			result.Source = SourceBoth
		}
	}
	return result
}

// names gives a process's pod and container, each only where it is certain.
func (r *Resolver) names(device string, e *cgroup.Entry, index *logIndex, holders []podresources.Holder) (podName, string) {
	if known, ok := index.containers[e.ContainerID]; ok {
		return known.podName, known.container
	}
	name, ok := r.binder.pod(e.PodUID)
	if !ok || r.binder.uses[use{device, e.PodUID}].several {
		return name, ""
	}
	container := ""
	for _, h := range holders {
		if h.Namespace != name.namespace || h.Pod != name.pod {
			continue
		}
		if container != "" {
			return name, ""
		}
		container = h.Container
	}
	return name, container
}

// devices writes who holds each device.
func (r *Resolver) devices(in Input, out *Result) {
	out.Devices = resize(out.Devices, len(in.Devices))
	r.stats.contested = 0
	for i, d := range in.Devices {
		result := &out.Devices[i]
		result.UUID, result.Pods = d.UUID, result.Pods[:0]
		for _, h := range r.assigned.assignment.Holders(d.UUID) {
			result.Pods = append(result.Pods, r.devicePod(h))
		}
		candidates := r.assigned.assignment.Contested(d.UUID)
		for _, h := range candidates {
			if r.runsOn(d.UUID, podName{h.Namespace, h.Pod}) {
				result.Pods = append(result.Pods, r.devicePod(h))
			}
		}
		if len(candidates) > 0 && len(result.Pods) == 0 {
			r.stats.contested++
		}
	}
}

func (r *Resolver) devicePod(h podresources.Holder) DevicePod {
	d := DevicePod{Holder: h, PodUID: r.binder.uid(podName{h.Namespace, h.Pod}), Source: SourcePodResources}
	if d.PodUID != "" {
		d.Source = SourceBoth
	}
	return d
}

// runsOn tells whether a process of this pod is on the device.
func (r *Resolver) runsOn(device string, name podName) bool {
	uid := r.binder.uid(name)
	_, ok := r.binder.uses[use{device, uid}]
	return ok && uid != ""
}

// resize keeps the memory, and what it points to, for use anew.
func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return append(s[:cap(s)], make([]T, n-cap(s))...)
	}
	return s[:n]
}
