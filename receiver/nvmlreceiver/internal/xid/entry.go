package xid

import "go.opentelemetry.io/collector/pdata/plog"

// Cause is the class of fault that an XID most likely points to. One XID can have several; this is the first to check.
type Cause string

// The causes that catalog.csv uses.
const (
	CauseApplication    Cause = "application"    // the program on the GPU
	CauseBus            Cause = "bus"            // PCI Express, seating, risers
	CauseDisplay        Cause = "display"        // display engine
	CauseDriver         Cause = "driver"         // kernel driver or CUDA
	CauseFirmware       Cause = "firmware"       // GSP, PMU and other micro-controllers
	CauseHardware       Cause = "hardware"       // the GPU itself, other than its memory
	CauseMemory         Cause = "memory"         // GPU memory, ECC
	CauseNVLink         Cause = "nvlink"         // NVLink, NVSwitch, chip-to-chip link
	CauseOperator       Cause = "operator"       // something done on purpose: a test, a setting, a notice
	CausePower          Cause = "power"          // supply or its cables
	CauseThermal        Cause = "thermal"        // temperature
	CauseUnknown        Cause = "unknown"        // not in the catalogue
	CauseVirtualization Cause = "virtualization" // vGPU, confidential computing
)

// Origin says where a row's facts come from.
type Origin string

// The origins that catalog.csv uses.
const (
	OriginCatalog Origin = "catalog" // NVIDIA's published XID catalogue
	OriginDriver  Origin = "driver"  // the header of the driver; the catalogue has no row yet
	OriginNone    Origin = "none"    // Lookup does not know the code
)

// Resolution is a resolution bucket in NVIDIA's terms, such as RESET_GPU; resolutions.csv lists all of them.
// NONE_GIVEN, IGNORE_SYMPATHETIC and INFORMATIONAL stand where the catalogue has an empty cell or prose.
type Resolution string

// The resolutions that this package itself refers to.
const (
	ResolutionIgnore     Resolution = "IGNORE"
	ResolutionNoneGiven  Resolution = "NONE_GIVEN"
	ResolutionResetGPU   Resolution = "RESET_GPU"
	ResolutionRestartBM  Resolution = "RESTART_BM"
	ResolutionDrainP2P   Resolution = "DRAIN_P2P"
	ResolutionDrainReset Resolution = "DRAIN_AND_RESET"
	// NVIDIA's name of the sixth recovery action of XID 154; like the two DRAIN ones it is no bucket of the catalogue.
	ResolutionRecoverIMEX Resolution = "RECOVER_IMEX_DOMAIN"
)

// Entry explains one XID code.
type Entry struct {
	Code     uint64
	Mnemonic string // NVIDIA's name of the code; empty if unknown
	Meaning  string // one phrase without a full stop
	Cause    Cause
	Severity plog.SeverityNumber // INFO, WARN, ERROR or FATAL; resolutions.csv says by which rule
	// Immediate is what brings the system back; Investigate keeps it from coming again (empty where NVIDIA names nothing).
	Immediate, Investigate Resolution
	Advice                 string // plain sentences for whoever is on call
	// RecoveryLinked: the driver also sends an XID 154 that names the recovery action, from R565 to R575 on.
	RecoveryLinked bool
	Origin         Origin
}

// Known says whether the catalogue has the code.
func (e Entry) Known() bool { return e.Origin != OriginNone }
