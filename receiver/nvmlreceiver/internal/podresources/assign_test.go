// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources

import (
	"testing"

	"github.com/stretchr/testify/assert"
	podresourcesv1 "k8s.io/kubelet/pkg/apis/podresources/v1"
)

func pod(namespace, name string, containers ...*podresourcesv1.ContainerResources) *podresourcesv1.PodResources {
	return &podresourcesv1.PodResources{Namespace: namespace, Name: name, Containers: containers}
}

func holds(container, resource string, ids ...string) *podresourcesv1.ContainerResources {
	return &podresourcesv1.ContainerResources{
		Name:    container,
		Devices: []*podresourcesv1.ContainerDevices{{ResourceName: resource, DeviceIds: ids}},
	}
}

func claims(container string, devices ...*podresourcesv1.ClaimResource) *podresourcesv1.ContainerResources {
	return &podresourcesv1.ContainerResources{
		Name:             container,
		DynamicResources: []*podresourcesv1.DynamicResource{{ClaimName: "c", ClaimNamespace: "ml", ClaimResources: devices}},
	}
}

func answer(pods ...*podresourcesv1.PodResources) *podresourcesv1.ListPodResourcesResponse {
	return &podresourcesv1.ListPodResourcesResponse{PodResources: pods}
}

func build(pods ...*podresourcesv1.PodResources) *Snapshot {
	cfg := DefaultConfig()
	return builder{cfg.Resources, cfg.DRADrivers, cfg.MaxAllocations}.build(answer(pods...))
}

// The minor of the second GPU is the index of the third, as on hosts where the PCI order is not the probing order.
func node() []Device {
	return []Device{
		{UUID: gpu0, Index: 0, Minor: 0},
		{UUID: gpu1, Index: 1, Minor: 2},
		{UUID: gpu2, Index: 2, Minor: 1},
		{UUID: mig0, ParentUUID: gpu0, GI: 1, CI: 0, Placement: &Placement{ProfileID: 19, Start: 0}},
		{UUID: mig1, ParentUUID: gpu0, GI: 2, CI: 0, Placement: &Placement{ProfileID: 19, Start: 1}},
	}
}

func TestAssign(t *testing.T) {
	const plain, shared = "nvidia.com/gpu", "nvidia.com/gpu.shared"
	h := func(pod, container, resource string, shared bool) Holder {
		return Holder{Namespace: "ml", Pod: pod, Container: container, Resource: resource, Shared: shared}
	}
	for name, tc := range map[string]struct {
		pods      []*podresourcesv1.PodResources
		want      map[string][]Holder
		contested map[string][]Holder
		unmapped  int
	}{
		"plain": {
			pods: []*podresourcesv1.PodResources{pod("ml", "a", holds("c", plain, gpu0, gpu1)), pod("ml", "idle", holds("c", "cpu"))},
			want: map[string][]Holder{gpu0: {h("a", "c", plain, false)}, gpu1: {h("a", "c", plain, false)}},
		},
		"time-sliced, two replicas of one container, MPS": {
			pods: []*podresourcesv1.PodResources{
				pod("ml", "a", holds("c", shared, gpu0+"::0", gpu0+"::1")),
				pod("ml", "b", holds("c", shared, gpu0+"::2")),
				pod("ml", "d", holds("c", plain, gpu1+"::0")),
			},
			want: map[string][]Holder{
				gpu0: {h("a", "c", shared, true), h("b", "c", shared, true)},
				gpu1: {h("d", "c", plain, true)},
			},
		},
		"MIG": {
			pods: []*podresourcesv1.PodResources{
				pod("ml", "a", holds("c", "nvidia.com/mig-1g.10gb", mig0)),
				pod("ml", "b", holds("c", "nvidia.com/mig-1g.10gb.shared", mig1+"::0")),
			},
			want: map[string][]Holder{
				mig0: {h("a", "c", "nvidia.com/mig-1g.10gb", false)},
				mig1: {h("b", "c", "nvidia.com/mig-1g.10gb.shared", true)},
			},
		},
		"old MIG": {
			pods: []*podresourcesv1.PodResources{pod("ml", "a", holds("c", "nvidia.com/mig-1g.5gb", "MIG-"+gpu0+"/2/0"))},
			want: map[string][]Holder{mig1: {h("a", "c", "nvidia.com/mig-1g.5gb", false)}},
		},
		"GKE: nvidia<n> is the minor": {
			pods: []*podresourcesv1.PodResources{
				pod("ml", "a", holds("c", plain, "nvidia1")),
				pod("ml", "b", holds("c", plain, "nvidia2/vgpu0")),
				pod("ml", "d", holds("c", plain, "nvidia0/gi1")),
				pod("ml", "e", holds("c", plain, "nvidia0/gi2/vgpu1")),
			},
			want: map[string][]Holder{
				gpu2: {h("a", "c", plain, false)},
				gpu1: {h("b", "c", plain, true)},
				mig0: {h("d", "c", plain, false)},
				mig1: {h("e", "c", plain, true)},
			},
		},
		"index": {
			pods: []*podresourcesv1.PodResources{pod("ml", "a", holds("c", plain, "2"))},
			want: map[string][]Holder{gpu2: {h("a", "c", plain, false)}},
		},
		"DRA": {
			pods: []*podresourcesv1.PodResources{
				pod("ml", "a", claims("c", claim("gpu-0", ""))),
				pod("ml", "b", claims("c", claim("gpu-1", ""))), // minor 1 and index 1 are two GPUs
				pod("ml", "d", claims("c", claim("gpu-9", "nvidia.com/gpu="+gpu2))),
				pod("ml", "e", claims("c", claim("gpu-0-mig-1g10gb-19-1", ""))),
				pod("ml", "f", claims("c", claim("gpu-0-mig-1g10gb-19-5", ""))), // no slice is there
				pod("ml", "g", claims("c", &podresourcesv1.ClaimResource{DriverName: "nic.example.com", DeviceName: "gpu-0"})),
			},
			want: map[string][]Holder{
				gpu0: {h("a", "c", "gpu.nvidia.com", false)},
				gpu2: {h("d", "c", "gpu.nvidia.com", false)},
				mig1: {h("e", "c", "gpu.nvidia.com", false)},
			},
			unmapped: 2,
		},
		"a DRA claim of two pods is shared, not contested": {
			pods: []*podresourcesv1.PodResources{pod("ml", "a", claims("c", claim("gpu-0", ""))), pod("ml", "b", claims("c", claim("gpu-0", "")))},
			want: map[string][]Holder{gpu0: {h("a", "c", "gpu.nvidia.com", true), h("b", "c", "gpu.nvidia.com", true)}},
		},
		"two containers of a pod": {
			pods: []*podresourcesv1.PodResources{pod("ml", "a", holds("c", plain, gpu0), holds("d", plain, gpu0))},
			want: map[string][]Holder{gpu0: {h("a", "c", plain, true), h("a", "d", plain, true)}},
		},
		"a pod that ended is listed still": {
			pods:      []*podresourcesv1.PodResources{pod("ml", "ended", holds("c", plain, gpu0)), pod("ml", "b", holds("c", plain, gpu0))},
			want:      map[string][]Holder{},
			contested: map[string][]Holder{gpu0: {h("ended", "c", plain, false), h("b", "c", plain, false)}},
		},
		"device that is not there": {
			pods:     []*podresourcesv1.PodResources{pod("ml", "a", holds("c", plain, "GPU-ffffffff-1111-2222-3333-444444444444"))},
			want:     map[string][]Holder{},
			unmapped: 1,
		},
		"other resources": {
			pods: []*podresourcesv1.PodResources{pod("ml", "a", holds("c", "amd.com/gpu", gpu0), holds("d", "nvidia.com/gpu/x", gpu0))},
			want: map[string][]Holder{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := build(tc.pods...).Assign(node())
			assert.Equal(t, tc.want, a.holders)
			assert.Equal(t, tc.unmapped, a.Unmapped)
			if tc.contested == nil {
				tc.contested = map[string][]Holder{}
			}
			assert.Equal(t, tc.contested, a.contested)
		})
	}
}

func TestOnlySliceOfAGPUNeedsNoPlacement(t *testing.T) {
	s := build(pod("ml", "a", claims("c", claim("gpu-0-mig-1g10gb-19-3", ""))))
	devices := []Device{{UUID: gpu0}, {UUID: mig0, ParentUUID: gpu0}}
	assert.Len(t, s.Assign(devices).Holders(mig0), 1)
	devices[1].Placement = &Placement{ProfileID: 19, Start: 0}
	assert.Empty(t, s.Assign(devices).Holders(mig0), "the placement says that it is another slice")
	devices = []Device{{UUID: gpu0}, {UUID: mig0, ParentUUID: gpu0}, {UUID: mig1, ParentUUID: gpu0}}
	assert.Equal(t, 1, s.Assign(devices).Unmapped)
}

func TestBoundAndUnknown(t *testing.T) {
	cfg := DefaultConfig()
	b := builder{cfg.Resources, cfg.DRADrivers, 2}
	s := b.build(answer(pod("ml", "a", holds("c", "nvidia.com/gpu", gpu0+"::0", gpu0+"::1", gpu1, gpu2, "what"))))
	assert.Len(t, s.Allocations, 2)
	assert.Equal(t, 1, s.Dropped)
	assert.Equal(t, 1, s.Unknown)
}
