// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

// Device is a GPU or a MIG slice that NVML lists.
type Device struct {
	// UUID is GPU-<uuid>, MIG-<uuid> or, from drivers before 470, MIG-GPU-<uuid>/<gi>/<ci>.
	UUID string
	// Index and Minor are the NVML index and the minor number (/dev/nvidia<minor>) of a GPU; unused for a slice.
	Index, Minor int
	// ParentUUID is the GPU's for a slice, empty for a GPU.
	ParentUUID string
	// GI and CI are the GPU and compute instance ids of a slice; unused for a GPU.
	GI, CI int
	// Placement of a slice, where it was read; nil else. Only DRA needs it.
	Placement *Placement
}

// Placement is where a slice's GPU instance lies, as nvmlGpuInstanceInfo_t has it.
type Placement struct{ ProfileID, Start int }

// Assignment joins allocations to devices; it never changes.
type Assignment struct {
	holders   map[string][]Holder
	contested map[string][]Holder
	// Unmapped allocations name a device that is not in the list of devices, or not beyond doubt.
	Unmapped int
}

// Holders gives who holds a device, each container once; the caller must not change it. Of a contested device it gives none.
func (a *Assignment) Holders(uuid string) []Holder { return a.holders[uuid] }

// Contested gives who may hold a device of which the kubelet says that several pods do although one alone can.
func (a *Assignment) Contested(uuid string) []Holder { return a.contested[uuid] }

// Assign joins the snapshot's allocations to these devices.
func (s *Snapshot) Assign(devices []Device) *Assignment {
	a := &Assignment{holders: make(map[string][]Holder), contested: make(map[string][]Holder)}
	for _, allocation := range s.Allocations {
		into, mapped := a.holders, false
		if allocation.Contested {
			into = a.contested
		}
		for _, i := range find(devices, allocation.Device) {
			mapped = true
			into[devices[i].UUID] = appendOnce(into[devices[i].UUID], allocation.Holder)
		}
		if !mapped {
			a.Unmapped++
		}
	}
	for uuid := range a.contested {
		a.contested[uuid] = append(a.contested[uuid], a.holders[uuid]...)
		delete(a.holders, uuid)
	}
	for _, holders := range a.holders {
		for i := range holders {
			holders[i].Shared = holders[i].Shared || len(holders) > 1
		}
	}
	return a
}

// appendOnce: a container with several replicas, or the same device by two resources, is one holder.
func appendOnce(holders []Holder, h Holder) []Holder {
	for i := range holders {
		if holders[i].SamePod(h) && holders[i].Container == h.Container {
			holders[i].Shared = holders[i].Shared || h.Shared
			return holders
		}
	}
	return append(holders, h)
}

// find gives the places of the devices that an id names: one, or none, or the slices of a GPU instance.
func find(devices []Device, id DeviceID) []int {
	switch id.Form {
	case FormUUID:
		return where(devices, func(d Device) bool { return d.UUID == id.UUID })
	case FormOldMIG:
		return where(devices, func(d Device) bool { return d.ParentUUID == id.UUID && d.GI == id.GI && d.CI == id.CI })
	case FormIndex:
		return where(devices, func(d Device) bool { return d.ParentUUID == "" && d.Index == id.Number })
	case FormMinor:
		gpu := where(devices, func(d Device) bool { return d.ParentUUID == "" && d.Minor == id.Number })
		if id.GI == none || len(gpu) != 1 {
			return gpu
		}
		return where(devices, func(d Device) bool { return d.ParentUUID == devices[gpu[0]].UUID && d.GI == id.GI })
	case FormDRA:
		return draGPUs(devices, id.Number)
	case FormDRASlice:
		return draSlices(devices, id)
	case FormUnknown:
	}
	return nil
}

// draGPUs: the number is the minor or, from older drivers, the index; where these are two GPUs it names neither.
func draGPUs(devices []Device, n int) []int {
	return where(devices, func(d Device) bool { return d.ParentUUID == "" && d.Minor == n && d.Index == n })
}

func draSlices(devices []Device, id DeviceID) []int {
	gpu := draGPUs(devices, id.Number)
	if len(gpu) != 1 {
		return nil
	}
	slices := where(devices, func(d Device) bool { return d.ParentUUID == devices[gpu[0]].UUID })
	if len(slices) == 1 && devices[slices[0]].Placement == nil {
		return slices
	}
	return where(devices, func(d Device) bool {
		return d.ParentUUID == devices[gpu[0]].UUID && d.Placement != nil &&
			d.Placement.ProfileID == id.Profile && d.Placement.Start == id.Start
	})
}

func where(devices []Device, is func(Device) bool) []int {
	var found []int
	for i, d := range devices {
		if is(d) {
			found = append(found, i)
		}
	}
	return found
}
