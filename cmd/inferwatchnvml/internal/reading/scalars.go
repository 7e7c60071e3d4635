//go:build linux && cgo

package reading

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// scalar is a reading that a call of its own gives.
type scalar struct {
	group    nvmlwire.Groups
	id       nvmlwire.ReadingID
	sub      uint16
	call     library.Call
	argument int
	read     func(nvml.Device) (int64, nvml.Return)
	// unit makes a gauge of the value; 0 says that it is a counter.
	unit      float64
	low, high int64
	// fallback is asked only where the fields did not give the reading.
	fallback bool
}

const (
	megahertz     = 1e6
	milliwatt     = 1e-3
	mostMegahertz = 10_000
	mostMilliwatt = highestPower * 1000
	mostPState    = 15
	mostPCIeGen   = 15
	mostPCIeWidth = 32
)

var scalars = [...]scalar{
	{group: nvmlwire.GroupTemperature, id: nvmlwire.Temperature, sub: nvmlwire.SensorGPU, call: library.CallTemperature, unit: 1, low: coldest, high: hottest, read: temperature},
	{group: nvmlwire.GroupPower, id: nvmlwire.PowerLimit, sub: nvmlwire.LimitEnforced, call: library.CallEnforcedLimit, unit: milliwatt, low: 1, high: mostMilliwatt, read: enforcedLimit},
	{group: nvmlwire.GroupClock, id: nvmlwire.Clock, sub: nvmlwire.DomainGraphics, call: library.CallClock, argument: 0, unit: megahertz, high: mostMegahertz, read: graphicsClock},
	{group: nvmlwire.GroupClock, id: nvmlwire.Clock, sub: nvmlwire.DomainSM, call: library.CallClock, argument: 1, unit: megahertz, high: mostMegahertz, read: smClock},
	{group: nvmlwire.GroupClock, id: nvmlwire.Clock, sub: nvmlwire.DomainMemory, call: library.CallClock, argument: 2, unit: megahertz, high: mostMegahertz, read: memoryClock},
	{group: nvmlwire.GroupClock, id: nvmlwire.Clock, sub: nvmlwire.DomainVideo, call: library.CallClock, argument: 3, unit: megahertz, high: mostMegahertz, read: videoClock},
	{group: nvmlwire.GroupState, id: nvmlwire.PerformanceState, call: library.CallPerformanceState, unit: 1, high: mostPState, read: performanceState},
	{group: nvmlwire.GroupPCIeLink, id: nvmlwire.PCIeLinkGeneration, call: library.CallLinkGeneration, unit: 1, low: 1, high: mostPCIeGen, read: linkGeneration},
	{group: nvmlwire.GroupPCIeLink, id: nvmlwire.PCIeLinkWidth, call: library.CallLinkWidth, unit: 1, low: 1, high: mostPCIeWidth, read: linkWidth},
	{group: nvmlwire.GroupErrors, id: nvmlwire.ECCCorrected, call: library.CallECC, argument: 0, read: eccCorrected, fallback: true},
	{group: nvmlwire.GroupErrors, id: nvmlwire.ECCUncorrected, call: library.CallECC, argument: 1, read: eccUncorrected, fallback: true},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeReplay, call: library.CallPCIeReplay, read: pcieReplay, fallback: true},
}

func temperature(d nvml.Device) (int64, nvml.Return) {
	v, ret := d.GetTemperature(nvml.TEMPERATURE_GPU)
	return int64(int32(v)), ret
}

func enforcedLimit(d nvml.Device) (int64, nvml.Return) {
	v, ret := d.GetEnforcedPowerLimit()
	return int64(v), ret
}

func graphicsClock(d nvml.Device) (int64, nvml.Return) { return clock(d, nvml.CLOCK_GRAPHICS) }
func smClock(d nvml.Device) (int64, nvml.Return)       { return clock(d, nvml.CLOCK_SM) }
func memoryClock(d nvml.Device) (int64, nvml.Return)   { return clock(d, nvml.CLOCK_MEM) }
func videoClock(d nvml.Device) (int64, nvml.Return)    { return clock(d, nvml.CLOCK_VIDEO) }

func clock(d nvml.Device, domain nvml.ClockType) (int64, nvml.Return) {
	v, ret := d.GetClockInfo(domain)
	return int64(v), ret
}

func performanceState(d nvml.Device) (int64, nvml.Return) {
	v, ret := d.GetPerformanceState()
	return int64(v), ret
}

func linkGeneration(d nvml.Device) (int64, nvml.Return) {
	v, ret := d.GetCurrPcieLinkGeneration()
	return int64(v), ret
}

func linkWidth(d nvml.Device) (int64, nvml.Return) {
	v, ret := d.GetCurrPcieLinkWidth()
	return int64(v), ret
}

func eccCorrected(d nvml.Device) (int64, nvml.Return) {
	return ecc(d, nvml.MEMORY_ERROR_TYPE_CORRECTED)
}

func eccUncorrected(d nvml.Device) (int64, nvml.Return) {
	return ecc(d, nvml.MEMORY_ERROR_TYPE_UNCORRECTED)
}

func ecc(d nvml.Device, kind nvml.MemoryErrorType) (int64, nvml.Return) {
	v, ret := d.GetTotalEccErrors(kind, nvml.VOLATILE_ECC)
	return int64(v), ret
}

func pcieReplay(d nvml.Device) (int64, nvml.Return) {
	v, ret := d.GetPcieReplayCounter()
	if v == int(^uint32(0)) {
		return -1, ret
	}
	return int64(v), ret
}
