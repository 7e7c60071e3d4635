//go:build linux && cgo

package fleet_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/fleet"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/reading"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 200 * time.Millisecond

// machine is a machine of mocked GPUs that only have a temperature.
type machine struct {
	mu    sync.Mutex
	gpus  []*gpu
	inits int
	codes map[string]nvml.Return // by call
	hangs map[string]chan struct{}
}

// gpu is one of them.
type gpu struct {
	*mock.Device
	uuid string
	lost atomic.Bool
	hang atomic.Pointer[chan struct{}]
}

func (m *machine) plug(uuid string) *gpu {
	g := &gpu{Device: &mock.Device{}, uuid: uuid}
	g.GetUUIDFunc = func() (string, nvml.Return) { return g.uuid, g.code() }
	g.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) {
		if c := g.hang.Load(); c != nil {
			<-*c
		}
		return 40, g.code()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gpus = append(m.gpus, g)
	return g
}

func (g *gpu) code() nvml.Return {
	if g.lost.Load() {
		return nvml.ERROR_GPU_IS_LOST
	}
	return nvml.SUCCESS
}

func (m *machine) unplug(i int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.gpus = append(m.gpus[:i:i], m.gpus[i+1:]...)
}

// enter waits while a call hangs, and gives its code.
func (m *machine) enter(call string) nvml.Return {
	m.mu.Lock()
	hang, code := m.hangs[call], m.codes[call]
	m.mu.Unlock()
	if hang != nil {
		<-hang
	}
	return code
}

func (m *machine) set(call string, code nvml.Return) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.codes == nil {
		m.codes = map[string]nvml.Return{}
	}
	m.codes[call] = code
}

func (m *machine) initialised() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inits
}

// block makes a call hang until the returned function is called.
func (m *machine) block(call string) (release func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := make(chan struct{})
	m.hangs = map[string]chan struct{}{call: c}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.hangs = nil
		close(c)
	}
}

func (m *machine) library() *library.Library {
	lib := &mock.Interface{
		InitFunc: func() nvml.Return {
			code := m.enter("init")
			m.mu.Lock()
			defer m.mu.Unlock()
			m.inits++
			return code
		},
		ShutdownFunc: func() nvml.Return { return m.enter("shutdown") },
		DeviceGetCountFunc: func() (int, nvml.Return) {
			code := m.enter("count")
			m.mu.Lock()
			defer m.mu.Unlock()
			return len(m.gpus), code
		},
		DeviceGetHandleByIndexFunc: func(i int) (nvml.Device, nvml.Return) {
			code := m.enter("handle")
			m.mu.Lock()
			defer m.mu.Unlock()
			if i >= len(m.gpus) {
				return nil, nvml.ERROR_INVALID_ARGUMENT
			}
			if code == nvml.SUCCESS {
				code = m.gpus[i].code()
			}
			return m.gpus[i], code
		},
		SystemGetDriverVersionFunc: func() (string, nvml.Return) { return "570.0", nvml.SUCCESS },
	}
	only := map[string]bool{
		"nvmlInit_v2": true, "nvmlShutdown": true, "nvmlDeviceGetCount_v2": true, "nvmlDeviceGetHandleByIndex_v2": true, "nvmlDeviceGetUUID": true,
		"nvmlDeviceGetTemperature": true, "nvmlSystemGetDriverVersion": true,
	}
	return &library.Library{NVML: lib, Symbols: library.Probe(func(name string) bool { return only[name] })}
}

func start(t *testing.T, m *machine, change ...func(*fleet.Settings)) *fleet.Fleet {
	settings := fleet.Settings{Options: reading.Options{Want: nvmlwire.GroupTemperature, Sampling: 10 * time.Millisecond}}
	for _, c := range change {
		c(&settings)
	}
	f := fleet.New(m.library(), settings, time.Now())
	t.Cleanup(func() { f.Close(time.Second) })
	return f
}

// states are the GPUs' states by UUID.
func states(s *nvmlwire.Snapshot) map[string]string {
	all := map[string]string{}
	for i := range s.Devices {
		all[s.Devices[i].UUID] = s.Devices[i].State.String()
	}
	return all
}

func TestFinds(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	m.plug("GPU-b")
	f := start(t, m)
	s := f.Collect(7, patience)
	require.NotNil(t, s)
	assert.Equal(t, uint64(7), s.Seq)
	assert.Equal(t, "570.0", s.Driver)
	assert.Equal(t, map[string]string{"GPU-a": "ok", "GPU-b": "ok"}, states(s))
	assert.NotEmpty(t, s.Devices[0].Readings)
	assert.Contains(t, s.MissingSymbols, "nvmlDeviceGetFieldValues")
	assert.Empty(t, f.Collect(8, patience).MissingSymbols)
	assert.Equal(t, 1, m.initialised())
}

func TestNoGPUs(t *testing.T) {
	f := start(t, &machine{})
	s := f.Collect(1, patience)
	assert.Equal(t, nvmlwire.LibraryReady, s.State)
	assert.Empty(t, s.Devices)
}

func TestIndicesMove(t *testing.T) {
	m := &machine{}
	for _, uuid := range []string{"GPU-a", "GPU-b", "GPU-c"} {
		m.plug(uuid)
	}
	f := start(t, m)
	f.Collect(1, patience)
	m.unplug(0)
	s := f.Collect(2, patience)
	assert.Equal(t, map[string]string{"GPU-a": "lost", "GPU-b": "ok", "GPU-c": "ok"}, states(s))
	m.plug("GPU-a")
	s = f.Collect(3, patience)
	assert.Equal(t, map[string]string{"GPU-a": "ok", "GPU-b": "ok", "GPU-c": "ok"}, states(s))
	for i, want := range []string{"GPU-b", "GPU-c", "GPU-a"} {
		assert.Equal(t, want, s.Devices[i].UUID)
		assert.Equal(t, i, s.Devices[i].Info.Index)
	}
}

// TestIndicesMoveUnderAHungGPU: a reader is not taken from a thread that is stuck with it.
func TestIndicesMoveUnderAHungGPU(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	stuck := m.plug("GPU-b")
	f := start(t, m)
	f.Collect(1, patience)
	release := make(chan struct{})
	stuck.hang.Store(&release)
	assert.Equal(t, map[string]string{"GPU-a": "ok", "GPU-b": "hung"}, states(f.Collect(2, patience)))
	m.unplug(0)
	s := f.Collect(3, patience)
	assert.Equal(t, "hung", states(s)["GPU-b"])
	assert.Equal(t, "lost", states(s)["GPU-a"])
	stuck.hang.Store(nil)
	close(release)
	assert.Eventually(t, func() bool {
		s := f.Collect(4, patience)
		return states(s)["GPU-b"] == "ok" && s.Devices[0].Info.Index == 0
	}, time.Second, time.Millisecond)
}

// TestNothingGrowsWhileHung: neither goroutines nor answers pile up, and what comes late is dropped.
func TestNothingGrowsWhileHung(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	stuck := m.plug("GPU-b")
	f := start(t, m)
	f.Collect(1, patience)
	release := make(chan struct{})
	stuck.hang.Store(&release)
	f.Collect(2, 50*time.Millisecond)
	calls := len(stuck.GetTemperatureCalls())
	for seq := range uint64(20) {
		began := time.Now()
		s := f.Collect(3+seq, time.Second)
		require.Equal(t, map[string]string{"GPU-a": "ok", "GPU-b": "hung"}, states(s))
		require.Less(t, time.Since(began), 500*time.Millisecond, "one that is known to hang is not waited for")
		require.Equal(t, "nvmlDeviceGetTemperature", s.Devices[1].Call)
	}
	assert.Len(t, stuck.GetTemperatureCalls(), calls)
	stuck.hang.Store(nil)
	close(release)
	assert.Eventually(t, func() bool { return states(f.Collect(99, patience))["GPU-b"] == "ok" }, time.Second, time.Millisecond)
}

func TestDriverBlocksAll(t *testing.T) {
	m := &machine{}
	a, b := m.plug("GPU-a"), m.plug("GPU-b")
	f := start(t, m)
	f.Collect(1, patience)
	release := make(chan struct{})
	a.hang.Store(&release)
	b.hang.Store(&release)
	unblock := m.block("count")
	s := f.Collect(2, patience)
	assert.Equal(t, map[string]string{"GPU-a": "hung", "GPU-b": "hung"}, states(s))
	assert.Contains(t, s.Devices[0].Detail, "the driver blocks all GPUs: nvmlDeviceGetCount_v2 has not returned")
	a.hang.Store(nil)
	b.hang.Store(nil)
	close(release)
	unblock()
	assert.Eventually(t, func() bool {
		s := f.Collect(3, patience)
		return states(s)["GPU-a"] == "ok" && states(s)["GPU-b"] == "ok"
	}, time.Second, time.Millisecond)
}

// TestAHungCountLeavesTheGPUsAlone: what belongs to no GPU may hang, and the GPUs that are known are read.
func TestAHungCountLeavesTheGPUsAlone(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	f := start(t, m)
	f.Collect(1, patience)
	unblock := m.block("count")
	defer unblock()
	for range 3 {
		assert.Equal(t, map[string]string{"GPU-a": "ok"}, states(f.Collect(2, patience)))
	}
}

func TestInitHangs(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	f := start(t, m)
	unblock := m.block("init")
	s := f.Collect(1, patience)
	assert.Equal(t, nvmlwire.LibraryHung, s.State)
	assert.Contains(t, s.Detail, "nvmlInit_v2 has not returned")
	unblock()
	assert.Eventually(t, func() bool { return len(f.Collect(2, patience).Devices) == 1 }, time.Second, time.Millisecond)
	assert.Equal(t, 1, m.initialised())
}

func TestInitFails(t *testing.T) {
	m := &machine{}
	m.set("init", nvml.ERROR_DRIVER_NOT_LOADED)
	f := start(t, m)
	assert.Nil(t, f.Collect(1, patience))
	assert.Equal(t, &nvmlwire.Fault{State: nvmlwire.LibraryInitFailed, Code: 9, Detail: "nvmlInit_v2 gave NVML_ERROR_DRIVER_NOT_LOADED"}, f.Fault())
}

func TestDriverReplaced(t *testing.T) {
	for _, call := range []string{"count", "handle"} {
		m := &machine{}
		m.plug("GPU-a")
		f := start(t, m)
		require.NotNil(t, f.Collect(1, patience))
		m.set(call, nvml.ERROR_LIB_RM_VERSION_MISMATCH)
		assert.Nil(t, f.Collect(2, patience), call)
		assert.Equal(t, nvmlwire.LibraryVersionMismatch, f.Fault().State)
	}
}

// TestLostStaysListed: by its UUID; NVML is initialised again, less and less often, as some drivers need it to see a GPU again.
func TestLostStaysListed(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	b := m.plug("GPU-b")
	f := start(t, m)
	f.Collect(1, patience)
	b.lost.Store(true)
	for seq := range uint64(12) {
		s := f.Collect(2+seq, patience)
		require.Equal(t, map[string]string{"GPU-a": "ok", "GPU-b": "lost"}, states(s))
		require.Contains(t, s.Devices[1].Detail, "NVML_ERROR_GPU_IS_LOST")
		f.Between(patience)
	}
	assert.Equal(t, 3, m.inits, "at first, after 3 collections, and after 6 more")
	b.lost.Store(false)
	assert.Equal(t, map[string]string{"GPU-a": "ok", "GPU-b": "ok"}, states(f.Collect(20, patience)))
}

func TestHotplugInitialisesAgain(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	plugged := "a"
	f := start(t, m, func(s *fleet.Settings) { s.Hotplug = func() string { return plugged } })
	f.Collect(1, patience)
	f.Collect(2, patience)
	require.Equal(t, 1, m.initialised())
	m.plug("GPU-b")
	plugged = "a b"
	assert.Len(t, f.Collect(3, patience).Devices, 2)
	f.Between(patience)
	assert.Equal(t, 2, m.initialised())
	assert.Equal(t, map[string]string{"GPU-a": "ok", "GPU-b": "ok"}, states(f.Collect(4, patience)))
	f.Between(patience)
	assert.Equal(t, 2, m.initialised())
}

func TestReleaseShutsDownAfterEachCollection(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	f := start(t, m, func(s *fleet.Settings) { s.Release = true })
	for i := range 3 {
		s := f.Collect(uint64(i), patience)
		require.Equal(t, map[string]string{"GPU-a": "ok"}, states(s))
		require.NotEmpty(t, s.Devices[0].Readings)
	}
	assert.Equal(t, 3, m.initialised())
}

// TestAPanicEndsACollectionAndNotTheProcess: go-nvml panics when a library gives a count of 0 with INSUFFICIENT_SIZE.
func TestAPanicEndsACollectionAndNotTheProcess(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	bad := m.plug("GPU-b")
	good := bad.GetTemperatureFunc
	f := start(t, m, func(s *fleet.Settings) { s.Options.Sampling = 0 })
	f.Collect(1, patience)
	bad.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { panic("index out of range [0] with length 0") }
	s := f.Collect(2, patience)
	assert.Equal(t, map[string]string{"GPU-a": "ok", "GPU-b": "error"}, states(s))
	assert.Contains(t, s.Devices[1].Detail, "index out of range")
	bad.GetTemperatureFunc = good
	assert.Equal(t, map[string]string{"GPU-a": "ok", "GPU-b": "ok"}, states(f.Collect(3, patience)))
}

// TestAGPUWithoutUUID is not listed: no series could be its. The snapshot says so.
func TestAGPUWithoutUUID(t *testing.T) {
	m := &machine{}
	m.plug("GPU-a")
	m.plug("\xff\xff")
	f := start(t, m)
	s := f.Collect(1, patience)
	assert.Equal(t, map[string]string{"GPU-a": "ok"}, states(s))
	assert.Contains(t, s.Detail, "the GPU at index 1 cannot be identified")
}
