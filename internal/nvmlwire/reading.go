package nvmlwire

import "math"

// ReadingID says what a reading is, its unit and its kind.
type ReadingID uint16

// Reading is one value of one device. Gauges are float64 in the unit of their ID, counters are the driver's own integer.
type Reading struct {
	ID ReadingID
	// Sub tells readings of one ID apart: see the ID.
	Sub  uint16
	Bits uint64
}

// Gauge makes a reading of a gauge.
func Gauge(id ReadingID, sub uint16, v float64) Reading {
	return Reading{ID: id, Sub: sub, Bits: math.Float64bits(v)}
}

// Count makes a reading of a counter, raw as the driver gives it.
func Count(id ReadingID, sub uint16, v uint64) Reading { return Reading{ID: id, Sub: sub, Bits: v} }

// Float is the value of a gauge.
func (r Reading) Float() float64 { return math.Float64frombits(r.Bits) }

// The readings. Unit, kind and NVML source stand beside each; Sub is 0 where nothing else is said.
const (
	readingNone ReadingID = iota

	// Group GroupUtilization. Means of every sample since the last collection, 0 to 1.
	UtilizationGPU     // GetSamples(GPU_UTILIZATION_SAMPLES), else sampled GetUtilizationRates; GPM 1 for a MIG slice
	UtilizationEncoder // GetSamples(ENC_UTILIZATION_SAMPLES), else GetEncoderUtilization
	UtilizationDecoder // GetSamples(DEC_UTILIZATION_SAMPLES), else GetDecoderUtilization
	UtilizationMemory  // memory controller busy: GetSamples(MEMORY_UTILIZATION_SAMPLES), else GetUtilizationRates; GPM 10 for a slice

	// Group GroupMemory, bytes: GetMemoryInfo_v2, else GetMemoryInfo (no reserved then).
	MemoryUsed
	MemoryTotal
	MemoryReserved
	MemoryFree

	// Group GroupPower.
	EnergyMeter     // counter, mJ: field 83, else GetTotalEnergyConsumption
	EnergyFromPower // gauge, J since Snapshot.Started: trapezoids over sampled power, only where there is no meter
	PowerInstant    // W: field 186, else GetPowerUsage; last sample
	PowerPeak       // W: highest sample since the last collection
	PowerLimit      // W; Sub is a Limit

	// Group GroupTemperature, degrees Celsius.
	Temperature      // Sub is a Sensor: GetTemperature; field 82
	TemperatureLimit // Sub is a Limit: GetTemperatureThreshold, else from fields 193-196, which are margins, and GetMarginTemperature

	// Group GroupFan, 0 to 1; Sub is the fan's index.
	FanSpeed

	// Group GroupClock, Hz; Sub is a Domain: GetClockInfo.
	Clock

	// Group GroupThrottle.
	ThrottleTime   // counter, ns; Sub is a Reason: fields 74 (ReasonSWPowerCap), 75-79, 269-271
	ThrottleActive // Sub is a Reason; 0 or 1: GetCurrentClocksEventReasons

	// Group GroupErrors. Counters since the driver was loaded.
	ECCCorrected   // GetTotalEccErrors(volatile), field 3
	ECCUncorrected // GetTotalEccErrors(volatile), field 4
	PCIeReplay     // field 94, else GetPcieReplayCounter
	PCIeReplayRoll // field 95
	PCIeErrors     // Sub is a PCIeError: fields 173-183
	NVLinkErrors   // Sub is a LinkError: fields 38, 45, 52, 59, 206-215

	// Group GroupRemap. Gauges.
	RemappedRows      // rows; Sub is a Correction: fields 142, 143, else GetRemappedRows
	RemapPending      // 0 or 1: field 144
	RemapFailure      // 0 or 1: field 145
	RetiredPages      // pages; Sub is a Correction: fields 29, 30
	RetirementPending // 0 or 1: field 31

	// Group GroupPCIe.
	PCIeSent           // counter, bytes since Snapshot.Started, unwrapped by the helper: field 197
	PCIeReceived       // counter, bytes since Snapshot.Started, unwrapped by the helper: field 198
	PCIeLinkGeneration // GetCurrPcieLinkGeneration
	PCIeLinkWidth      // GetCurrPcieLinkWidth

	// Group GroupNVLink.
	NVLinkSent     // counter, bytes since the driver was loaded, all links: field 138 (KiB) with scope UINT_MAX, else 202
	NVLinkReceived // counter, bytes since the driver was loaded, all links: field 139 (KiB) with scope UINT_MAX, else 204
	NVLinkState    // 0 or 1; Sub is the link: GetNvLinkState

	// Group GroupProfiling, GPM on Hopper and later, 0 to 1, means since the last collection.
	SMUtilization // GPM 2
	SMOccupancy   // GPM 3
	PipeBusy      // Sub is a Pipe: GPM 4-13

	// Group GroupState.
	PerformanceState // P-state, 0 is the fastest: GetPerformanceState
	RecoveryAction   // field 230: 0 none, 1 GPU reset, 2 node reboot, 3 drain P2P, 4 drain and reset, 5 recover the IMEX domain

	readingEnd
)

// ReadingCount is one more than the highest ReadingID.
const ReadingCount = int(readingEnd)

// Groups is a set of groups of readings.
type Groups uint32

// The groups. A group is what one setting turns on, and the least that is asked of the driver.
const (
	GroupUtilization Groups = 1 << iota
	GroupMemory
	GroupPower
	GroupTemperature
	GroupFan
	GroupClock
	GroupThrottle
	GroupErrors
	GroupRemap
	GroupPCIe
	GroupNVLink
	GroupProfiling
	GroupState
	GroupProcesses
	GroupPCIeLink // PCIeLinkGeneration, PCIeLinkWidth
	GroupLinkState
)

// GroupsAll is every group.
const GroupsAll = GroupLinkState<<1 - 1

// Has tells whether all of g are wanted.
func (s Groups) Has(g Groups) bool { return s&g == g }
