//go:build linux && cgo

package fleet

import (
	"sync/atomic"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/event"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/reading"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const (
	// mostSlots bounds the GPUs of a machine.
	mostSlots = 64
	// verifyEvery is after how many collections the UUID behind a handle is asked for again.
	verifyEvery = 16
	// firstReinit is after how many collections with a GPU missing NVML is initialised anew, for a driver that shows a GPU that came
	// back only then; the wait doubles up to lastReinit.
	firstReinit, lastReinit = 3, 64
)

// Settings are how a fleet works.
type Settings struct {
	Options reading.Options
	Events  bool
	Release bool // NVML is shut down after each collection
	// Hotplug tells the GPUs that the operating system shows, as text that changes with them; empty where it does not tell.
	Hotplug func() string
}

// Fleet is all GPUs of a loaded library. Collect is called by one goroutine.
type Fleet struct {
	lib      *library.Library
	counts   library.Counts
	settings Settings

	// Events is where events are queued.
	Events *event.Queue

	registrar *registrar
	waiter    *event.Waiter
	slots     []*slot
	ticking   atomic.Pointer[[]*slot]
	ticker    chan struct{} // closed to end the ticker
	records   map[string]*record
	order     []*record
	devices   []nvmlwire.Device
	count     int
	seq       uint64

	started     time.Time
	ready       bool // NVML is initialised
	versions    library.Versions
	announced   bool // MissingSymbols was sent
	plugged     string
	reinitAfter int
	missingFor  int
	fault       atomic.Pointer[nvmlwire.Fault]
	// Faulted is sent to when Fault is set by another goroutine than Collect's.
	Faulted chan struct{}
}

// New makes a fleet of a loaded library. It calls nothing yet.
func New(lib *library.Library, settings Settings, started time.Time) *Fleet {
	f := &Fleet{
		lib: lib, settings: settings, Events: event.NewQueue(), records: make(map[string]*record), started: started,
		reinitAfter: firstReinit, Faulted: make(chan struct{}, 1),
	}
	f.registrar = newRegistrar(lib, &f.counts)
	if settings.Options.Sampling > 0 && !settings.Release {
		f.ticker = make(chan struct{})
		go f.tick(settings.Options.Sampling, f.ticker)
	}
	return f
}

// Fault is why the process cannot go on with this library; nil where it can.
func (f *Fleet) Fault() *nvmlwire.Fault { return f.fault.Load() }

// fail sets the fault, the first that came.
func (f *Fleet) fail(state nvmlwire.LibraryState, call library.Call, code nvml.Return) {
	f.fault.CompareAndSwap(nil, &nvmlwire.Fault{
		State: state, Code: int32(code),
		Detail: f.lib.Symbols.Name(call) + " gave " + library.CodeName(int32(code)),
	})
	select {
	case f.Faulted <- struct{}{}:
	default:
	}
}

// unusable looks at a failed call for a code that ends the use of the library.
func (f *Fleet) unusable(call library.Call, code nvml.Return) bool {
	if library.ClassOf(code) != library.ClassLibrary {
		return false
	}
	f.fail(stateOf(code), call, code)
	return true
}

func stateOf(code nvml.Return) nvmlwire.LibraryState {
	switch code {
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH:
		return nvmlwire.LibraryVersionMismatch
	case nvml.ERROR_LIBRARY_NOT_FOUND:
		return nvmlwire.LibraryNotFound
	default:
		return nvmlwire.LibraryInitFailed
	}
}

// Snapshot starts a snapshot with what does not depend on the GPUs.
func (f *Fleet) snapshot(seq uint64) *nvmlwire.Snapshot {
	s := &nvmlwire.Snapshot{
		Seq: seq, Started: f.started, State: nvmlwire.LibraryReady, Driver: f.versions.Driver, NVML: f.versions.NVML, CUDA: f.versions.CUDA,
		Simulated: f.lib.Simulated, EventsLost: f.Events.Lost(),
	}
	if !f.announced {
		s.MissingSymbols, f.announced = f.lib.Symbols.Missing(), true
	}
	return s
}

// Source names where a reading of the last collection came from, for a person. gpu is the device's own UUID or its parent's.
func (f *Fleet) Source(gpu, device string, id nvmlwire.ReadingID, sub uint16) string {
	r, ok := f.records[gpu]
	if !ok {
		return ""
	}
	return reading.Describe(f.lib.Symbols, r.reader.Origin(device, id, sub))
}

// tick asks all idle slots to sample. One that is busy is left out this time.
func (f *Fleet) tick(every time.Duration, end <-chan struct{}) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-end:
			return
		case <-ticker.C:
		}
		slots := f.ticking.Load()
		if slots == nil {
			continue
		}
		for _, s := range *slots {
			select {
			case s.ticks <- struct{}{}:
			default:
			}
		}
	}
}

// Close ends all threads that are not stuck in the driver, and shuts NVML down where none is.
func (f *Fleet) Close(patience time.Duration) {
	if f.ticker != nil {
		close(f.ticker)
		f.ticker = nil
	}
	f.teardown(patience)
	for _, s := range f.slots {
		close(s.jobs)
	}
	close(f.registrar.errands)
}
