// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

import (
	"path"
	"slices"
	"strings"
	"time"

	podresourcesv1 "k8s.io/kubelet/pkg/apis/podresources/v1"
)

// Holder is a container that holds a device.
type Holder struct {
	// Namespace, Pod and Container are k8s.namespace.name, k8s.pod.name and k8s.container.name.
	Namespace, Pod, Container string
	// Resource is the resource's name (nvidia.com/gpu), or the DRA driver's.
	Resource string
	// Shared tells that others may hold the device too: a replica, a shared resource, a shared claim, or another holder seen.
	Shared bool
}

// SamePod tells whether both are containers of the same pod.
func (h Holder) SamePod(other Holder) bool {
	return h.Namespace == other.Namespace && h.Pod == other.Pod
}

// Allocation is one device of one container, as the kubelet lists it.
type Allocation struct {
	Device DeviceID
	Holder Holder
	// Contested: the same unshared device id is listed for another pod, too; one of them has ended.
	Contested bool
}

// Snapshot is an answer of the kubelet; it never changes.
type Snapshot struct {
	// Allocations in the order of the answer, each once.
	Allocations []Allocation
	// Generation changes whenever Allocations do; 0 is the snapshot before the first answer.
	Generation uint64
	// Asked is when the request was sent: a process older than this was already there when the answer was made.
	Asked time.Time
	// Dropped allocations were over the bound.
	Dropped int
	// Unknown device ids had no known form.
	Unknown int
}

// builder turns an answer into allocations.
type builder struct {
	resources []string
	drivers   []string
	limit     int
}

// exclusive is a device id that one pod alone can hold at a time.
type exclusive struct{ resource, id string }

func (b builder) build(answer *podresourcesv1.ListPodResourcesResponse) *Snapshot {
	s := &Snapshot{}
	seen := make(map[Allocation]struct{})
	owners := make(map[exclusive][]int)
	add := func(a Allocation, id string, claim bool) {
		if a.Device.Form == FormUnknown {
			s.Unknown++
			return
		}
		if _, ok := seen[a]; ok {
			return
		}
		if len(s.Allocations) >= b.limit {
			s.Dropped++
			return
		}
		seen[a] = struct{}{}
		if !claim && !a.Device.Replica {
			key := exclusive{a.Holder.Resource, id}
			owners[key] = append(owners[key], len(s.Allocations))
		}
		s.Allocations = append(s.Allocations, a)
	}
	for _, pod := range answer.GetPodResources() {
		for _, container := range pod.GetContainers() {
			holder := Holder{Namespace: pod.GetNamespace(), Pod: pod.GetName(), Container: container.GetName()}
			b.devices(holder, container, add)
			b.claims(holder, container, add)
		}
	}
	contest(s.Allocations, owners)
	return s
}

type addFunc func(a Allocation, id string, claim bool)

func (b builder) devices(holder Holder, container *podresourcesv1.ContainerResources, add addFunc) {
	for _, devices := range container.GetDevices() {
		name := devices.GetResourceName()
		if !matches(b.resources, name) {
			continue
		}
		for _, id := range devices.GetDeviceIds() {
			a := Allocation{Device: ParseDeviceID(id), Holder: holder}
			a.Holder.Resource = name
			a.Holder.Shared = a.Device.Replica || strings.HasSuffix(name, ".shared")
			add(a, id, false)
		}
	}
}

func (b builder) claims(holder Holder, container *podresourcesv1.ContainerResources, add addFunc) {
	for _, dynamic := range container.GetDynamicResources() {
		for _, claim := range dynamic.GetClaimResources() {
			if !slices.Contains(b.drivers, claim.GetDriverName()) {
				continue
			}
			a := Allocation{Device: ParseClaim(claim), Holder: holder}
			a.Holder.Resource = claim.GetDriverName()
			a.Holder.Shared = a.Device.Replica
			add(a, "", true)
		}
	}
}

// contest marks what several pods are said to hold although only one can.
func contest(allocations []Allocation, owners map[exclusive][]int) {
	for _, of := range owners {
		first := allocations[of[0]].Holder
		if !slices.ContainsFunc(of, func(i int) bool { return !allocations[i].Holder.SamePod(first) }) {
			continue
		}
		for _, i := range of {
			allocations[i].Contested = true
		}
	}
}

// matches tells whether a resource's name fits one of the patterns (path.Match, so * stops at a slash).
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(pattern, name)
		return err == nil && ok
	})
}
