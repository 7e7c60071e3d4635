// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package eventhub is where all that is learnt about what happens to GPUs comes together: NVML's events, the kernel log, and what
// changed between two collections. It counts XIDs, and makes each event once.
package eventhub

import (
	"sync"
	"time"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/gpuevent"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/kernellog"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/xidmerge"
)

const (
	// mergeWindow is how long an XID that one source told waits for the other.
	mergeWindow = 2 * time.Second
	// mergeWaiting bounds those that wait.
	mergeWaiting = 1024
	// mergeEqual bounds the XIDs of one event that wait.
	mergeEqual = 64
)

// Settings are what a Hub needs.
type Settings struct {
	// NVML and Kernel say which sources of XIDs there are.
	NVML, Kernel bool
	// Count counts n XIDs of the GPU with this hw.id.
	Count func(gpu string, code, n uint64)
	// Emit takes an event. It must not block.
	Emit func(gpuevent.Event)
	Now  func() time.Time
}

// Hub is not to be copied. Its methods may be called from any goroutine, and never block for long.
type Hub struct {
	settings Settings
	wake     chan struct{}

	mu        sync.Mutex
	merger    *xidmerge.Merger
	limiter   gpuevent.Limiter
	changes   gpuevent.Changes
	devices   directory
	eventsOff bool // NVML's events do not come, whatever was asked for
	simulated bool
	draining  bool
}

// New makes a hub that knows no GPU.
func New(settings Settings) *Hub {
	window := time.Duration(0)
	if settings.NVML && settings.Kernel {
		window = mergeWindow
	}
	return &Hub{settings: settings, wake: make(chan struct{}, 1), merger: xidmerge.New(window, mergeWaiting), eventsOff: true}
}

// Snapshot learns which GPUs there are, and makes events of what changed.
func (h *Hub) Snapshot(s *nvmlwire.Snapshot) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.State == nvmlwire.LibraryReady {
		h.devices.learn(s)
		h.simulated = s.Simulated
	}
	h.eventsOff = !h.settings.NVML || s.State != nvmlwire.LibraryReady || s.EventsOff != ""
	for _, e := range h.changes.Between(s, h.devices.identify) {
		h.emit(e)
	}
}

// NVML takes events of NVML's event set.
func (h *Hub) NVML(events []nvmlwire.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		gpu := h.devices.byUUID(e.UUID)
		if e.Kind == nvmlwire.EventXID {
			h.nvmlXID(e, gpu)
			continue
		}
		event := gpuevent.FromNVML(e, h.devices.slice(gpu, instance(e.GPUInstance), instance(e.ComputeInstance)))
		event.Simulated = h.simulated
		h.emit(event)
	}
}

// nvmlXID offers an XID for each that the event stands for, as the kernel log has a line for each. Of a storm the driver writes only
// some lines, so what is beyond a bound waits for none.
func (h *Hub) nvmlXID(e nvmlwire.Event, gpu gpuevent.GPU) {
	s := xidmerge.Sighting{
		Source: xidmerge.SourceNVML, GPU: key(gpu), Code: e.Data, Time: e.Time, Solo: gpu.BusID == "",
		GPUInstance: instance(e.GPUInstance), ComputeInstance: instance(e.ComputeInstance),
	}
	merged := min(max(e.Count, 1), mergeEqual)
	for range merged {
		h.offer(s)
	}
	if rest := max(e.Count, 1) - merged; rest > 0 {
		h.report([]xidmerge.Report{{Sighting: s}}, rest)
	}
}

// Kernel takes an event of the kernel log.
func (h *Hub) Kernel(e kernellog.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Kind == kernellog.KindXID {
		h.offer(xidmerge.Sighting{
			Source: xidmerge.SourceKernelLog, GPU: e.PCIBusID, Code: e.Code, Time: e.Time, Solo: e.Replayed || h.eventsOff,
			GPUInstance: e.GPUInstance, ComputeInstance: e.ComputeInstance, PID: e.PID, ProcessName: e.ProcessName, Message: e.Message,
		})
		return
	}
	if event, ok := gpuevent.FromKernel(e, h.devices.byBusID(e.PCIBusID)); ok {
		h.emit(event)
	}
}

// key is what both sources of an XID know a GPU by: its bus id, else whatever there is.
func key(gpu gpuevent.GPU) string {
	if gpu.BusID != "" {
		return gpu.BusID
	}
	return gpu.ID
}

// instance is a MIG id; nil where there is none.
func instance(id int) *uint32 {
	if id < 0 {
		return nil
	}
	v := uint32(id) //nolint:gosec // NVML's ids have 32 bits
	return &v
}

func (h *Hub) offer(s xidmerge.Sighting) {
	if h.draining {
		s.Solo = true
	}
	h.report(h.merger.Offer(h.settings.Now(), s), 1)
	h.nudge()
}

// report counts XIDs on the GPU, also those of its slices, and makes events of them. Each report stands for n.
func (h *Hub) report(reports []xidmerge.Report, n uint64) {
	for _, r := range reports {
		gpu := h.devices.byKey(r.GPU)
		h.settings.Count(countedOn(gpu, r.GPU), r.Code, n)
		e := gpuevent.FromXID(r, h.devices.slice(gpu, r.GPUInstance, r.ComputeInstance))
		// The kernel's log is real, whatever NVML is.
		e.Simulated = h.simulated && r.Source.Has(xidmerge.SourceNVML)
		e.Count = n
		h.emit(e)
	}
}

// countedOn is the hw.id whose XIDs these are.
func countedOn(gpu gpuevent.GPU, key string) string {
	switch {
	case gpu.Parent != "":
		return gpu.Parent
	case gpu.ID != "":
		return gpu.ID
	}
	return key
}

func (h *Hub) emit(e gpuevent.Event) {
	for _, passed := range h.limiter.Pass(h.settings.Now(), e) {
		h.settings.Emit(passed)
	}
	h.nudge()
}
