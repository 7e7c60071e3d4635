//go:build linux && cgo

package process_test

import (
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/stretchr/testify/assert"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/process"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const off = ^uint32(0)

func info(pid uint32, memory uint64) nvml.ProcessInfo {
	return nvml.ProcessInfo{Pid: pid, UsedGpuMemory: memory, GpuInstanceId: off, ComputeInstanceId: off}
}

func proc(pid uint32, kind nvmlwire.ProcessKind, memory uint64, use float64) nvmlwire.Process {
	return nvmlwire.Process{PID: pid, Kind: kind, Memory: memory, SM: use, Encoder: use, Decoder: use, MemoryController: use, GPUInstance: -1, ComputeInstance: -1}
}

func TestListsOverlap(t *testing.T) {
	m := process.Merger{MemoryTotal: 1000}
	m.Begin(false)
	m.Add(nvmlwire.ProcessMPS, []nvml.ProcessInfo{info(3, 10)})
	m.Add(nvmlwire.ProcessCompute, []nvml.ProcessInfo{info(1, nvmlwire.NoMemory), info(2, 500), info(3, 10), info(0, 0), info(4, 2000)})
	m.Add(nvmlwire.ProcessGraphics, []nvml.ProcessInfo{info(1, 70), info(2, 400)})
	var out nvmlwire.Device
	m.End(&out, 64)
	assert.Equal(t, []nvmlwire.Process{
		proc(2, nvmlwire.ProcessCompute, 500, -1), proc(1, nvmlwire.ProcessCompute, 70, -1), proc(3, nvmlwire.ProcessMPS, 10, -1),
		proc(4, nvmlwire.ProcessCompute, nvmlwire.NoMemory, -1),
	}, out.Processes)
	assert.Zero(t, out.OtherCount)
	assert.Equal(t, 1, m.Faults, "more memory than the board has")
}

func TestUseIsTheMeanOfItsSamples(t *testing.T) {
	var m process.Merger
	m.Begin(true)
	m.Add(nvmlwire.ProcessCompute, []nvml.ProcessInfo{info(1, 4), info(2, 3), info(3, 2)})
	m.Use([]nvml.ProcessUtilizationSample{
		{Pid: 1, SmUtil: 100, EncUtil: 10, DecUtil: 20, MemUtil: 30},
		{Pid: 2, SmUtil: 4_000_000_000},
		{Pid: 9, SmUtil: 50},
		{Pid: 1, SmUtil: 50, EncUtil: 30, DecUtil: 40, MemUtil: 50},
	})
	var out nvmlwire.Device
	m.End(&out, 64)
	busy := proc(1, nvmlwire.ProcessCompute, 4, 0)
	busy.SM, busy.Encoder, busy.Decoder, busy.MemoryController = 0.75, 0.2, 0.3, 0.4
	assert.Equal(t, []nvmlwire.Process{busy, proc(2, nvmlwire.ProcessCompute, 3, -1), proc(3, nvmlwire.ProcessCompute, 2, 0)}, out.Processes)
}

func TestTheRestIsSummed(t *testing.T) {
	var m process.Merger
	for range 2 { // buffers are used again
		m.Begin(true)
		m.Add(nvmlwire.ProcessCompute, []nvml.ProcessInfo{info(1, 40), info(2, 30), info(3, 20), info(4, nvmlwire.NoMemory)})
		m.Use([]nvml.ProcessUtilizationSample{{Pid: 2, SmUtil: 50}, {Pid: 3, SmUtil: 25}})
		var out nvmlwire.Device
		m.End(&out, 1)
		assert.Equal(t, []nvmlwire.Process{proc(1, nvmlwire.ProcessCompute, 40, 0)}, out.Processes)
		assert.Equal(t, 3, out.OtherCount)
		assert.Equal(t, uint64(50), out.OtherProcesses.Memory)
		assert.InDelta(t, 0.75, out.OtherProcesses.SM, 1e-12)
	}
}

func FuzzMergeIsBounded(f *testing.F) {
	f.Add([]byte{1, 2, 3, 250, 5, 6}, 2)
	f.Fuzz(func(t *testing.T, raw []byte, limit int) {
		m := process.Merger{MemoryTotal: 100}
		m.Begin(len(raw)%2 == 0)
		var use []nvml.ProcessUtilizationSample
		for i, b := range raw {
			m.Add(nvmlwire.ProcessKind(i%3), []nvml.ProcessInfo{info(uint32(b%16), uint64(b))})
			use = append(use, nvml.ProcessUtilizationSample{Pid: uint32(b % 16), SmUtil: uint32(b)})
		}
		m.Use(use)
		var out nvmlwire.Device
		m.End(&out, limit)
		if len(out.Processes) > max(limit, 0) || len(out.Processes)+out.OtherCount > 15 {
			t.Fatalf("%d shown of limit %d, %d others", len(out.Processes), limit, out.OtherCount)
		}
		for i, p := range out.Processes {
			if p.PID == 0 || p.SM > 1 || (p.Memory > 100 && p.Memory != nvmlwire.NoMemory) {
				t.Fatalf("process %d cannot be: %+v", i, p)
			}
		}
	})
}
