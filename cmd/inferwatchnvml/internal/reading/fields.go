//go:build linux && cgo

package reading

import (
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// form is what a field's value is.
type form uint8

const (
	asGauge   form = iota // value times unit
	asFlag                // 1 where the value is not 0
	asCounter             // the value as it is
	asSum                 // a counter, times unit, summed with all others of its ID and Sub
	asEnergy              // the energy meter
	asPower               // sampled power
	asTraffic             // a counter that wraps
)

// field is a reading taken by nvmlDeviceGetFieldValues.
type field struct {
	group nvmlwire.Groups
	id    nvmlwire.ReadingID
	sub   uint16
	field uint16
	scope uint32
	form  form
	unit  float64
	// low and high bound a gauge, in the field's own unit.
	low, high float64
	// sampled fields are read at every tick, not only in collections.
	sampled bool
}

// allLinks as scope asks for the sum over all NVLinks.
const allLinks = math.MaxUint32

// fields are those of every board. All in one call per collection.
var fields = [...]field{
	{group: nvmlwire.GroupPower, id: nvmlwire.EnergyMeter, field: nvml.FI_DEV_TOTAL_ENERGY_CONSUMPTION, form: asEnergy},
	{group: nvmlwire.GroupPower, id: nvmlwire.PowerInstant, field: nvml.FI_DEV_POWER_INSTANT, form: asPower, sampled: true},
	{group: nvmlwire.GroupPCIe, id: nvmlwire.PCIeSent, field: nvml.FI_DEV_PCIE_COUNT_TX_BYTES, form: asTraffic, sampled: true},
	{group: nvmlwire.GroupPCIe, id: nvmlwire.PCIeReceived, field: nvml.FI_DEV_PCIE_COUNT_RX_BYTES, form: asTraffic, sampled: true},

	{group: nvmlwire.GroupTemperature, id: nvmlwire.Temperature, sub: nvmlwire.SensorMemory, field: nvml.FI_DEV_MEMORY_TEMP, unit: 1, low: coldest, high: hottest},

	// nvml.h gives ns for 74, 76 and 269 to 271; 75 and 77 to 79 are of the same counters as nvmlDeviceGetViolationStatus, in ns too.
	{group: nvmlwire.GroupThrottle, id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonSWPowerCap, field: nvml.FI_DEV_PERF_POLICY_POWER, form: asCounter},
	{group: nvmlwire.GroupThrottle, id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonSyncBoost, field: nvml.FI_DEV_PERF_POLICY_SYNC_BOOST, form: asCounter},
	{group: nvmlwire.GroupThrottle, id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonSWThermal, field: fieldSWThermal, form: asCounter},
	{group: nvmlwire.GroupThrottle, id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonHWThermal, field: fieldHWThermal, form: asCounter},
	{group: nvmlwire.GroupThrottle, id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonHWPowerBrake, field: fieldHWPowerBrake, form: asCounter},
	{group: nvmlwire.GroupThrottle, id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonBoardLimit, field: nvml.FI_DEV_PERF_POLICY_BOARD_LIMIT, form: asCounter},
	{group: nvmlwire.GroupThrottle, id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonLowUtilization, field: nvml.FI_DEV_PERF_POLICY_LOW_UTILIZATION, form: asCounter},
	{group: nvmlwire.GroupThrottle, id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonReliability, field: nvml.FI_DEV_PERF_POLICY_RELIABILITY, form: asCounter},
	{group: nvmlwire.GroupThrottle, id: nvmlwire.ThrottleTime, sub: nvmlwire.ReasonThermal, field: fieldThermal, form: asCounter},

	{group: nvmlwire.GroupErrors, id: nvmlwire.ECCCorrected, field: nvml.FI_DEV_ECC_SBE_VOL_TOTAL, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.ECCUncorrected, field: nvml.FI_DEV_ECC_DBE_VOL_TOTAL, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeReplay, field: nvml.FI_DEV_PCIE_REPLAY_COUNTER, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeReplayRoll, field: nvml.FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 0, field: nvml.FI_DEV_PCIE_COUNT_CORRECTABLE_ERRORS, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 1, field: nvml.FI_DEV_PCIE_COUNT_NAKS_RECEIVED, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 2, field: nvml.FI_DEV_PCIE_COUNT_RECEIVER_ERROR, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 3, field: nvml.FI_DEV_PCIE_COUNT_BAD_TLP, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 4, field: nvml.FI_DEV_PCIE_COUNT_NAKS_SENT, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 5, field: nvml.FI_DEV_PCIE_COUNT_BAD_DLLP, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 6, field: nvml.FI_DEV_PCIE_COUNT_NON_FATAL_ERROR, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 7, field: nvml.FI_DEV_PCIE_COUNT_FATAL_ERROR, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 8, field: nvml.FI_DEV_PCIE_COUNT_UNSUPPORTED_REQ, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 9, field: nvml.FI_DEV_PCIE_COUNT_LCRC_ERROR, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.PCIeErrors, sub: 10, field: nvml.FI_DEV_PCIE_COUNT_LANE_ERROR, form: asCounter},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkCRCFlit, field: nvml.FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkCRCData, field: nvml.FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkReplay, field: nvml.FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkRecovery, field: nvml.FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL, form: asSum, unit: 1},

	{group: nvmlwire.GroupRemap, id: nvmlwire.RemappedRows, sub: nvmlwire.CorrectedErrors, field: nvml.FI_DEV_REMAPPED_COR, unit: 1, high: mostRows},
	{group: nvmlwire.GroupRemap, id: nvmlwire.RemappedRows, sub: nvmlwire.UncorrectedErrors, field: nvml.FI_DEV_REMAPPED_UNC, unit: 1, high: mostRows},
	{group: nvmlwire.GroupRemap, id: nvmlwire.RemapPending, field: nvml.FI_DEV_REMAPPED_PENDING, form: asFlag, high: 1},
	{group: nvmlwire.GroupRemap, id: nvmlwire.RemapFailure, field: nvml.FI_DEV_REMAPPED_FAILURE, form: asFlag, high: 1},
	{group: nvmlwire.GroupRemap, id: nvmlwire.RetiredPages, sub: nvmlwire.CorrectedErrors, field: nvml.FI_DEV_RETIRED_SBE, unit: 1, high: mostRows},
	{group: nvmlwire.GroupRemap, id: nvmlwire.RetiredPages, sub: nvmlwire.UncorrectedErrors, field: nvml.FI_DEV_RETIRED_DBE, unit: 1, high: mostRows},
	{group: nvmlwire.GroupRemap, id: nvmlwire.RetirementPending, field: nvml.FI_DEV_RETIRED_PENDING, form: asFlag, high: 1},

	{group: nvmlwire.GroupNVLink, id: nvmlwire.NVLinkSent, field: nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, scope: allLinks, form: asSum, unit: kibibyte},
	{group: nvmlwire.GroupNVLink, id: nvmlwire.NVLinkReceived, field: nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, scope: allLinks, form: asSum, unit: kibibyte},

	{group: nvmlwire.GroupState, id: nvmlwire.RecoveryAction, field: nvml.FI_DEV_GET_GPU_RECOVERY_ACTION, unit: 1, high: mostActions},
}

// linkFields are asked for link by link, on boards of NVLink 5 and later; their scope is the link.
var linkFields = [...]field{
	{group: nvmlwire.GroupNVLink, id: nvmlwire.NVLinkSent, field: nvml.FI_DEV_NVLINK_COUNT_XMIT_BYTES, form: asSum, unit: 1},
	{group: nvmlwire.GroupNVLink, id: nvmlwire.NVLinkReceived, field: nvml.FI_DEV_NVLINK_COUNT_RCV_BYTES, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkMalformed, field: nvml.FI_DEV_NVLINK_COUNT_MALFORMED_PACKET_ERRORS, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkBufferOverrun, field: nvml.FI_DEV_NVLINK_COUNT_BUFFER_OVERRUN_ERRORS, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkRXErrors, field: nvml.FI_DEV_NVLINK_COUNT_RCV_ERRORS, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkRXRemote, field: nvml.FI_DEV_NVLINK_COUNT_RCV_REMOTE_ERRORS, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkRXGeneral, field: nvml.FI_DEV_NVLINK_COUNT_RCV_GENERAL_ERRORS, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkLocalIntegrity, field: nvml.FI_DEV_NVLINK_COUNT_LOCAL_LINK_INTEGRITY_ERRORS, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkTXDiscards, field: nvml.FI_DEV_NVLINK_COUNT_XMIT_DISCARDS, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkRecovery, field: nvml.FI_DEV_NVLINK_COUNT_LINK_RECOVERY_EVENTS, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkEffective, field: nvml.FI_DEV_NVLINK_COUNT_EFFECTIVE_ERRORS, form: asSum, unit: 1},
	{group: nvmlwire.GroupErrors, id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkSymbol, field: nvml.FI_DEV_NVLINK_COUNT_SYMBOL_ERRORS, form: asSum, unit: 1},
}

const (
	fieldThermal      = nvml.FI_DEV_PERF_POLICY_THERMAL
	fieldSWThermal    = nvml.FI_DEV_CLOCKS_EVENT_REASON_SW_THERM_SLOWDOWN
	fieldHWThermal    = nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_THERM_SLOWDOWN
	fieldHWPowerBrake = nvml.FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN

	kibibyte = 1024

	// What a value can be, at the widest.
	coldest, hottest = -50, 200 // degrees Celsius
	mostRows         = 1 << 24
	mostActions      = 15
)
