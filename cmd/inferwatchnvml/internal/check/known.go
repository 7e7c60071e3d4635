//go:build linux && cgo

package check

import (
	"strconv"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// known is what a person is shown of a reading, and nvidia-smi's name of it.
type known struct {
	id   nvmlwire.ReadingID
	sub  uint16
	name string
	unit string
	// scale makes the shown value, in unit, of the reading's own.
	scale   float64
	counter bool
	// query is nvidia-smi's property, in the same unit; empty where it has none.
	query string
	// absolute and relative are how far nvidia-smi may be from the range that was read before and after it.
	absolute, relative float64
}

const (
	mebi   = 1.0 / (1 << 20)
	mega   = 1e-6
	share  = 100
	micros = 1e-3
	joules = 1e-3
)

var readings = []known{
	{id: nvmlwire.UtilizationGPU, name: "utilisation", unit: "%", scale: share, query: "utilization.gpu", absolute: 15},
	{id: nvmlwire.UtilizationEncoder, name: "utilisation encoder", unit: "%", scale: share, query: "utilization.encoder", absolute: 15},
	{id: nvmlwire.UtilizationDecoder, name: "utilisation decoder", unit: "%", scale: share, query: "utilization.decoder", absolute: 15},
	{id: nvmlwire.UtilizationMemory, name: "memory controller busy", unit: "%", scale: share, query: "utilization.memory", absolute: 15},
	{id: nvmlwire.MemoryUsed, name: "memory used", unit: "MiB", scale: mebi, query: "memory.used", absolute: 64},
	{id: nvmlwire.MemoryTotal, name: "memory total", unit: "MiB", scale: mebi, query: "memory.total", absolute: 1},
	{id: nvmlwire.MemoryReserved, name: "memory reserved", unit: "MiB", scale: mebi, query: "memory.reserved", absolute: 16},
	{id: nvmlwire.MemoryFree, name: "memory free", unit: "MiB", scale: mebi, query: "memory.free", absolute: 64},
	{id: nvmlwire.EnergyMeter, name: "energy (meter)", unit: "J", scale: joules, counter: true},
	{id: nvmlwire.EnergyFromPower, name: "energy (power over time)", unit: "J", scale: 1},
	{id: nvmlwire.PowerInstant, name: "power", unit: "W", scale: 1, query: "power.draw.instant", absolute: 10, relative: 0.15},
	{id: nvmlwire.PowerPeak, name: "power peak", unit: "W", scale: 1},
	{id: nvmlwire.PowerLimit, sub: nvmlwire.LimitEnforced, name: "power limit enforced", unit: "W", scale: 1, query: "enforced.power.limit", absolute: 0.01},
	{id: nvmlwire.PowerLimit, sub: nvmlwire.LimitDefault, name: "power limit default", unit: "W", scale: 1, query: "power.default_limit", absolute: 0.01},
	{id: nvmlwire.PowerLimit, sub: nvmlwire.LimitMin, name: "power limit min", unit: "W", scale: 1, query: "power.min_limit", absolute: 0.01},
	{id: nvmlwire.PowerLimit, sub: nvmlwire.LimitMax, name: "power limit max", unit: "W", scale: 1, query: "power.max_limit", absolute: 0.01},
	{id: nvmlwire.Temperature, sub: nvmlwire.SensorGPU, name: "temperature", unit: "Cel", scale: 1, query: "temperature.gpu", absolute: 3},
	{id: nvmlwire.Temperature, sub: nvmlwire.SensorMemory, name: "temperature memory", unit: "Cel", scale: 1, query: "temperature.memory", absolute: 3},
	{id: nvmlwire.TemperatureLimit, sub: nvmlwire.LimitShutdown, name: "temperature limit shutdown", unit: "Cel", scale: 1},
	{id: nvmlwire.TemperatureLimit, sub: nvmlwire.LimitSlowdown, name: "temperature limit slowdown", unit: "Cel", scale: 1},
	{id: nvmlwire.TemperatureLimit, sub: nvmlwire.LimitMemoryMax, name: "temperature limit memory", unit: "Cel", scale: 1},
	{id: nvmlwire.TemperatureLimit, sub: nvmlwire.LimitGPUMax, name: "temperature limit GPU", unit: "Cel", scale: 1},
	{id: nvmlwire.FanSpeed, name: "fan 0", unit: "%", scale: share, query: "fan.speed", absolute: 5},
	{id: nvmlwire.Clock, sub: nvmlwire.DomainGraphics, name: "clock graphics", unit: "MHz", scale: mega, query: "clocks.gr", absolute: 100, relative: 0.1},
	{id: nvmlwire.Clock, sub: nvmlwire.DomainSM, name: "clock SM", unit: "MHz", scale: mega, query: "clocks.sm", absolute: 100, relative: 0.1},
	{id: nvmlwire.Clock, sub: nvmlwire.DomainMemory, name: "clock memory", unit: "MHz", scale: mega, query: "clocks.mem", absolute: 100, relative: 0.1},
	{id: nvmlwire.Clock, sub: nvmlwire.DomainVideo, name: "clock video", unit: "MHz", scale: mega, query: "clocks.video", absolute: 100, relative: 0.1},

	{id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonSWPowerCap, name: "throttled by sw_power_cap", unit: "us", scale: micros, counter: true, query: "clocks_event_reasons_counters.sw_power_cap", absolute: 2e5},
	{id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonSyncBoost, name: "throttled by sync_boost", unit: "us", scale: micros, counter: true, query: "clocks_event_reasons_counters.sync_boost", absolute: 2e5},
	{id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonSWThermal, name: "throttled by sw_thermal", unit: "us", scale: micros, counter: true, query: "clocks_event_reasons_counters.sw_thermal_slowdown", absolute: 2e5},
	{id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonHWThermal, name: "throttled by hw_thermal", unit: "us", scale: micros, counter: true, query: "clocks_event_reasons_counters.hw_thermal_slowdown", absolute: 2e5},
	{id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonHWPowerBrake, name: "throttled by hw_power_brake", unit: "us", scale: micros, counter: true, query: "clocks_event_reasons_counters.hw_power_brake_slowdown", absolute: 2e5},
	{id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonBoardLimit, name: "throttled by board_limit", unit: "us", scale: micros, counter: true},
	{id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonLowUtilization, name: "throttled by low_utilization", unit: "us", scale: micros, counter: true},
	{id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonReliability, name: "throttled by reliability", unit: "us", scale: micros, counter: true},
	{id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonThermal, name: "throttled by thermal", unit: "us", scale: micros, counter: true},
	{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonIdle, name: "throttle gpu_idle", scale: 1, query: "clocks_event_reasons.gpu_idle"},
	{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonApplicationClocks, name: "throttle applications_clocks", scale: 1, query: "clocks_event_reasons.applications_clocks_setting"},
	{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonSWPowerCap, name: "throttle sw_power_cap", scale: 1, query: "clocks_event_reasons.sw_power_cap"},
	{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonHWSlowdown, name: "throttle hw_slowdown", scale: 1, query: "clocks_event_reasons.hw_slowdown"},
	{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonSyncBoost, name: "throttle sync_boost", scale: 1, query: "clocks_event_reasons.sync_boost"},
	{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonSWThermal, name: "throttle sw_thermal", scale: 1, query: "clocks_event_reasons.sw_thermal_slowdown"},
	{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonHWThermal, name: "throttle hw_thermal", scale: 1, query: "clocks_event_reasons.hw_thermal_slowdown"},
	{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonHWPowerBrake, name: "throttle hw_power_brake", scale: 1, query: "clocks_event_reasons.hw_power_brake_slowdown"},
	{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonDisplayClocks, name: "throttle display_clocks", scale: 1},

	{id: nvmlwire.ECCCorrected, name: "ECC corrected", scale: 1, counter: true, query: "ecc.errors.corrected.volatile.total"},
	{id: nvmlwire.ECCUncorrected, name: "ECC uncorrected", scale: 1, counter: true, query: "ecc.errors.uncorrected.volatile.total"},
	{id: nvmlwire.PCIeReplay, name: "PCIe replays", scale: 1, counter: true},
	{id: nvmlwire.PCIeReplayRoll, name: "PCIe replay rollovers", scale: 1, counter: true},
	{id: nvmlwire.RemappedRows, sub: nvmlwire.CorrectedErrors, name: "remapped rows corrected", scale: 1},
	{id: nvmlwire.RemappedRows, sub: nvmlwire.UncorrectedErrors, name: "remapped rows uncorrected", scale: 1},
	{id: nvmlwire.RemapPending, name: "remap pending", scale: 1},
	{id: nvmlwire.RemapFailure, name: "remap failure", scale: 1},
	{id: nvmlwire.RetiredPages, sub: nvmlwire.CorrectedErrors, name: "retired pages corrected", scale: 1, query: "retired_pages.single_bit_ecc.count"},
	{id: nvmlwire.RetiredPages, sub: nvmlwire.UncorrectedErrors, name: "retired pages uncorrected", scale: 1, query: "retired_pages.double_bit.count"},
	{id: nvmlwire.RetirementPending, name: "retirement pending", scale: 1, query: "retired_pages.pending"},
	{id: nvmlwire.PCIeSent, name: "PCIe sent since start", unit: "By", scale: 1, counter: true},
	{id: nvmlwire.PCIeReceived, name: "PCIe received since start", unit: "By", scale: 1, counter: true},
	{id: nvmlwire.PCIeLinkGeneration, name: "PCIe generation", scale: 1, query: "pcie.link.gen.current"},
	{id: nvmlwire.PCIeLinkWidth, name: "PCIe width", scale: 1, query: "pcie.link.width.current"},
	{id: nvmlwire.NVLinkSent, name: "NVLink sent", unit: "By", scale: 1, counter: true},
	{id: nvmlwire.NVLinkReceived, name: "NVLink received", unit: "By", scale: 1, counter: true},
	{id: nvmlwire.SMUtilization, name: "SM utilisation", unit: "%", scale: share},
	{id: nvmlwire.SMOccupancy, name: "SM occupancy", unit: "%", scale: share},
	{id: nvmlwire.PipeBusy, sub: nvmlwire.PipeTensor, name: "pipe tensor", unit: "%", scale: share},
	{id: nvmlwire.PipeBusy, sub: nvmlwire.PipeTensorDFMA, name: "pipe tensor_dfma", unit: "%", scale: share},
	{id: nvmlwire.PipeBusy, sub: nvmlwire.PipeTensorHMMA, name: "pipe tensor_hmma", unit: "%", scale: share},
	{id: nvmlwire.PipeBusy, sub: nvmlwire.PipeTensorIMMA, name: "pipe tensor_imma", unit: "%", scale: share},
	{id: nvmlwire.PipeBusy, sub: nvmlwire.PipeFP64, name: "pipe fp64", unit: "%", scale: share},
	{id: nvmlwire.PipeBusy, sub: nvmlwire.PipeFP32, name: "pipe fp32", unit: "%", scale: share},
	{id: nvmlwire.PipeBusy, sub: nvmlwire.PipeFP16, name: "pipe fp16", unit: "%", scale: share},
	{id: nvmlwire.PipeBusy, sub: nvmlwire.PipeInteger, name: "pipe integer", unit: "%", scale: share},
	{id: nvmlwire.PerformanceState, name: "performance state", scale: 1, query: "pstate"},
	{id: nvmlwire.RecoveryAction, name: "recovery action", scale: 1},
}

// families are readings of many Subs, named by number.
var families = map[nvmlwire.ReadingID]known{
	nvmlwire.FanSpeed:     {name: "fan", unit: "%", scale: share},
	nvmlwire.PCIeErrors:   {name: "PCIe errors, field 173 +", scale: 1, counter: true},
	nvmlwire.NVLinkErrors: {name: "NVLink errors, kind", scale: 1, counter: true},
	nvmlwire.NVLinkState:  {name: "NVLink up, link", scale: 1},
}

// knownOf is what is known of a reading.
func knownOf(id nvmlwire.ReadingID, sub uint16) known {
	for i := range readings {
		if readings[i].id == id && readings[i].sub == sub {
			return readings[i]
		}
	}
	k, ok := families[id]
	if !ok {
		k = known{name: "reading " + strconv.Itoa(int(id)), scale: 1}
	}
	k.id, k.sub = id, sub
	k.name += " " + strconv.Itoa(int(sub))
	return k
}

// nameOf is what a reading is called where it is absent as a whole.
func nameOf(id nvmlwire.ReadingID) string {
	if k, ok := families[id]; ok {
		return k.name
	}
	for i := range readings {
		if readings[i].id == id {
			return readings[i].name
		}
	}
	return "reading " + strconv.Itoa(int(id))
}

// shown is a reading's value in its unit.
func (k *known) shown(r nvmlwire.Reading) float64 {
	if k.counter {
		return float64(r.Bits) * k.scale
	}
	return r.Float() * k.scale
}
