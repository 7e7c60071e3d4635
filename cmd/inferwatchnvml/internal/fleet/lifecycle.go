//go:build linux && cgo

package fleet

import (
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// reinitialise shuts NVML down and lets it be initialised again, when a GPU is missing for long enough or the operating system shows
// others than before: some drivers show a GPU that came back, or is new, only then. Not while any call is stuck. It tells whether it did.
func (f *Fleet) reinitialise(patience time.Duration) bool {
	if !f.ready || f.settings.Release {
		return false
	}
	missing := false
	for _, r := range f.records {
		missing = missing || r.state == nvmlwire.StateLost
	}
	if !missing {
		f.missingFor, f.reinitAfter = 0, firstReinit
	} else {
		f.missingFor++
	}
	plugged := f.plugged
	if f.settings.Hotplug != nil {
		plugged = f.settings.Hotplug()
	}
	if plugged == f.plugged && f.missingFor < f.reinitAfter || !f.teardown(patience) {
		return false
	}
	if f.missingFor > 0 {
		f.missingFor, f.reinitAfter = 0, min(2*f.reinitAfter, lastReinit)
	}
	return true
}

// teardown gives back all that NVML keeps for this process; false where a call is stuck, and NVML stays as it is.
func (f *Fleet) teardown(patience time.Duration) bool {
	if !f.ready {
		return true
	}
	if f.registrar.pending {
		return false
	}
	for _, s := range f.slots {
		s.settle()
		if s.pending {
			return false
		}
	}
	if f.waiter != nil {
		stopped := f.waiter.Stop(max(patience, time.Second))
		f.waiter = nil
		if !stopped {
			return false
		}
	}
	if !f.releaseAll(patience) {
		return false
	}
	o, ok := f.registrar.ask(errandShutdown, patience)
	if !ok || o.code != nvml.SUCCESS {
		return false
	}
	f.ready = false
	return true
}

func (f *Fleet) releaseAll(patience time.Duration) bool {
	for _, s := range f.slots {
		s.post(job{task: taskRelease})
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	passed, all := false, true
	for _, s := range f.slots {
		if _, ok := s.await(timer.C, &passed); !ok {
			s.abandon()
			all = false
		}
	}
	return all
}

func (f *Fleet) newMeter() *library.Meter { return library.NewMeter(f.lib.Symbols, &f.counts) }

func (f *Fleet) eventFault(call library.Call, code nvml.Return) { f.unusable(call, code) }

func (f *Fleet) explain(r reply) string {
	if r.panic != "" {
		return "the library gave what it must not: " + r.panic
	}
	return f.lib.Symbols.Name(r.call) + " gave " + library.CodeName(int32(r.code))
}

// failedState is the state of a GPU whose handle is not given.
func failedState(code nvml.Return) nvmlwire.DeviceState {
	switch library.ClassOf(code) {
	case library.ClassLost:
		return nvmlwire.StateLost
	case library.ClassUnknown:
		return nvmlwire.StateUnknown
	case library.ClassReset:
		return nvmlwire.StateReset
	default:
		return nvmlwire.StateError
	}
}
