//go:build linux && cgo

package fleet

import (
	"cmp"
	"slices"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/event"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/reading"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// mostRecords bounds the GPUs that are remembered; the one missing longest is forgotten first.
const mostRecords = 128

// record is what is known of a GPU, also while it does not answer.
type record struct {
	uuid   string
	reader *reading.GPU
	handle nvml.Device
	info   nvmlwire.Info
	slices []identity

	state   nvmlwire.DeviceState
	detail  string
	missing int // collections since it answered last
	// generation changes whenever events must be registered anew.
	generation int
}

// identity is what is known of a slice.
type identity struct {
	uuid string
	info nvmlwire.Info
}

// learn takes over what a collection told.
func (r *record) learn(device *nvmlwire.Device, parts []*nvmlwire.Device) {
	if device.State == nvmlwire.StateOK || device.State == nvmlwire.StateReset {
		if r.state != nvmlwire.StateOK && r.state != nvmlwire.StateReset || r.info.MIGMode != device.Info.MIGMode {
			r.generation++
		}
		r.slices = r.slices[:0]
		for _, p := range parts {
			r.slices = append(r.slices, identity{p.UUID, p.Info})
		}
		r.missing = 0
	}
	r.info, r.state, r.detail = device.Info, device.State, device.Detail
}

// list appends the GPU and its slices by what is known of them, in a state other than OK.
func (r *record) list(to []nvmlwire.Device) []nvmlwire.Device {
	d := nvmlwire.Device{UUID: r.uuid, Info: r.info, State: r.state, Detail: r.detail}
	to = append(to, d)
	for _, s := range r.slices {
		d.UUID, d.Parent, d.Info = s.uuid, r.uuid, s.info
		to = append(to, d)
	}
	return to
}

// target is the GPU as the events' thread registers it.
func (r *record) target() event.Target {
	t := event.Target{Handle: r.handle, UUID: r.uuid, Generation: r.generation}
	for _, s := range r.slices {
		t.Slices = append(t.Slices, event.Slice{GPUInstance: s.info.GPUInstance, ComputeInstance: s.info.ComputeInstance, UUID: s.uuid})
	}
	return t
}

// sorted gives the records in the order of their indices.
func sorted(records map[string]*record, into []*record) []*record {
	into = into[:0]
	for _, r := range records {
		into = append(into, r)
	}
	slices.SortFunc(into, func(a, b *record) int {
		if c := cmp.Compare(a.info.Index, b.info.Index); c != 0 {
			return c
		}
		return cmp.Compare(a.uuid, b.uuid)
	})
	return into
}
