//go:build linux && cgo

package event

import (
	"runtime"
	"sync"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Target is a GPU whose events are wanted.
type Target struct {
	Handle nvml.Device
	UUID   string
	// Generation changes with what drops a registration: the GPU was away, its MIG mode changed.
	Generation int
	Slices     []Slice
}

// Slice is a MIG slice of a Target, by the ids that events carry.
type Slice struct {
	GPUInstance, ComputeInstance int
	UUID                         string
}

const (
	// waitMilliseconds is how long one nvmlEventSetWait may take: as long as it takes to stop.
	waitMilliseconds = 500
	// pause is between two attempts after a failure.
	pause = time.Second
	// retry is after how long GPUs of which none could be registered are tried again.
	retry = 30 * time.Second
	// mostDrained bounds what is taken from a set before it is freed.
	mostDrained = 4096
	noInstance  = ^uint32(0)
)

// Waiter waits for the events of all GPUs on one thread.
type Waiter struct {
	nvml  nvml.Interface
	meter *library.Meter
	queue *Queue
	// onFault is told of a return code that ends this process's use of the library.
	onFault func(library.Call, nvml.Return)

	stop, done chan struct{}
	changed    chan struct{}

	mu      sync.Mutex
	targets []Target // wanted
	known   []Target // in the set, and who its events are of
	off     string

	set        nvml.EventSet
	registered bool
}

// Start begins to wait. Targets come by Update.
func Start(lib nvml.Interface, meter *library.Meter, queue *Queue, onFault func(library.Call, nvml.Return)) *Waiter {
	w := &Waiter{
		nvml: lib, meter: meter, queue: queue, onFault: onFault,
		stop: make(chan struct{}), done: make(chan struct{}), changed: make(chan struct{}, 1),
	}
	go w.run()
	return w
}

// Missing names the first symbol that events need and the library lacks; empty where it has all.
func Missing(symbols *library.Symbols) string {
	for _, call := range [...]library.Call{
		library.CallEventSetCreate, library.CallEventSetFree, library.CallEventSetWait, library.CallEventTypes, library.CallRegisterEvents,
	} {
		if !symbols.Has(call) {
			return symbols.Name(call)
		}
	}
	return ""
}

// Update says whose events are wanted now. The slice is not changed afterwards by either side.
func (w *Waiter) Update(targets []Target) {
	w.mu.Lock()
	same := equal(w.targets, targets)
	w.targets = targets
	if equal(w.known, targets) {
		w.known = targets // their slices may be others
	}
	w.mu.Unlock()
	if same {
		return
	}
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

// equal tells whether the same GPUs are registered; their slices may differ.
func equal(a, b []Target) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Handle != b[i].Handle || a[i].UUID != b[i].UUID || a[i].Generation != b[i].Generation {
			return false
		}
	}
	return true
}

// Off says why no events come; empty where they do.
func (w *Waiter) Off() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.off
}

// Stop ends the waiting and frees the set; false where the thread did not come back within the patience.
func (w *Waiter) Stop(patience time.Duration) bool {
	close(w.stop)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-w.done:
		return true
	case <-timer.C:
		return false
	}
}

func (w *Waiter) run() {
	runtime.LockOSThread() // a call that hangs must not take a thread from the workers
	defer runtime.UnlockOSThread()
	defer close(w.done)
	defer w.free()
	for {
		select {
		case <-w.stop:
			return
		case <-w.changed:
			w.rebuild()
		default:
		}
		if !w.registered {
			if !w.idle(retry) {
				return
			}
			continue
		}
		if !w.wait(waitMilliseconds) && !w.idle(pause) {
			return
		}
	}
}

// idle waits for a change, or for a time, and then builds the set anew; false when it is time to stop.
func (w *Waiter) idle(atMost time.Duration) bool {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-w.stop:
		return false
	case <-w.changed:
	case <-timer.C:
	}
	w.rebuild()
	return true
}

// wait takes one event; false after a failure, among them a lost GPU in the set, which makes each wait fail at once.
func (w *Waiter) wait(milliseconds uint32) bool {
	w.meter.Begin(library.CallEventSetWait)
	data, ret := w.nvml.EventSetWait(w.set, milliseconds)
	switch w.meter.End(ret) {
	case nvml.SUCCESS:
		w.put(&data)
		return true
	case nvml.ERROR_TIMEOUT:
		return true
	default:
		if library.ClassOf(ret) == library.ClassLibrary {
			w.onFault(library.CallEventSetWait, ret)
		}
		return false
	}
}

func (w *Waiter) put(data *nvml.EventData) {
	kind, ok := kindOf(data.EventType)
	if !ok {
		return
	}
	e := nvmlwire.Event{Time: time.Now(), Kind: kind, Data: data.EventData, GPUInstance: -1, ComputeInstance: -1, Count: 1}
	if data.GpuInstanceId != noInstance {
		e.GPUInstance = int(data.GpuInstanceId)
	}
	if data.ComputeInstanceId != noInstance {
		e.ComputeInstance = int(data.ComputeInstanceId)
	}
	w.mu.Lock()
	e.UUID = nameOf(w.known, data.Device, e.GPUInstance, e.ComputeInstance)
	w.mu.Unlock()
	if e.UUID != "" {
		w.queue.Put(e)
	}
}

func nameOf(targets []Target, device nvml.Device, gi, ci int) string {
	for i := range targets {
		t := &targets[i]
		if t.Handle != device {
			continue
		}
		for _, s := range t.Slices {
			if gi >= 0 && s.GPUInstance == gi && s.ComputeInstance == ci {
				return s.UUID
			}
		}
		return t.UUID
	}
	return ""
}
