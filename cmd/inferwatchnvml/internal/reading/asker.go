//go:build linux && cgo

package reading

import (
	"sync/atomic"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// arguments is how many arguments of one call are told apart when it is learned that it is not supported.
const arguments = 5

// hopeless is after how many NVML_ERROR_UNKNOWN, and nothing else, a device is not asked further in this collection.
const hopeless = 5

// Origin is where a reading came from: a call, and the field where the call is nvmlDeviceGetFieldValues.
type Origin struct {
	Call  library.Call
	Field uint16
}

// reason is why a reading is absent.
type reason struct {
	origin Origin
	code   int32
}

// asker makes the calls on one device: it leaves out those that the library lacks, that the device was found not to support, and all
// once the device is found lost.
type asker struct {
	device nvml.Device
	meter  *library.Meter
	halt   *atomic.Bool // set: nobody waits for this collection any more

	learned [library.CallTotal][arguments]uint8 // the code that said "not supported"

	fatal            nvml.Return // ends this collection
	fatalCall        library.Call
	reset            bool
	answers, unknown int
	failed           reason // the last failure other than "not supported"
	failures         int

	origin [nvmlwire.ReadingCount]Origin // of this collection; Call is CallNone for what was not read
	why    [nvmlwire.ReadingCount]reason
	text   [nvmlwire.ReadingCount]string // of why, made once
	source []sourced                     // of this collection, by reading
}

// sourced is where one reading came from.
type sourced struct {
	id     nvmlwire.ReadingID
	sub    uint16
	origin Origin
}

// begin starts a collection.
func (a *asker) begin() {
	a.fatal, a.fatalCall, a.reset, a.answers, a.unknown, a.failures = nvml.SUCCESS, library.CallNone, false, 0, 0, 0
	clear(a.origin[:])
	a.source = a.source[:0]
}

// relearn forgets what is not supported.
func (a *asker) relearn() {
	a.learned = [library.CallTotal][arguments]uint8{}
	clear(a.why[:])
	clear(a.text[:])
}

// may tells whether a call that gives a reading is worth making, and begins it. id may be 0 for a call that gives none.
func (a *asker) may(call library.Call, argument int, id nvmlwire.ReadingID) bool {
	if a.fatal != nvml.SUCCESS || a.halt.Load() {
		return false
	}
	if !a.meter.Symbols.Has(call) {
		a.absent(id, reason{origin: Origin{Call: call}})
		return false
	}
	if code := a.learned[call][argument]; code != 0 {
		a.absent(id, reason{origin: Origin{Call: call}, code: int32(code)})
		return false
	}
	a.meter.Begin(call)
	return true
}

// done ends a call that may began; true where it succeeded.
func (a *asker) done(call library.Call, argument int, id nvmlwire.ReadingID, ret nvml.Return) bool {
	_ = a.meter.End(ret)
	if ret == nvml.SUCCESS {
		a.answers++
		return true
	}
	if library.ClassOf(ret) == library.ClassUnsupported {
		a.learned[call][argument] = uint8(ret)
	}
	a.note(Origin{Call: call}, ret, id)
	return false
}

// note takes in a failure.
func (a *asker) note(origin Origin, ret nvml.Return, id nvmlwire.ReadingID) {
	r := reason{origin: origin, code: int32(ret)}
	a.absent(id, r)
	switch library.ClassOf(ret) {
	case library.ClassUnsupported:
		a.answers++
		return
	case library.ClassLost, library.ClassLibrary:
		a.fatal, a.fatalCall = ret, origin.Call
	case library.ClassReset:
		a.reset = true
	case library.ClassUnknown:
		a.unknown++
		if a.answers == 0 && a.unknown >= hopeless {
			a.fatal, a.fatalCall = ret, origin.Call
		}
	case library.ClassTransient:
		if ret == nvml.ERROR_NOT_FOUND || ret == nvml.ERROR_NO_DATA {
			a.answers++
			return
		}
	case library.ClassOK:
	}
	a.failed = r
	a.failures++
}

func (a *asker) absent(id nvmlwire.ReadingID, r reason) {
	if a.why[id] != r {
		a.why[id], a.text[id] = r, ""
	}
}

// implausible refuses a value that cannot be.
func (a *asker) implausible(origin Origin, id nvmlwire.ReadingID) {
	a.meter.Fault()
	a.absent(id, reason{origin: origin, code: nvmlwire.CodeImplausible})
}

func (a *asker) read(id nvmlwire.ReadingID) bool { return a.origin[id].Call != library.CallNone }

func (a *asker) gauge(out *nvmlwire.Device, origin Origin, id nvmlwire.ReadingID, sub uint16, v float64) {
	a.origin[id] = origin
	a.source = append(a.source, sourced{id, sub, origin})
	out.Readings = append(out.Readings, nvmlwire.Gauge(id, sub, v))
}

func (a *asker) count(out *nvmlwire.Device, origin Origin, id nvmlwire.ReadingID, sub uint16, v uint64) {
	a.origin[id] = origin
	a.source = append(a.source, sourced{id, sub, origin})
	out.Readings = append(out.Readings, nvmlwire.Count(id, sub, v))
}

// finish writes down what is absent, and the state that all answers together show.
func (a *asker) finish(out *nvmlwire.Device) {
	out.State, out.Detail = a.state()
	if a.fatal != nvml.SUCCESS {
		return // it is not the readings that are absent
	}
	for id := range a.why {
		if r := a.why[id]; r.origin.Call != library.CallNone && id > 0 && !a.read(nvmlwire.ReadingID(id)) {
			if a.text[id] == "" {
				a.text[id] = a.describe(r.origin)
			}
			out.Absent = append(out.Absent, nvmlwire.Absence{ID: nvmlwire.ReadingID(id), Code: r.code, Detail: a.text[id]})
		}
	}
}

func (a *asker) state() (nvmlwire.DeviceState, string) {
	switch {
	case a.fatal == nvml.ERROR_GPU_IS_LOST:
		return nvmlwire.StateLost, a.explain(a.fatalCall, a.fatal)
	case a.fatal == nvml.ERROR_UNKNOWN, a.unknown > 0 && a.answers == 0:
		return nvmlwire.StateUnknown, a.explain(a.failed.origin.Call, nvml.ERROR_UNKNOWN)
	case a.fatal != nvml.SUCCESS:
		return nvmlwire.StateError, a.explain(a.fatalCall, a.fatal)
	case a.reset:
		return nvmlwire.StateReset, a.explain(a.failed.origin.Call, nvml.ERROR_RESET_REQUIRED)
	case a.answers == 0 && a.failures > 0:
		return nvmlwire.StateError, a.explain(a.failed.origin.Call, nvml.Return(a.failed.code))
	default:
		return nvmlwire.StateOK, ""
	}
}

func (a *asker) explain(call library.Call, ret nvml.Return) string {
	return a.meter.Symbols.Name(call) + " gave " + library.CodeName(int32(ret))
}

func (a *asker) describe(o Origin) string { return Describe(a.meter.Symbols, o) }
