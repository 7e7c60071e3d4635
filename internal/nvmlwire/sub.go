package nvmlwire

// Sensor is the Sub of Temperature.
type Sensor = uint16

// The sensors.
const (
	SensorGPU Sensor = iota
	SensorMemory
)

// Limit is the Sub of PowerLimit and TemperatureLimit.
type Limit = uint16

// The limits.
const (
	LimitEnforced  Limit = iota // power: what the driver enforces now
	LimitDefault                // power: the board's default
	LimitMin                    // power: lowest that can be set
	LimitMax                    // power: highest that can be set
	LimitShutdown               // temperature: the board powers off
	LimitSlowdown               // temperature: hardware throttling begins
	LimitMemoryMax              // temperature: software throttling begins, memory
	LimitGPUMax                 // temperature: software throttling begins, GPU
)

// Domain is the Sub of Clock.
type Domain = uint16

// The clock domains.
const (
	DomainGraphics Domain = iota
	DomainSM
	DomainMemory
	DomainVideo
)

// Reason is the Sub of ThrottleTime and ThrottleActive.
type Reason = uint16

// The reasons for which clocks are below what was asked for, of nvmlClocksEventReasons.
const (
	ReasonIdle Reason = iota
	ReasonApplicationClocks
	ReasonSWPowerCap
	ReasonHWSlowdown
	ReasonSyncBoost
	ReasonSWThermal
	ReasonHWThermal
	ReasonHWPowerBrake
	ReasonDisplayClocks
	ReasonBoardLimit     // only as ThrottleTime, field 77
	ReasonLowUtilization // only as ThrottleTime, field 78
	ReasonReliability    // only as ThrottleTime, field 79
	ReasonThermal        // only as ThrottleTime, field 75: any thermal reason, before fields 269-271 existed
	ReasonPower          // not read: nvml.h has field 74 as ReasonSWPowerCap
)

// Correction is the Sub of RemappedRows and RetiredPages.
type Correction = uint16

// By which errors rows were remapped or pages retired.
const (
	CorrectedErrors Correction = iota
	UncorrectedErrors
)

// PCIeError is the Sub of PCIeErrors: the field's number less 173.
type PCIeError = uint16

// LinkError is the Sub of NVLinkErrors.
type LinkError = uint16

// The kinds of NVLink error, summed over links.
const (
	LinkCRCFlit LinkError = iota
	LinkCRCData
	LinkReplay
	LinkRecovery
	LinkMalformed
	LinkBufferOverrun
	LinkRXErrors
	LinkRXRemote
	LinkRXGeneral
	LinkLocalIntegrity
	LinkTXDiscards
	LinkSymbol
	LinkEffective
)

// Pipe is the Sub of PipeBusy.
type Pipe = uint16

// The pipes of an SM, by GPM metric.
const (
	PipeTensor     Pipe = iota // any tensor, GPM 5
	PipeTensorDFMA             // GPM 6
	PipeTensorHMMA             // GPM 7
	PipeTensorIMMA             // GPM 9
	PipeFP64                   // GPM 11
	PipeFP32                   // GPM 12
	PipeFP16                   // GPM 13
	PipeInteger                // GPM 4
)
