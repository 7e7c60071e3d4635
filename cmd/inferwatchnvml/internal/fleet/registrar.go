//go:build linux && cgo

package fleet

import (
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
)

// errand is what the registrar is asked to do.
type errand uint8

const (
	errandInit     errand = iota // nvmlInit, and the versions
	errandCount                  // how many GPUs there are
	errandShutdown               // nvmlShutdown
)

// outcome is its answer.
type outcome struct {
	errand   errand
	call     library.Call
	code     nvml.Return
	count    int
	versions library.Versions
}

// registrar is the thread of the calls that belong to no GPU. At most one errand is pending.
type registrar struct {
	lib     *library.Library
	meter   *library.Meter
	errands chan errand
	answers chan outcome
	pending bool // of the fleet
}

func newRegistrar(lib *library.Library, counts *library.Counts) *registrar {
	r := &registrar{
		lib: lib, meter: library.NewMeter(lib.Symbols, counts),
		errands: make(chan errand, 1), answers: make(chan outcome, 1),
	}
	go r.run()
	return r
}

func (r *registrar) run() {
	for e := range r.errands {
		r.answers <- r.do(e)
	}
}

func (r *registrar) do(e errand) outcome {
	o := outcome{errand: e}
	switch e {
	case errandInit:
		o.call = library.CallInit
		r.meter.Begin(o.call)
		if o.code = r.meter.End(r.lib.NVML.Init()); o.code == nvml.SUCCESS {
			o.versions = r.lib.ReadVersions(r.meter)
		}
	case errandCount:
		o.call = library.CallCount
		r.meter.Begin(o.call)
		o.count, o.code = r.lib.NVML.DeviceGetCount()
		_ = r.meter.End(o.code)
	case errandShutdown:
		o.call = library.CallShutdown
		r.meter.Begin(o.call)
		o.code = r.meter.End(r.lib.NVML.Shutdown())
	}
	return o
}

// ask gives the registrar an errand and waits for its answer; false where it did not come within the patience. A late answer is taken
// by the next ask of the same errand, and dropped by any other.
func (r *registrar) ask(e errand, patience time.Duration) (outcome, bool) {
	if r.pending {
		select {
		case o := <-r.answers:
			r.pending = false
			if o.errand == e && e != errandCount {
				return o, true
			}
		default:
			return outcome{}, false
		}
	}
	r.pending = true
	r.errands <- e
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case o := <-r.answers:
		r.pending = false
		return o, true
	case <-timer.C:
		return outcome{}, false
	}
}

// stuck is the call that the registrar has not come back from, for one that does not answer.
func (r *registrar) stuck() (string, time.Duration, bool) {
	if !r.pending {
		return "", 0, false
	}
	call, since := r.meter.Present()
	return r.meter.Symbols.Name(call), since, call != library.CallNone
}
