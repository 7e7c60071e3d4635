//go:build linux && cgo

package reading

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// mostMemory in bytes is above any board's.
const mostMemory = 1 << 46

// readMemory reads the memory of the GPU.
func (g *GPU) readMemory() {
	if g.options.Want&(nvmlwire.GroupMemory|nvmlwire.GroupProcesses) == 0 {
		return
	}
	g.memoryTotal = g.memory(g.device, g.options.Want, &g.out)
	g.merger.MemoryTotal = g.memoryTotal
}

// memory reads the memory of a device and gives its size in bytes, 0 where that is not known.
func (a *asker) memory(device nvml.Device, want nvmlwire.Groups, out *nvmlwire.Device) uint64 {
	m, origin, ok := a.memoryInfo(device)
	if !ok {
		return 0
	}
	if m.Total == 0 || m.Total > mostMemory || m.Used > m.Total || m.Free > m.Total || m.Reserved > m.Total {
		for id := nvmlwire.MemoryUsed; id <= nvmlwire.MemoryFree; id++ {
			a.implausible(origin, id)
		}
		return 0
	}
	if !want.Has(nvmlwire.GroupMemory) {
		return m.Total
	}
	a.gauge(out, origin, nvmlwire.MemoryUsed, 0, float64(m.Used))
	a.gauge(out, origin, nvmlwire.MemoryTotal, 0, float64(m.Total))
	if origin.Call == library.CallMemoryV2 {
		a.gauge(out, origin, nvmlwire.MemoryReserved, 0, float64(m.Reserved))
	}
	a.gauge(out, origin, nvmlwire.MemoryFree, 0, float64(m.Free))
	return m.Total
}

func (a *asker) memoryInfo(device nvml.Device) (nvml.Memory_v2, Origin, bool) {
	if a.may(library.CallMemoryV2, 0, nvmlwire.MemoryReserved) {
		m, ret := device.GetMemoryInfo_v2()
		if a.done(library.CallMemoryV2, 0, nvmlwire.MemoryReserved, ret) {
			return m, Origin{Call: library.CallMemoryV2}, true
		}
		if library.ClassOf(ret) != library.ClassUnsupported {
			for _, id := range [...]nvmlwire.ReadingID{nvmlwire.MemoryUsed, nvmlwire.MemoryTotal, nvmlwire.MemoryFree} {
				a.absent(id, reason{origin: Origin{Call: library.CallMemoryV2}, code: int32(ret)})
			}
			return nvml.Memory_v2{}, Origin{}, false // used would jump by what is reserved
		}
	}
	for _, id := range [...]nvmlwire.ReadingID{nvmlwire.MemoryTotal, nvmlwire.MemoryFree} {
		a.absent(id, a.why[nvmlwire.MemoryUsed])
	}
	if !a.may(library.CallMemory, 0, nvmlwire.MemoryUsed) {
		return nvml.Memory_v2{}, Origin{}, false
	}
	m, ret := device.GetMemoryInfo()
	ok := a.done(library.CallMemory, 0, nvmlwire.MemoryUsed, ret)
	return nvml.Memory_v2{Total: m.Total, Used: m.Used, Free: m.Free}, Origin{Call: library.CallMemory}, ok
}
