package gpureader

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const two = "gpu 0-1 board H100-SXM5-80GB\ngpu 0-1 load constant level=0.5\n"

func allOK(s *nvmlwire.Snapshot) bool {
	for _, state := range states(s) {
		if state != "ok" {
			return false
		}
	}
	return len(s.Devices) > 0
}

func TestLibraryAbsentIsTriedAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	r := start(t, two, func(h *nvmlwire.Hello) { h.Library = path })
	for range 2 {
		s := collect(t, r)
		assert.Equal(t, nvmlwire.LibraryNotFound, s.State)
		assert.Contains(t, s.Detail, path)
		assert.Empty(t, s.Devices)
	}
	raw, err := os.ReadFile(programs.Library)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, raw, 0o600))
	s := collect(t, r)
	assert.Equal(t, nvmlwire.LibraryReady, s.State)
	assert.Len(t, s.Devices, 2)
	assert.True(t, s.Simulated)
}

// TestFaultIsTheLastWord: what this process cannot recover from is said, and ends it with status 0.
func TestFaultIsTheLastWord(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		scenario string
		want     nvmlwire.Fault
	}{
		"library absent, says the library": {
			two + "fault library_absent\n",
			nvmlwire.Fault{State: nvmlwire.LibraryNotFound, Code: 12, Detail: "nvmlInit_v2 gave NVML_ERROR_LIBRARY_NOT_FOUND"},
		},
		"init fails": {
			two + "fault init_fails\n",
			nvmlwire.Fault{State: nvmlwire.LibraryInitFailed, Code: 9, Detail: "nvmlInit_v2 gave NVML_ERROR_DRIVER_NOT_LOADED"},
		},
		"version mismatch": {
			two + "fault version_mismatch\n",
			nvmlwire.Fault{State: nvmlwire.LibraryVersionMismatch, Code: 18, Detail: "nvmlInit_v2 gave NVML_ERROR_LIB_RM_VERSION_MISMATCH"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, tc.scenario)
			_, err := r.Collect(Patience)
			require.Error(t, err)
			require.NotNil(t, r.Fault())
			assert.Equal(t, tc.want, *r.Fault())
		})
	}
}

func TestDriverReplacedWhileRunning(t *testing.T) {
	t.Parallel()
	r := start(t, two)
	require.True(t, allOK(collect(t, r)))
	require.NoError(t, r.Scenario(two+"fault version_mismatch\n"))
	time.Sleep(100 * time.Millisecond)
	_, err := r.Collect(Patience)
	require.Error(t, err)
	require.NotNil(t, r.Fault())
	assert.Equal(t, nvmlwire.LibraryVersionMismatch, r.Fault().State)
}

func TestMixedReleases(t *testing.T) {
	t.Parallel()
	r := start(t, two, func(h *nvmlwire.Hello) { h.Version = nvmlwire.Version + 1 })
	_, err := r.Collect(Patience)
	require.Error(t, err)
	require.NotNil(t, r.Fault())
	assert.Equal(t, nvmlwire.LibraryProtocol, r.Fault().State)
}

// TestOldDriver: a library without half of the symbols is read by what it has; nothing it lacks is called, which would end the process.
func TestOldDriver(t *testing.T) {
	t.Parallel()
	r := start(t, "gpu 0 board A100-SXM4-80GB\ngpu 0 load constant level=0.5\n"+"process gpu=0 pid=7 memory=1GiB sm=1\n",
		func(h *nvmlwire.Hello) { h.Library = programs.Old })
	s := collect(t, r)
	assert.Contains(t, s.MissingSymbols, "nvmlGpmSampleGet")
	assert.Contains(t, s.MissingSymbols, "nvmlDeviceGetMemoryInfo_v2")
	require.Len(t, s.Devices, 1)
	d := &s.Devices[0]
	require.Equal(t, nvmlwire.StateOK, d.State)
	_, ok := value(d, nvmlwire.MemoryUsed, 0)
	assert.True(t, ok)
	_, ok = value(d, nvmlwire.UtilizationGPU, 0)
	assert.True(t, ok)
	require.Len(t, d.Processes, 1)
	assert.Contains(t, d.Absent, nvmlwire.Absence{ID: nvmlwire.MemoryReserved, Detail: "nvmlDeviceGetMemoryInfo_v2"})
	assert.Empty(t, collect(t, r).MissingSymbols, "named once")
}

func TestGPULostAndBack(t *testing.T) {
	t.Parallel()
	for _, back := range []string{"at_once", "reinit"} {
		t.Run(back, func(t *testing.T) {
			t.Parallel()
			r := start(t, two)
			before := collect(t, r)
			require.True(t, allOK(before))
			require.NoError(t, r.Scenario(two+"fault gpu_lost gpu=1 back="+back+"\n"))
			time.Sleep(100 * time.Millisecond)
			s := collect(t, r)
			require.Equal(t, []string{"ok", "lost"}, states(s))
			assert.Equal(t, before.Devices[1].UUID, s.Devices[1].UUID)
			assert.Equal(t, before.Devices[1].Info, s.Devices[1].Info)
			assert.Contains(t, s.Devices[1].Detail, "NVML_ERROR_GPU_IS_LOST")
			assert.Empty(t, s.Devices[1].Readings)
			require.NoError(t, r.Scenario(two))
			s, n := eventually(t, r, 8, allOK)
			t.Logf("back after %d collections", n)
			assert.Equal(t, before.Devices[1].UUID, s.Devices[1].UUID)
			assert.NotEmpty(t, s.Devices[1].Readings)
		})
	}
}

func TestXID79IsToldByTheGPUThatGoes(t *testing.T) {
	t.Parallel()
	r := start(t, two)
	uuid := collect(t, r).Devices[1].UUID
	time.Sleep(200 * time.Millisecond) // the events' thread registers
	require.NoError(t, r.Scenario("epoch "+epoch()+"\n"+two+"fault gpu_lost gpu=1 at=0.3\n"))
	time.Sleep(500 * time.Millisecond)
	collect(t, r)
	time.Sleep(300 * time.Millisecond)
	events := r.Events()
	require.NotEmpty(t, events)
	assert.Equal(t, nvmlwire.EventXID, events[0].Kind)
	assert.Equal(t, uint64(79), events[0].Data)
	assert.Equal(t, uuid, events[0].UUID)
	require.NoError(t, r.Scenario("epoch "+epoch()+"\n"+two+"at 1.5 xid gpu=1 code=31\nat 1.5 xid gpu=0 code=48\n"))
	eventually(t, r, 5, allOK)
	collect(t, r) // the GPU that came back is registered again
	time.Sleep(2 * time.Second)
	codes := map[uint64]string{}
	for _, e := range r.Events() {
		codes[e.Data] = e.UUID
	}
	assert.Equal(t, uuid, codes[31])
	assert.Contains(t, codes, uint64(48))
}

func TestHungGPULeavesTheOthersAlone(t *testing.T) {
	t.Parallel()
	r := start(t, two)
	require.True(t, allOK(collect(t, r)))
	for _, call := range []string{"any", "DeviceGetFieldValues", "DeviceGetHandleByIndex"} {
		require.NoError(t, r.Scenario(two+"fault call_hangs gpu=0 call="+call+"\n"))
		s, _ := eventually(t, r, 5, func(s *nvmlwire.Snapshot) bool { return states(s)[0] == "hung" })
		assert.Equal(t, []string{"hung", "ok"}, states(s), call)
		s = collect(t, r)
		assert.Equal(t, []string{"hung", "ok"}, states(s), call)
		assert.NotEmpty(t, s.Devices[0].Call)
		assert.Greater(t, s.Devices[0].Busy, 100*time.Millisecond)
		assert.NotEmpty(t, s.Devices[1].Readings)
		assert.Less(t, s.Took, Patience, "a GPU known to hang is not waited for")
		assert.LessOrEqual(t, threads(t, r.PID()), 20)
		require.NoError(t, r.Scenario(two))
		_, n := eventually(t, r, 4, allOK)
		t.Logf("%s: back after %d collections", call, n)
	}
}

func TestDriverBlocksAllGPUs(t *testing.T) {
	t.Parallel()
	r := start(t, two)
	require.True(t, allOK(collect(t, r)))
	require.NoError(t, r.Scenario(two+"fault call_hangs scope=all\n"))
	time.Sleep(100 * time.Millisecond)
	s, _ := eventually(t, r, 3, func(s *nvmlwire.Snapshot) bool {
		return s.Devices[0].State == nvmlwire.StateHung && s.Devices[1].State == nvmlwire.StateHung
	})
	for _, d := range s.Devices {
		assert.Contains(t, d.Detail, "the driver blocks all GPUs")
		assert.NotEmpty(t, d.Call)
	}
	require.NoError(t, r.Scenario(two))
	eventually(t, r, 4, allOK)
}

func TestInitHangs(t *testing.T) {
	t.Parallel()
	r := start(t, two+"fault call_hangs scope=all\n")
	s := collect(t, r)
	assert.Equal(t, nvmlwire.LibraryHung, s.State)
	assert.Contains(t, s.Detail, "nvmlInit_v2")
	require.NoError(t, r.Scenario(two))
	eventually(t, r, 4, allOK)
}

func TestSlowCall(t *testing.T) {
	t.Parallel()
	r := start(t, two+"fault call_slow gpu=0 call=DeviceGetTemperature seconds=0.5\n")
	s := collect(t, r)
	assert.Equal(t, []string{"ok", "ok"}, states(s))
	require.NoError(t, r.Scenario(two+"fault call_slow gpu=0 call=DeviceGetTemperature seconds=2\n"))
	time.Sleep(100 * time.Millisecond)
	s = collect(t, r)
	assert.Equal(t, []string{"hung", "ok"}, states(s))
	assert.Equal(t, "nvmlDeviceGetTemperature", s.Devices[0].Call)
	require.NoError(t, r.Scenario(two))
	eventually(t, r, 15, allOK)
}

func TestUnknownErrorAfterACgroupReset(t *testing.T) {
	t.Parallel()
	r := start(t, two)
	before := collect(t, r)
	require.NoError(t, r.Scenario(two+"fault unknown_error gpu=0\n"))
	time.Sleep(100 * time.Millisecond)
	s := collect(t, r)
	assert.Equal(t, []string{"unknown_error", "ok"}, states(s))
	assert.Equal(t, before.Devices[0].UUID, s.Devices[0].UUID)
	require.NoError(t, r.Scenario(two))
	eventually(t, r, 3, allOK)
}

// TestGarbageIsNotPassedOn: absurd values are absent and counted.
func TestGarbageIsNotPassedOn(t *testing.T) {
	t.Parallel()
	with := two + "process gpu=0 pid=7 memory=1GiB sm=1\n"
	r := start(t, with)
	first := collect(t, r)
	require.NoError(t, r.Scenario(with+"fault garbage gpu=0\n"))
	time.Sleep(100 * time.Millisecond)
	before := first.CallErrors
	for range 3 {
		s := collect(t, r)
		require.Equal(t, first.Devices[0].UUID, s.Devices[0].UUID)
		require.Equal(t, first.Devices[0].Info, s.Devices[0].Info)
		plausible(t, &s.Devices[0])
		assert.Greater(t, s.CallErrors, before)
		before = s.CallErrors
	}
	require.NoError(t, r.Scenario(with))
	time.Sleep(100 * time.Millisecond)
	collect(t, r)
	s := collect(t, r)
	plausible(t, &s.Devices[0])
	_, ok := value(&s.Devices[0], nvmlwire.PowerInstant, 0)
	assert.True(t, ok)
}

// plausible fails on a value that cannot be.
func plausible(t *testing.T, d *nvmlwire.Device) {
	t.Helper()
	for _, r := range d.Readings {
		v := r.Float()
		switch r.ID {
		case nvmlwire.UtilizationGPU, nvmlwire.UtilizationMemory, nvmlwire.UtilizationEncoder, nvmlwire.UtilizationDecoder, nvmlwire.SMUtilization, nvmlwire.SMOccupancy, nvmlwire.PipeBusy:
			assert.LessOrEqual(t, v, 1.0)
			assert.GreaterOrEqual(t, v, 0.0)
		case nvmlwire.MemoryUsed, nvmlwire.MemoryTotal, nvmlwire.MemoryFree, nvmlwire.MemoryReserved:
			assert.Less(t, v, 1e12)
		case nvmlwire.PowerInstant, nvmlwire.PowerPeak, nvmlwire.PowerLimit:
			assert.Less(t, v, 10_000.0)
		case nvmlwire.Temperature, nvmlwire.TemperatureLimit:
			assert.LessOrEqual(t, v, 200.0)
			assert.GreaterOrEqual(t, v, -50.0)
		case nvmlwire.Clock:
			assert.LessOrEqual(t, v, 1e10)
		case nvmlwire.EnergyMeter, nvmlwire.ThrottleTime, nvmlwire.ECCCorrected, nvmlwire.ECCUncorrected, nvmlwire.PCIeReplay, nvmlwire.PCIeErrors:
			assert.Less(t, r.Bits, uint64(1)<<62)
		}
	}
	for _, p := range d.Processes {
		assert.LessOrEqual(t, p.SM, 1.0)
		assert.True(t, p.Memory == nvmlwire.NoMemory || p.Memory < 1<<40)
	}
}

func TestNotSupportedIsLearned(t *testing.T) {
	t.Parallel()
	r := start(t, two+"fault not_supported gpu=0 call=DeviceGetTotalEnergyConsumption,DeviceGetSamples field=83\n")
	collect(t, r)
	time.Sleep(500 * time.Millisecond)
	s := collect(t, r)
	d := &s.Devices[0]
	_, meter := value(d, nvmlwire.EnergyMeter, 0)
	joules, power := value(d, nvmlwire.EnergyFromPower, 0)
	assert.False(t, meter)
	require.True(t, power)
	assert.InDelta(t, 0.5*385, joules.Float(), 60, "half a second at 385 W")
	use, ok := value(d, nvmlwire.UtilizationGPU, 0)
	require.True(t, ok, "falls back on the rates")
	assert.InDelta(t, 0.5, use.Float(), 0.02)
	var absent []nvmlwire.ReadingID
	for _, a := range d.Absent {
		absent = append(absent, a.ID)
	}
	assert.Contains(t, absent, nvmlwire.EnergyMeter)
	assert.NotContains(t, absent, nvmlwire.UtilizationGPU)
	_, other := value(&s.Devices[1], nvmlwire.EnergyMeter, 0)
	assert.True(t, other)
}

func TestHotplug(t *testing.T) {
	t.Parallel()
	three := "gpu 0-2 board L4\ngpu 0-2 load constant level=0.5\n"
	r := start(t, three)
	before := collect(t, r)
	require.Len(t, before.Devices, 3)
	require.NoError(t, r.Scenario(three+"fault hotplug gpu=1\n"))
	time.Sleep(100 * time.Millisecond)
	s := collect(t, r)
	byUUID := map[string]nvmlwire.Device{}
	for _, d := range s.Devices {
		byUUID[d.UUID] = d
	}
	assert.Equal(t, nvmlwire.StateOK, byUUID[before.Devices[0].UUID].State)
	assert.Equal(t, nvmlwire.StateLost, byUUID[before.Devices[1].UUID].State)
	moved := byUUID[before.Devices[2].UUID]
	assert.Equal(t, nvmlwire.StateOK, moved.State)
	assert.Equal(t, 1, moved.Info.Index, "the index behind it moved up")
	assert.Equal(t, before.Devices[2].Info.Serial, moved.Info.Serial)
	require.NoError(t, r.Scenario(three))
	s, _ = eventually(t, r, 3, allOK)
	require.Len(t, s.Devices, 3)
	assert.Equal(t, before.Devices[1].UUID, s.Devices[1].UUID)
}

func TestMIGReconfiguredWhileRunning(t *testing.T) {
	t.Parallel()
	r := start(t, two)
	require.Len(t, collect(t, r).Devices, 2)
	slices := func(s *nvmlwire.Snapshot, profile string) int {
		n := 0
		for _, d := range s.Devices {
			if d.Parent == s.Devices[0].UUID && d.Info.Profile == profile && d.State == nvmlwire.StateOK {
				n++
			}
		}
		return n
	}
	for _, step := range []struct {
		layout, profile string
		n               int
	}{{"1g.10gb*4", "1g.10gb", 4}, {"3g.40gb*2", "3g.40gb", 2}, {"1g.10gb*7", "1g.10gb", 7}} {
		require.NoError(t, r.Scenario(two+"fault mig_change gpu=0 layout="+step.layout+"\n"))
		time.Sleep(100 * time.Millisecond)
		s := collect(t, r)
		assert.Equal(t, step.n, slices(s, step.profile), step.layout)
		assert.Len(t, s.Devices, 2+step.n)
		time.Sleep(100 * time.Millisecond)
		s = collect(t, r)
		_, ok := value(&s.Devices[1], nvmlwire.UtilizationGPU, 0)
		assert.True(t, ok, "GPM gives a slice its utilisation")
	}
	require.NoError(t, r.Scenario(two))
	time.Sleep(100 * time.Millisecond)
	assert.Len(t, collect(t, r).Devices, 2)
}

// TestEventStorm: equal events are one with a count, and an XID between them is not lost.
func TestEventStorm(t *testing.T) {
	t.Parallel()
	r := start(t, two)
	collect(t, r)
	time.Sleep(200 * time.Millisecond)
	require.NoError(t, r.Scenario("epoch "+epoch()+"\n"+two+"fault event_storm gpu=0 rate=2000 code=31\nat 0.5 xid gpu=1 code=48\n"))
	time.Sleep(1500 * time.Millisecond)
	require.NoError(t, r.Scenario(two))
	time.Sleep(500 * time.Millisecond)
	s := collect(t, r)
	var storm, other, messages uint64
	for _, e := range r.Events() {
		messages++
		switch e.Data {
		case 31:
			storm += e.Count
		case 48:
			other += e.Count
		}
	}
	assert.Equal(t, uint64(1), other)
	assert.Greater(t, storm, uint64(1000))
	assert.Less(t, messages, uint64(200))
	assert.Zero(t, s.EventsLost)
}

func TestRelease(t *testing.T) {
	t.Parallel()
	r := start(t, two, func(h *nvmlwire.Hello) { h.Release = true })
	for range 3 {
		s := collect(t, r)
		assert.True(t, allOK(s))
		assert.Len(t, s.Devices, 2)
		assert.Empty(t, s.EventsOff)
	}
}

func TestWantedGroupsOnly(t *testing.T) {
	t.Parallel()
	r := start(t, two, func(h *nvmlwire.Hello) { h.Want = nvmlwire.GroupTemperature; h.Sampling = 0; h.Events = false })
	collect(t, r)
	before := collect(t, r)
	after := collect(t, r)
	for _, reading := range after.Devices[0].Readings {
		assert.Contains(t, []nvmlwire.ReadingID{nvmlwire.Temperature, nvmlwire.TemperatureLimit}, reading.ID)
	}
	assert.LessOrEqual(t, after.Calls-before.Calls, uint64(1+2*4), "what is not wanted is not asked for")
}

func TestProcessesAreBounded(t *testing.T) {
	t.Parallel()
	many := two
	for pid := range 10 {
		many += "process gpu=0 pid=" + string(rune('1'+pid%9)) + "0" + string(rune('0'+pid)) + " memory=1GiB sm=0.1\n"
	}
	r := start(t, many, func(h *nvmlwire.Hello) { h.MaxProcesses = 4 })
	collect(t, r)
	time.Sleep(1200 * time.Millisecond)
	d := collect(t, r).Devices[0]
	assert.Len(t, d.Processes, 4)
	assert.Equal(t, 6, d.OtherCount)
	assert.Equal(t, uint64(6<<30), d.OtherProcesses.Memory)
	assert.InDelta(t, 0.05, d.Processes[0].SM, 0.011)
}

func threads(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/" + itoa(pid) + "/task")
	require.NoError(t, err)
	return len(entries)
}
