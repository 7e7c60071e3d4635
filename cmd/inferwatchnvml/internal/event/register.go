//go:build linux && cgo

package event

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
)

// rebuild makes a new set of all GPUs that take part. What waits in the old one is taken first.
func (w *Waiter) rebuild() {
	w.mu.Lock()
	targets := w.targets
	w.mu.Unlock()
	w.free() // of those known until now, among them GPUs that have just gone
	w.mu.Lock()
	w.known = targets
	w.mu.Unlock()
	if len(targets) == 0 {
		w.setOff("no GPU answers")
		return
	}
	w.meter.Begin(library.CallEventSetCreate)
	set, ret := w.nvml.EventSetCreate()
	if w.meter.End(ret) != nvml.SUCCESS {
		w.setOff(w.meter.Symbols.Name(library.CallEventSetCreate) + " gave " + library.CodeName(int32(ret)))
		return
	}
	w.set = set
	off := ""
	for i := range targets {
		if call, ret := w.register(&targets[i]); ret == nvml.SUCCESS {
			w.registered = true
		} else {
			off = w.meter.Symbols.Name(call) + " gave " + library.CodeName(int32(ret))
		}
	}
	if w.registered {
		off = ""
	}
	w.setOff(off)
}

// register adds a GPU's events to the set, those that it supports.
func (w *Waiter) register(t *Target) (library.Call, nvml.Return) {
	w.meter.Begin(library.CallEventTypes)
	types, ret := t.Handle.GetSupportedEventTypes()
	if w.meter.End(ret) != nvml.SUCCESS {
		return library.CallEventTypes, ret
	}
	if types &= wanted(); types == 0 {
		return library.CallEventTypes, nvml.ERROR_NOT_SUPPORTED
	}
	w.meter.Begin(library.CallRegisterEvents)
	return library.CallRegisterEvents, w.meter.End(t.Handle.RegisterEvents(types, w.set))
}

// free takes what waits in the set and gives it back to NVML.
func (w *Waiter) free() {
	if w.set == nil {
		return
	}
	for n := 0; w.registered && n < mostDrained; n++ {
		w.meter.Begin(library.CallEventSetWait)
		data, ret := w.nvml.EventSetWait(w.set, 0)
		if w.meter.End(ret) != nvml.SUCCESS {
			break
		}
		w.put(&data)
	}
	w.meter.Begin(library.CallEventSetFree)
	_ = w.meter.End(w.nvml.EventSetFree(w.set))
	w.set, w.registered = nil, false
}

func (w *Waiter) setOff(why string) {
	w.mu.Lock()
	w.off = why
	w.mu.Unlock()
}
