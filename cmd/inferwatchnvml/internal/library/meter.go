//go:build linux && cgo

package library

import (
	"sync/atomic"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Counts are the calls of all threads since the process began.
type Counts struct{ Calls, Errors atomic.Uint64 }

// Meter notes which call one thread is in, so that another can see that it hangs, and counts its calls.
type Meter struct {
	Symbols *Symbols
	Counts  *Counts

	start time.Time
	since atomic.Int64 // ns after start at which the present call began; 0 between calls
	call  atomic.Uint32
}

// NewMeter makes the meter of one thread.
func NewMeter(symbols *Symbols, counts *Counts) *Meter {
	return &Meter{Symbols: symbols, Counts: counts, start: time.Now().Add(-time.Nanosecond)}
}

// Begin notes that the thread enters a call.
func (m *Meter) Begin(c Call) {
	m.call.Store(uint32(c))
	m.since.Store(int64(time.Since(m.start)))
}

// End notes that it came back and counts it. "Not supported" and "there is none" are answers, not errors.
func (m *Meter) End(ret nvml.Return) nvml.Return {
	m.since.Store(0)
	m.Counts.Calls.Add(1)
	if ret != nvml.SUCCESS && !m.answer(ret) {
		m.Counts.Errors.Add(1)
	}
	return ret
}

func (m *Meter) answer(ret nvml.Return) bool {
	switch ret {
	case nvml.ERROR_NOT_FOUND, nvml.ERROR_NO_DATA, nvml.ERROR_INSUFFICIENT_SIZE:
		return true
	case nvml.ERROR_TIMEOUT:
		return Call(m.call.Load()) == CallEventSetWait
	default:
		return ClassOf(ret) == ClassUnsupported
	}
}

// Fault counts a call that succeeded with a value which cannot be.
func (m *Meter) Fault() { m.Counts.Errors.Add(1) }

// Present is the call that the thread is in and for how long; CallNone between calls.
func (m *Meter) Present() (Call, time.Duration) {
	since := m.since.Load()
	if since == 0 {
		return CallNone, 0
	}
	return Call(m.call.Load()), time.Since(m.start) - time.Duration(since)
}
