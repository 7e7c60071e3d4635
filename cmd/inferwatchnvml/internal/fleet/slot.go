//go:build linux && cgo

package fleet

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/reading"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// task is what a slot is asked to do.
type task uint8

const (
	taskResolve task = iota // find the GPU at the slot's index
	taskCollect             // read it
	taskRelease             // free what NVML keeps for it, and forget it
)

type job struct {
	task   task
	verify bool         // of a resolve: ask for the UUID even of the handle that is known
	gpu    *reading.GPU // of a collection: who is read from now on; nil for the one that is
}

// reply is a slot's answer.
type reply struct {
	task   task
	call   library.Call
	code   nvml.Return
	handle nvml.Device
	uuid   string // resolved; empty for the GPU that the slot had
	device *nvmlwire.Device
	slices []*nvmlwire.Device
	panic  string
}

// slot is the thread of one index: all calls on the GPU at that index are its. At most one job is pending.
type slot struct {
	index int
	lib   nvml.Interface
	meter *library.Meter

	jobs    chan job
	replies chan reply
	ticks   chan struct{}
	halt    atomic.Bool

	// Of the slot's own goroutine.
	gpu    *reading.GPU
	handle nvml.Device

	// Of the fleet.
	pending bool
	late    bool // the deadline passed: the answer will be stale
	record  *record
	failure reply // why the index could not be resolved
	found   bool  // in this collection
}

func newSlot(index int, lib *library.Library, counts *library.Counts) *slot {
	s := &slot{
		index: index, lib: lib.NVML, meter: library.NewMeter(lib.Symbols, counts),
		jobs: make(chan job, 1), replies: make(chan reply, 1), ticks: make(chan struct{}, 1),
	}
	go s.run()
	return s
}

func (s *slot) run() {
	for {
		select {
		case j, ok := <-s.jobs:
			if !ok {
				return
			}
			s.replies <- s.do(j)
		case <-s.ticks:
			s.tick()
		}
	}
}

// do does a job. go-nvml panics on some answers that a library should not give: those end the job, not the process.
func (s *slot) do(j job) (r reply) {
	defer func() {
		if p := recover(); p != nil {
			_ = s.meter.End(nvml.ERROR_UNKNOWN)
			r = reply{task: j.task, panic: fmt.Sprint(p)}
		}
	}()
	if s.halt.Load() {
		return reply{task: j.task} // nobody waits for it
	}
	switch j.task {
	case taskResolve:
		return s.resolve(j.verify)
	case taskCollect:
		return s.collect(j.gpu)
	default:
		s.release()
		return reply{task: taskRelease}
	}
}

// resolve looks up the GPU at the slot's index.
func (s *slot) resolve(verify bool) reply {
	s.meter.Begin(library.CallHandleByIndex)
	handle, ret := s.lib.DeviceGetHandleByIndex(s.index)
	if s.meter.End(ret) != nvml.SUCCESS {
		s.gpu = nil
		return reply{task: taskResolve, call: library.CallHandleByIndex, code: ret}
	}
	if s.gpu != nil && handle == s.handle && !verify {
		return reply{task: taskResolve, handle: handle}
	}
	uuid, ret := reading.UUIDOf(s.meter, handle)
	if ret != nvml.SUCCESS {
		if s.gpu != nil && handle == s.handle {
			return reply{task: taskResolve, handle: handle} // its readings will say what is wrong
		}
		return reply{task: taskResolve, call: library.CallUUID, code: ret, handle: handle}
	}
	if s.gpu != nil && handle == s.handle && uuid == s.gpu.UUID() {
		return reply{task: taskResolve, handle: handle}
	}
	s.gpu, s.handle = nil, handle
	return reply{task: taskResolve, handle: handle, uuid: uuid}
}

func (s *slot) collect(gpu *reading.GPU) reply {
	if gpu != nil {
		s.gpu = gpu
		gpu.Attach(s.handle, s.meter, &s.halt)
	}
	if s.gpu == nil {
		return reply{task: taskCollect}
	}
	r := reply{task: taskCollect}
	r.device, r.slices = s.gpu.Collect(s.index, time.Now())
	if r.code = s.gpu.Fatal(); r.code != nvml.SUCCESS {
		r.call = s.gpu.FatalCall()
	}
	return r
}

func (s *slot) release() {
	if s.gpu != nil {
		s.gpu.Release()
	}
	s.gpu, s.handle = nil, nil
}

func (s *slot) tick() {
	defer func() {
		if p := recover(); p != nil {
			_ = s.meter.End(nvml.ERROR_UNKNOWN)
		}
	}()
	if s.gpu != nil {
		s.gpu.Tick(time.Now())
	}
}

// post gives the slot a job; false where it is still at one.
func (s *slot) post(j job) bool {
	if s.pending {
		return false
	}
	s.pending, s.late = true, false
	s.halt.Store(false)
	s.jobs <- j
	return true
}

// settle takes the answer of a job that came too late, if it is there: it is stale.
func (s *slot) settle() {
	if !s.pending {
		return
	}
	select {
	case <-s.replies:
		s.pending = false
	default:
	}
}

// await waits for the answer; false at the deadline.
func (s *slot) await(deadline <-chan time.Time, passed *bool) (reply, bool) {
	if !*passed {
		select {
		case r := <-s.replies:
			s.pending = false
			return r, true
		case <-deadline:
			*passed = true
		}
	}
	select {
	case r := <-s.replies:
		s.pending = false
		return r, true
	default:
		return reply{}, false
	}
}

// abandon says that nobody waits for the pending job any more.
func (s *slot) abandon() {
	if s.pending {
		s.late = true
		s.halt.Store(true)
	}
}

// busy is the call that the slot is in and for how long, for one that does not answer.
func (s *slot) busy() (string, time.Duration) {
	call, since := s.meter.Present()
	if call == library.CallNone {
		return "", 0
	}
	return s.meter.Symbols.Name(call), since
}
