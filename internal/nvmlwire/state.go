package nvmlwire

// LibraryState is how the NVML library is.
type LibraryState uint8

// The states of the library.
const (
	LibraryReady           LibraryState = iota
	LibraryNotFound                     // no such file, or the loader refuses it
	LibraryInitFailed                   // nvmlInit failed, for example the driver is not loaded
	LibraryVersionMismatch              // NVML_ERROR_LIB_RM_VERSION_MISMATCH: the driver was replaced under the loaded library
	LibraryUnusable                     // symbols without which nothing can be read are missing
	LibraryProtocol                     // receiver and helper are of different releases, or the message was damaged
	// What only the receiver can see.
	LibraryHelperMissing // inferwatchnvml is not where it should be
	LibraryHelperLost    // inferwatchnvml ended by itself
	LibraryHung          // inferwatchnvml does not answer: the driver, or the library, blocks all GPUs
)

var libraryStateNames = [...]string{"ready", "not_found", "init_failed", "version_mismatch", "unusable", "protocol", "helper_missing", "helper_lost", "hung"}

func (s LibraryState) String() string { return nameOf(libraryStateNames[:], int(s)) }

// DeviceState is how one GPU is.
type DeviceState uint8

// The states of a device.
const (
	StateOK      DeviceState = iota
	StateLost                // NVML_ERROR_GPU_IS_LOST: fallen off the bus
	StateUnknown             // NVML_ERROR_UNKNOWN on every call, as after a container's cgroup was reset
	StateHung                // its worker has not come back from a call
	StateReset               // NVML_ERROR_RESET_REQUIRED
	StateError               // any other failure of all of its calls
)

var deviceStateNames = [...]string{"ok", "lost", "unknown_error", "hung", "reset_required", "error"}

func (s DeviceState) String() string { return nameOf(deviceStateNames[:], int(s)) }

// ProcessKind is how a process uses a device.
type ProcessKind uint8

// The kinds of process. A process that is in several of NVML's lists has the first of these that applies.
const (
	ProcessMPS ProcessKind = iota
	ProcessCompute
	ProcessGraphics
)

var processKindNames = [...]string{"mps", "compute", "graphics"}

func (k ProcessKind) String() string { return nameOf(processKindNames[:], int(k)) }

// EventKind is the kind of an NVML event, one bit of NVML's nvmlEventType each.
type EventKind uint8

// The kinds of event.
const (
	EventXID EventKind = iota
	EventECCSingle
	EventECCDouble
	EventECCStorm
	EventPState
	EventClock
	EventPowerSource
	EventMIGConfig
	EventRetirement
	EventRetirementFailure
	EventPoison
	EventFatalPoison
	EventUnavailable
	EventRecoveryAction
)

var eventKindNames = [...]string{
	"xid", "ecc_single_bit", "ecc_double_bit", "ecc_single_bit_storm", "performance_state", "clock", "power_source", "mig_config",
	"memory_retirement", "memory_retirement_failure", "poison", "fatal_poison", "unavailable", "recovery_action",
}

func (k EventKind) String() string { return nameOf(eventKindNames[:], int(k)) }

func nameOf(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return "unknown"
	}
	return names[i]
}
