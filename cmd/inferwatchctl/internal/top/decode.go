// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// oneCollection is how far apart the readings of one collection may be. An exporter serves a series for minutes after its last reading:
// what is older than that is of a process that ended, or of a GPU that no longer answers.
const oneCollection = 50 * time.Millisecond

// staleAfter is how far behind the others a GPU's newest reading may be: three collections, by default.
const staleAfter = 30 * time.Second

const metricInfo = "hw_gpu_info"

// setter puts a sample where it belongs.
type setter func(*building, sample)

// building is a device under way.
type building struct {
	Device
	processes, containers map[Process]*Process
}

type decoder struct {
	setters map[string]setter // by canonical name
}

func newDecoder() decoder {
	d := decoder{setters: map[string]setter{}}
	for name, set := range readings() {
		d.setters[canonical(name)] = set
	}
	return d
}

func (d decoder) wants(metric string) bool { return d.setters[metric] != nil }

func (d decoder) decode(samples []sample) *Host {
	samples = slices.DeleteFunc(samples, func(s sample) bool {
		return s.labels["hw_id"] == "" || s.labels["hw_type"] != "gpu" || math.IsNaN(s.value)
	})
	newest := map[string]time.Time{} // by GPU
	for _, s := range samples {
		if gpu := rootOf(s); s.at.After(newest[gpu]) {
			newest[gpu] = s.at
		}
	}
	host := &Host{}
	devices := map[string]*building{}
	for _, s := range samples {
		id, gpu := s.labels["hw_id"], rootOf(s)
		fresh := s.at.IsZero() || newest[gpu].Sub(s.at) <= oneCollection
		// A GPU that is lost is still the one that it was; a slice that is gone is no more.
		if !fresh && (s.metric != metricInfo || id != gpu) {
			continue
		}
		if devices[id] == nil {
			devices[id] = newBuilding(id, newest[gpu])
		}
		host.learn(s)
		devices[id].identify(s)
		d.setters[s.metric](devices[id], s)
	}
	host.assemble(devices)
	return host
}

// rootOf is the GPU that a sample is of, directly or through a slice.
func rootOf(s sample) string { return cmp.Or(s.labels["hw_parent"], s.labels["hw_id"]) }

func newBuilding(id string, at time.Time) *building {
	nan := math.NaN()
	return &building{
		Device: Device{
			ID: id, Index: -1, At: at,
			Utilization: nan, Encoder: nan, Decoder: nan, MemoryBusy: nan, MemoryUsed: nan, MemorySize: nan, MemoryShare: nan,
			Power: nan, PowerLimit: nan, Temperature: nan, MemoryTemperature: nan, Clock: nan, Fan: nan,
			Counters: map[counter]float64{},
		},
		processes: map[Process]*Process{}, containers: map[Process]*Process{},
	}
}

func (h *Host) learn(s sample) {
	h.Name = cmp.Or(h.Name, s.labels["host_name"])
	h.Simulated = h.Simulated || s.labels["inferwatch_simulated"] == "true"
	h.Drivers = addName(h.Drivers, s.labels["hw_driver_version"])
	h.CUDA = addName(h.CUDA, s.labels["hw_gpu_cuda_version"])
	if s.at.After(h.At) {
		h.At = s.at
	}
}

func addName(names []string, name string) []string {
	if name == "" || slices.Contains(names, name) {
		return names
	}
	names = append(names, name)
	slices.Sort(names)
	return names
}

func (b *building) identify(s sample) {
	b.Name = cmp.Or(b.Name, s.labels["hw_name"])
	b.Parent = cmp.Or(b.Parent, s.labels["hw_parent"])
}

// info reads the labels of hw.gpu.info.
func (b *building) info(s sample) {
	b.Name = cmp.Or(s.labels["hw_model"], b.Name)
	b.Profile = s.labels["hw_gpu_mig_profile"]
	if index, err := strconv.Atoi(s.labels["hw_gpu_index"]); err == nil && b.Parent == "" {
		b.Index = index
	}
}

// assemble puts slices under their GPUs, and sorts. The readings of a GPU that has failed are not of now and go.
func (h *Host) assemble(devices map[string]*building) {
	for id, b := range devices {
		b.finish()
		switch parent := devices[b.Parent]; {
		case b.Parent == "":
			h.GPUs = append(h.GPUs, &b.Device)
		case parent != nil:
			parent.Slices = append(parent.Slices, &b.Device)
		default:
			orphan := newBuilding(b.Parent, b.At)
			orphan.Slices = []*Device{&devices[id].Device}
			devices[b.Parent] = orphan
			h.GPUs = append(h.GPUs, &orphan.Device)
		}
	}
	slices.SortFunc(h.GPUs, byIndex)
	for _, gpu := range h.GPUs {
		slices.SortFunc(gpu.Slices, func(a, b *Device) int {
			return cmp.Or(strings.Compare(a.Profile, b.Profile), strings.Compare(a.ID, b.ID))
		})
		if !gpu.At.IsZero() && h.At.Sub(gpu.At) > staleAfter {
			gpu.State = StateStale
		}
		if gpu.State == StateFailed || gpu.State == StateStale {
			gpu.forget()
		}
	}
}

func byIndex(a, b *Device) int {
	known := func(d *Device) int {
		if d.Index < 0 {
			return math.MaxInt
		}
		return d.Index
	}
	return cmp.Or(cmp.Compare(known(a), known(b)), strings.Compare(a.ID, b.ID))
}

func (b *building) finish() {
	held := b.processes
	if len(held) == 0 {
		held = b.containers
	}
	for _, p := range held {
		b.Processes = append(b.Processes, *p)
	}
	slices.SortFunc(b.Processes, func(x, y Process) int {
		return cmp.Or(cmp.Compare(orZero(y.Memory), orZero(x.Memory)), cmp.Compare(orZero(y.SM), orZero(x.SM)),
			cmp.Compare(len(x.PID), len(y.PID)), strings.Compare(x.PID, y.PID), strings.Compare(x.Container, y.Container))
	})
	slices.Sort(b.Throttle)
	if math.IsNaN(b.MemoryShare) && b.MemorySize > 0 {
		b.MemoryShare = b.MemoryUsed / b.MemorySize
	}
}

// forget takes away what may be of before.
func (d *Device) forget() {
	blank := newBuilding(d.ID, d.At).Device
	blank.Parent, blank.Name, blank.Profile, blank.Index, blank.State, blank.Counters = d.Parent, d.Name, d.Profile, d.Index, d.State, d.Counters
	blank.RemapPending, blank.RemapFailed, blank.RetirementPending = d.RemapPending, d.RemapFailed, d.RetirementPending
	*d = blank
}

func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}
