//go:build linux && cgo

package event_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/event"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEqualEventsAreOne(t *testing.T) {
	q := event.NewQueue()
	first := time.Unix(1, 0)
	for i := range 10_000 {
		q.Put(nvmlwire.Event{Time: first.Add(time.Duration(i)), UUID: "GPU-a", Kind: nvmlwire.EventXID, Data: 31})
	}
	q.Put(nvmlwire.Event{UUID: "GPU-a", Kind: nvmlwire.EventXID, Data: 48})
	<-q.Ready
	got := q.Take(nil)
	require.Len(t, got, 2)
	assert.Equal(t, uint64(10_000), got[0].Count)
	assert.Equal(t, first, got[0].Time)
	assert.Equal(t, uint64(1), got[1].Count)
	assert.Zero(t, q.Lost())
	assert.Empty(t, q.Take(nil))
}

// TestXIDsAreLostLast: a queue full of what matters less makes room, and counts.
func TestXIDsAreLostLast(t *testing.T) {
	q := event.NewQueue()
	for i := range event.Capacity {
		q.Put(nvmlwire.Event{UUID: strconv.Itoa(i), Kind: nvmlwire.EventClock, Count: 3})
	}
	for i := range 10 {
		q.Put(nvmlwire.Event{UUID: "GPU-a", Kind: nvmlwire.EventXID, Data: uint64(i)})
	}
	q.Put(nvmlwire.Event{UUID: "one more", Kind: nvmlwire.EventClock})
	assert.Equal(t, uint64(31), q.Lost())
	got := q.Take(nil)
	require.Len(t, got, event.Capacity)
	for i := range 10 {
		assert.Equal(t, nvmlwire.EventXID, got[event.Capacity-10+i].Kind)
	}
	for i := range event.Capacity + 5 {
		q.Put(nvmlwire.Event{UUID: "GPU-a", Kind: nvmlwire.EventXID, Data: uint64(i)})
	}
	assert.Equal(t, uint64(36), q.Lost(), "an XID makes no room for another")
}

func FuzzQueueIsBoundedAndCounts(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		q := event.NewQueue()
		for i, b := range raw {
			for range 20 {
				q.Put(nvmlwire.Event{UUID: strconv.Itoa(i), Kind: nvmlwire.EventKind(b % 14), Data: uint64(b)})
			}
			q.Put(nvmlwire.Event{UUID: "GPU-a", Kind: nvmlwire.EventKind(b % 14), Data: uint64(b)})
		}
		var total uint64
		got := q.Take(nil)
		for _, e := range got {
			total += e.Count
		}
		if len(got) > event.Capacity || total+q.Lost() != uint64(21*len(raw)) {
			t.Fatalf("%d queued, %d counted, %d lost of %d", len(got), total, q.Lost(), 21*len(raw))
		}
	})
}

// set is an event set of mocks: what waits in it, and whether a lost GPU makes each wait fail.
type set struct {
	mu         sync.Mutex
	waiting    []nvml.EventData
	code       nvml.Return
	registered []nvml.Device
	created    int
	freed      int
	waits      int
}

func (s *set) library() *mock.Interface {
	return &mock.Interface{
		EventSetCreateFunc: func() (nvml.EventSet, nvml.Return) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.created++
			s.registered = nil
			return &mock.EventSet{}, nvml.SUCCESS
		},
		EventSetFreeFunc: func(nvml.EventSet) nvml.Return {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.freed++
			return nvml.SUCCESS
		},
		EventSetWaitFunc: func(_ nvml.EventSet, milliseconds uint32) (nvml.EventData, nvml.Return) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.waits++
			if len(s.waiting) > 0 {
				e := s.waiting[0]
				s.waiting = s.waiting[1:]
				return e, nvml.SUCCESS
			}
			if s.code != nvml.SUCCESS {
				return nvml.EventData{}, s.code
			}
			s.mu.Unlock()
			time.Sleep(time.Duration(min(milliseconds, 5)) * time.Millisecond)
			s.mu.Lock()
			return nvml.EventData{}, nvml.ERROR_TIMEOUT
		},
	}
}

func (s *set) device() *mock.Device {
	d := &mock.Device{}
	d.GetSupportedEventTypesFunc = func() (uint64, nvml.Return) { return nvml.EventTypeXidCriticalError | 1<<40, nvml.SUCCESS }
	d.RegisterEventsFunc = func(types uint64, _ nvml.EventSet) nvml.Return {
		s.mu.Lock()
		defer s.mu.Unlock()
		if types != nvml.EventTypeXidCriticalError {
			return nvml.ERROR_INVALID_ARGUMENT
		}
		s.registered = append(s.registered, d)
		return nvml.SUCCESS
	}
	return d
}

func (s *set) put(d nvml.Device, xid uint64, gi, ci uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, nvml.EventData{Device: d, EventType: nvml.EventTypeXidCriticalError, EventData: xid, GpuInstanceId: gi, ComputeInstanceId: ci})
}

func (s *set) state() (created, freed, waits, registered int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.created, s.freed, s.waits, len(s.registered)
}

func begin(t *testing.T, s *set, onFault func(library.Call, nvml.Return)) (*event.Waiter, *event.Queue) {
	q := event.NewQueue()
	symbols := library.Probe(func(string) bool { return true })
	w := event.Start(s.library(), library.NewMeter(symbols, &library.Counts{}), q, onFault)
	t.Cleanup(func() {
		assert.True(t, w.Stop(2*time.Second))
		created, freed, _, _ := s.state()
		assert.Equal(t, created, freed, "every set is given back")
	})
	return w, q
}

const off = ^uint32(0)

func TestEventsAreNamed(t *testing.T) {
	s := &set{}
	a, b := s.device(), s.device()
	w, q := begin(t, s, nil)
	w.Update([]event.Target{{Handle: a, UUID: "GPU-a"}, {Handle: b, UUID: "GPU-b", Slices: []event.Slice{{GPUInstance: 1, ComputeInstance: 0, UUID: "MIG-b1"}}}})
	require.Eventually(t, func() bool { _, _, _, n := s.state(); return n == 2 }, time.Second, time.Millisecond)
	s.put(a, 31, off, off)
	s.put(b, 13, 1, 0)
	s.put(b, 45, 2, 0)
	s.put(&mock.Device{}, 99, off, off)
	var got []nvmlwire.Event
	require.Eventually(t, func() bool { got = q.Take(got); return len(got) == 3 }, time.Second, time.Millisecond)
	assert.Equal(t, []string{"GPU-a", "MIG-b1", "GPU-b"}, []string{got[0].UUID, got[1].UUID, got[2].UUID})
	assert.Equal(t, []int{-1, 1, 2}, []int{got[0].GPUInstance, got[1].GPUInstance, got[2].GPUInstance})
	assert.Empty(t, w.Off())
}

// TestALostGPUDoesNotSpin: with one in the set each wait fails at once. Its last event is still its own.
func TestALostGPUDoesNotSpin(t *testing.T) {
	s := &set{}
	a, b := s.device(), s.device()
	w, q := begin(t, s, nil)
	w.Update([]event.Target{{Handle: a, UUID: "GPU-a"}, {Handle: b, UUID: "GPU-b"}})
	require.Eventually(t, func() bool { _, _, _, n := s.state(); return n == 2 }, time.Second, time.Millisecond)
	s.mu.Lock()
	s.code = nvml.ERROR_GPU_IS_LOST
	before := s.waits
	s.mu.Unlock()
	time.Sleep(300 * time.Millisecond)
	_, _, after, _ := s.state()
	assert.LessOrEqual(t, after-before, 3)
	s.put(b, 79, off, off)
	w.Update([]event.Target{{Handle: a, UUID: "GPU-a"}}) // the fleet found it lost
	var got []nvmlwire.Event
	require.Eventually(t, func() bool { got = q.Take(got); return len(got) == 1 }, time.Second, time.Millisecond)
	assert.Equal(t, "GPU-b", got[0].UUID)
	require.Eventually(t, func() bool { _, _, _, n := s.state(); return n == 1 }, time.Second, time.Millisecond)
}

func TestRegisteredAnewWhenBack(t *testing.T) {
	s := &set{}
	a := s.device()
	w, _ := begin(t, s, nil)
	w.Update([]event.Target{{Handle: a, UUID: "GPU-a", Generation: 1}})
	require.Eventually(t, func() bool { c, _, _, n := s.state(); return c == 1 && n == 1 }, time.Second, time.Millisecond)
	w.Update([]event.Target{{Handle: a, UUID: "GPU-a", Generation: 1, Slices: []event.Slice{{UUID: "MIG-1"}}}})
	time.Sleep(20 * time.Millisecond)
	created, _, _, _ := s.state()
	assert.Equal(t, 1, created, "slices alone register nothing")
	w.Update([]event.Target{{Handle: a, UUID: "GPU-a", Generation: 2}})
	require.Eventually(t, func() bool { c, _, _, n := s.state(); return c == 2 && n == 1 }, time.Second, time.Millisecond)
}

func TestNothingSupported(t *testing.T) {
	s := &set{}
	d := s.device()
	d.GetSupportedEventTypesFunc = func() (uint64, nvml.Return) { return 0, nvml.ERROR_NOT_SUPPORTED }
	w, _ := begin(t, s, nil)
	w.Update([]event.Target{{Handle: d, UUID: "GPU-a"}})
	require.Eventually(t, func() bool { return w.Off() != "" }, time.Second, time.Millisecond)
	assert.Equal(t, "nvmlDeviceGetSupportedEventTypes gave NVML_ERROR_NOT_SUPPORTED", w.Off())
}

func TestDriverReplaced(t *testing.T) {
	s := &set{code: nvml.ERROR_LIB_RM_VERSION_MISMATCH}
	codes := make(chan nvml.Return, 16)
	w, _ := begin(t, s, func(_ library.Call, ret nvml.Return) { codes <- ret })
	w.Update([]event.Target{{Handle: s.device(), UUID: "GPU-a"}})
	select {
	case got := <-codes:
		assert.Equal(t, nvml.ERROR_LIB_RM_VERSION_MISMATCH, got)
	case <-time.After(time.Second):
		t.Fatal("not told")
	}
}

func TestMissing(t *testing.T) {
	assert.Empty(t, event.Missing(library.Probe(func(string) bool { return true })))
	assert.Equal(t, "nvmlDeviceRegisterEvents", event.Missing(library.Probe(func(n string) bool { return n != "nvmlDeviceRegisterEvents" })))
}
