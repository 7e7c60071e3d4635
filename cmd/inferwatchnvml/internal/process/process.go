//go:build linux && cgo

// Package process makes one list of a device's processes from NVML's lists: compute, graphics and MPS clients, which overlap, and the
// samples of use by process.
package process

import (
	"cmp"
	"slices"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const (
	noMemory   = ^uint64(0)
	noInstance = ^uint32(0)
	unknown    = -1
	percent    = 100
)

// Merger merges what one device told in one collection. It keeps its buffers for the next.
type Merger struct {
	// MemoryTotal is the device's memory in bytes, over which no process can hold more; 0 where it is not known.
	MemoryTotal uint64

	list  []nvmlwire.Process
	at    map[uint32]int // pid -> index in list
	known bool
	// Faults counts values that cannot be, since the Merger was made.
	Faults int
}

// Begin starts a collection. use tells whether the driver gives use by process: a process without a sample was idle then.
func (m *Merger) Begin(use bool) {
	m.list, m.known = m.list[:0], use
	if m.at == nil {
		m.at = make(map[uint32]int)
	}
	clear(m.at)
}

// Add adds one of NVML's lists. They come in the order of ProcessKind, so that a process has the first kind that applies.
func (m *Merger) Add(kind nvmlwire.ProcessKind, infos []nvml.ProcessInfo) {
	for i := range infos {
		info := &infos[i]
		if info.Pid == 0 {
			continue // an unused entry of NVML's buffer
		}
		memory := m.memory(info.UsedGpuMemory)
		if at, ok := m.at[info.Pid]; ok {
			// The lists tell of the same memory, not of shares of it.
			if p := &m.list[at]; memory != noMemory && (p.Memory == noMemory || memory > p.Memory) {
				p.Memory = memory
			}
			continue
		}
		p := nvmlwire.Process{
			PID: info.Pid, Kind: kind, Memory: memory, SM: unknown, Encoder: unknown, Decoder: unknown, MemoryController: unknown,
			GPUInstance: instance(info.GpuInstanceId), ComputeInstance: instance(info.ComputeInstanceId),
		}
		if m.known {
			p.SM, p.Encoder, p.Decoder, p.MemoryController = 0, 0, 0, 0
		}
		m.at[info.Pid] = len(m.list)
		m.list = append(m.list, p)
	}
}

// Use adds the samples of use. Several of one process are of different times: their mean is what it used.
func (m *Merger) Use(samples []nvml.ProcessUtilizationSample) {
	slices.SortFunc(samples, func(a, b nvml.ProcessUtilizationSample) int { return cmp.Compare(a.Pid, b.Pid) })
	for len(samples) > 0 {
		n := 1
		for n < len(samples) && samples[n].Pid == samples[0].Pid {
			n++
		}
		m.useOf(samples[:n])
		samples = samples[n:]
	}
}

func (m *Merger) useOf(samples []nvml.ProcessUtilizationSample) {
	at, ok := m.at[samples[0].Pid]
	if !ok {
		return // ended since; its memory is no longer held
	}
	var sm, enc, dec, mem uint64
	n := 0
	for i := range samples {
		s := &samples[i]
		if s.SmUtil > percent || s.EncUtil > percent || s.DecUtil > percent || s.MemUtil > percent {
			m.Faults++
			continue
		}
		sm, enc, dec, mem = sm+uint64(s.SmUtil), enc+uint64(s.EncUtil), dec+uint64(s.DecUtil), mem+uint64(s.MemUtil)
		n++
	}
	p := &m.list[at]
	if n == 0 {
		p.SM, p.Encoder, p.Decoder, p.MemoryController = unknown, unknown, unknown, unknown
		return
	}
	whole := float64(n) * percent
	p.SM, p.Encoder, p.Decoder, p.MemoryController = float64(sm)/whole, float64(enc)/whole, float64(dec)/whole, float64(mem)/whole
}

// End writes the list into out, most memory first, at most limit of them, and the sum of the others. The list is valid until Begin.
func (m *Merger) End(out *nvmlwire.Device, limit int) {
	slices.SortFunc(m.list, func(a, b nvmlwire.Process) int {
		if c := cmp.Compare(b.Memory+1, a.Memory+1); c != 0 { // noMemory + 1 is 0: last
			return c
		}
		return cmp.Compare(a.PID, b.PID)
	})
	shown := min(len(m.list), max(limit, 0))
	out.Processes, out.OtherCount = m.list[:shown], len(m.list)-shown
	out.OtherProcesses = sum(m.list[shown:])
}

func sum(list []nvmlwire.Process) nvmlwire.Process {
	total := nvmlwire.Process{
		Kind: nvmlwire.ProcessCompute, Memory: noMemory, SM: unknown, Encoder: unknown, Decoder: unknown, MemoryController: unknown,
		GPUInstance: unknown, ComputeInstance: unknown,
	}
	for i := range list {
		p := &list[i]
		if p.Memory != noMemory {
			if total.Memory == noMemory {
				total.Memory = 0
			}
			total.Memory += p.Memory
		}
		total.SM, total.Encoder = plus(total.SM, p.SM), plus(total.Encoder, p.Encoder)
		total.Decoder, total.MemoryController = plus(total.Decoder, p.Decoder), plus(total.MemoryController, p.MemoryController)
	}
	return total
}

// plus adds what is known.
func plus(a, b float64) float64 {
	switch {
	case b < 0:
		return a
	case a < 0:
		return b
	default:
		return a + b
	}
}

func (m *Merger) memory(used uint64) uint64 {
	if used != noMemory && m.MemoryTotal > 0 && used > m.MemoryTotal {
		m.Faults++
		return noMemory
	}
	return used
}

func instance(id uint32) int {
	if id == noInstance {
		return unknown
	}
	return int(id)
}
