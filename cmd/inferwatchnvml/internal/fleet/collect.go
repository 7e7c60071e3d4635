//go:build linux && cgo

package fleet

import (
	"slices"
	"strconv"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/event"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/reading"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Collect asks all GPUs at once and waits for them until the deadline. The snapshot is valid until the next Collect; nil means that
// Fault says why there is none.
func (f *Fleet) Collect(seq uint64, patience time.Duration) *nvmlwire.Snapshot {
	began := time.Now()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	f.seq++
	for _, s := range f.slots {
		s.settle()
		s.found = false
	}
	snapshot := f.snapshot(seq)
	if f.fault.Load() != nil {
		return nil
	}
	if f.begin(patience/2) && f.enumerate(patience/4) {
		f.resolve(patience / 4)
		f.read(deadline.C)
	}
	if f.fault.Load() != nil {
		return nil
	}
	f.describe(snapshot)
	if f.settings.Release {
		f.teardown(patience / 4)
	}
	f.updateEvents(snapshot)
	snapshot.Driver, snapshot.NVML, snapshot.CUDA = f.versions.Driver, f.versions.NVML, f.versions.CUDA
	snapshot.Calls, snapshot.CallErrors = f.counts.Calls.Load(), f.counts.Errors.Load()
	snapshot.Time = time.Now()
	snapshot.Took = snapshot.Time.Sub(began)
	return snapshot
}

// Between is for what must not be in a collection: NVML is initialised anew where GPUs are missing, and all GPUs are read once, so that
// the next collection has the samples that its means begin with. The last snapshot is no longer valid then.
func (f *Fleet) Between(patience time.Duration) {
	if !f.reinitialise(patience / 4) {
		return
	}
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for _, s := range f.slots {
		s.settle()
		s.found = false
	}
	if f.begin(patience/2) && f.enumerate(patience/4) {
		f.resolve(patience / 4)
		f.read(deadline.C)
		f.updateEvents(&nvmlwire.Snapshot{})
	}
}

// begin initialises NVML where it is not.
func (f *Fleet) begin(patience time.Duration) bool {
	if f.ready {
		return true
	}
	o, ok := f.registrar.ask(errandInit, patience)
	if !ok {
		return false
	}
	if o.code != nvml.SUCCESS {
		f.fail(stateOf(o.code), o.call, o.code)
		return false
	}
	f.ready, f.versions = true, o.versions
	if f.settings.Hotplug != nil {
		f.plugged = f.settings.Hotplug()
	}
	return true
}

// enumerate asks how many GPUs there are. Where that does not come back, those that are known are read all the same.
func (f *Fleet) enumerate(patience time.Duration) bool {
	o, ok := f.registrar.ask(errandCount, patience)
	if !ok {
		return true
	}
	if o.code != nvml.SUCCESS {
		return !f.unusable(o.call, o.code)
	}
	f.count = min(max(o.count, 0), mostSlots)
	if len(f.slots) >= f.count {
		return true
	}
	for len(f.slots) < f.count {
		f.slots = append(f.slots, newSlot(len(f.slots), f.lib, &f.counts))
	}
	ticking := slices.Clone(f.slots)
	f.ticking.Store(&ticking)
	return true
}

// resolve finds out which GPU is at which index.
func (f *Fleet) resolve(patience time.Duration) {
	for i, s := range f.slots {
		if i < f.count {
			s.post(job{task: taskResolve, verify: f.seq%verifyEvery == 0 || s.record == nil || s.record.state != nvmlwire.StateOK})
		} else if s.record != nil && s.post(job{task: taskRelease}) {
			s.record = nil // the index is gone; the GPU may be at another
		}
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	passed := false
	for _, s := range f.slots {
		if !s.pending || s.late {
			continue
		}
		r, ok := s.await(timer.C, &passed)
		if !ok {
			s.abandon()
			continue
		}
		f.resolved(s, r)
	}
}

// resolved takes in what a slot found.
func (f *Fleet) resolved(s *slot, r reply) {
	if r.task != taskResolve {
		return
	}
	s.failure = r
	switch {
	case r.panic != "" || r.code != nvml.SUCCESS:
		f.unusable(r.call, r.code)
	case r.uuid == "":
		s.found = s.record != nil
	default:
		s.record = f.recordOf(r.uuid)
		s.record.handle = r.handle
		s.found = true
	}
}

func (f *Fleet) recordOf(uuid string) *record {
	if r, ok := f.records[uuid]; ok {
		return r
	}
	if len(f.records) >= mostRecords {
		f.forget()
	}
	r := &record{uuid: uuid, reader: reading.New(f.lib.NVML, uuid, f.settings.Options, time.Now())}
	r.info.Index = -1
	f.records[uuid] = r
	return r
}

// forget drops the GPU that is missing longest.
func (f *Fleet) forget() {
	var oldest *record
	for _, r := range f.records {
		if oldest == nil || r.missing > oldest.missing {
			oldest = r
		}
	}
	delete(f.records, oldest.uuid)
}

// owner is the slot that a record's reader is with.
func (f *Fleet) owner(r *record) *slot {
	for _, s := range f.slots {
		if s.record == r {
			return s
		}
	}
	return nil
}

// read asks all slots that have a GPU for a collection.
func (f *Fleet) read(deadline <-chan time.Time) {
	for _, s := range f.slots {
		if !s.found || s.pending {
			continue
		}
		j := job{task: taskCollect}
		if s.failure.uuid != "" {
			if !f.claim(s) {
				s.found = false
				continue
			}
			j.gpu = s.record.reader
		}
		s.post(j)
	}
	passed := false
	for _, s := range f.slots {
		if !s.found || !s.pending {
			continue
		}
		r, ok := s.await(deadline, &passed)
		if !ok {
			s.abandon()
			s.found = false
			continue
		}
		f.collected(s, r)
	}
}

// claim takes a reader over from the slot that had it, when the GPU moved to another index; false while that slot is stuck with it.
func (f *Fleet) claim(s *slot) bool {
	for _, other := range f.slots {
		if other == s || other.record != s.record {
			continue
		}
		if other.pending {
			return false
		}
		other.record = nil
	}
	return true
}

// collected takes in a slot's collection.
func (f *Fleet) collected(s *slot, r reply) {
	if r.device == nil { // it panicked
		s.found = false
		s.record.state, s.record.detail = nvmlwire.StateError, "the library gave what it must not: "+r.panic
		return
	}
	f.unusable(r.call, r.code)
	s.record.learn(r.device, r.slices)
	s.failure = r
}

// describe lists all GPUs: those that answered by their readings, all others by what is known of them.
func (f *Fleet) describe(snapshot *nvmlwire.Snapshot) {
	all := f.blocked()
	f.devices = f.devices[:0]
	f.order = sorted(f.records, f.order)
	for _, r := range f.order {
		s := f.owner(r)
		switch {
		case s != nil && s.found && s.failure.device != nil && (r.state == nvmlwire.StateOK || r.state == nvmlwire.StateReset):
			f.devices = append(f.devices, *s.failure.device)
			for _, part := range s.failure.slices {
				f.devices = append(f.devices, *part)
			}
			continue
		case s == nil:
			r.state, r.detail = nvmlwire.StateLost, "the driver does not list it any more"
		case s.pending:
			f.hung(r, s, all)
			r.missing++
			continue
		case !s.found && s.failure.code != nvml.SUCCESS:
			r.state, r.detail = failedState(s.failure.code), f.explain(s.failure)
		}
		r.missing++
		f.devices = r.list(f.devices)
	}
	snapshot.Devices = f.devices
	f.unidentified(snapshot, all)
}

// hung lists a GPU whose slot has not come back.
func (f *Fleet) hung(r *record, s *slot, all string) {
	call, busy := s.busy()
	r.state, r.detail = nvmlwire.StateHung, all
	switch {
	case all != "":
	case call == "":
		r.detail = "its calls take too long"
	default:
		r.detail = call + " has not returned"
	}
	first := len(f.devices)
	f.devices = r.list(f.devices)
	for i := first; i < len(f.devices); i++ {
		f.devices[i].Call, f.devices[i].Busy = call, busy
	}
}

// blocked says that no GPU answers and nothing else of the driver does; empty where it is not so.
func (f *Fleet) blocked() string {
	call, since, stuck := f.registrar.stuck()
	if !stuck {
		return ""
	}
	for _, s := range f.slots {
		if s.index < f.count && !s.pending {
			return ""
		}
	}
	return "the driver blocks all GPUs: " + call + " has not returned for " + since.Round(time.Second).String()
}

// unidentified says in the snapshot what is wrong with GPUs that never told their UUID.
func (f *Fleet) unidentified(snapshot *nvmlwire.Snapshot, all string) {
	switch {
	case !f.ready:
		call, since, _ := f.registrar.stuck()
		snapshot.State = nvmlwire.LibraryHung
		snapshot.Detail = call + " has not returned for " + since.Round(time.Second).String()
	case all != "":
		snapshot.Detail = all
	default:
		for _, s := range f.slots {
			if s.index >= f.count || s.record != nil {
				continue
			}
			what := "does not answer"
			if !s.pending {
				what = f.explain(s.failure)
			}
			if snapshot.Detail != "" {
				snapshot.Detail += "; "
			}
			snapshot.Detail += "the GPU at index " + strconv.Itoa(s.index) + " cannot be identified: " + what
		}
	}
}

// updateEvents tells the events' thread which GPUs answer.
func (f *Fleet) updateEvents(snapshot *nvmlwire.Snapshot) {
	snapshot.EventsLost = f.Events.Lost()
	switch {
	case !f.settings.Events || f.settings.Release || !f.ready:
		return
	case f.waiter == nil:
		if missing := event.Missing(f.lib.Symbols); missing != "" {
			snapshot.EventsOff = "the library has no " + missing
			return
		}
		f.waiter = event.Start(f.lib.NVML, f.newMeter(), f.Events, f.eventFault)
	}
	var targets []event.Target
	for _, r := range f.order {
		if r.state == nvmlwire.StateOK || r.state == nvmlwire.StateReset {
			targets = append(targets, r.target())
		}
	}
	f.waiter.Update(targets)
	snapshot.EventsOff = f.waiter.Off()
}
