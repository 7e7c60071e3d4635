//go:build linux && cgo

package library

import (
	"strconv"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// Class says what to do about a return code.
type Class uint8

// The classes.
const (
	// ClassOK is success.
	ClassOK Class = iota
	// ClassUnsupported will be the same the next time: do not ask again soon.
	ClassUnsupported
	// ClassTransient may be otherwise the next time.
	ClassTransient
	// ClassLost is a GPU that has fallen off the bus: asking it anything else now is useless.
	ClassLost
	// ClassReset is a GPU that must be reset; some calls may still answer.
	ClassReset
	// ClassUnknown is NVML_ERROR_UNKNOWN: transient when alone, the state of the GPU when nothing else comes.
	ClassUnknown
	// ClassLibrary means that this process can read nothing any more: the driver was replaced or unloaded under it.
	ClassLibrary
)

// ClassOf sorts a return code.
func ClassOf(ret nvml.Return) Class {
	switch ret {
	case nvml.SUCCESS:
		return ClassOK
	case nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_FUNCTION_NOT_FOUND, nvml.ERROR_INVALID_ARGUMENT, nvml.ERROR_NO_PERMISSION,
		nvml.ERROR_VGPU_ECC_NOT_SUPPORTED, nvml.ERROR_ARGUMENT_VERSION_MISMATCH, nvml.ERROR_DEPRECATED:
		return ClassUnsupported
	case nvml.ERROR_GPU_IS_LOST:
		return ClassLost
	case nvml.ERROR_RESET_REQUIRED:
		return ClassReset
	case nvml.ERROR_UNKNOWN:
		return ClassUnknown
	case nvml.ERROR_LIB_RM_VERSION_MISMATCH, nvml.ERROR_UNINITIALIZED, nvml.ERROR_DRIVER_NOT_LOADED:
		return ClassLibrary
	default:
		return ClassTransient
	}
}

var codeNames = [...]string{
	"SUCCESS", "ERROR_UNINITIALIZED", "ERROR_INVALID_ARGUMENT", "ERROR_NOT_SUPPORTED", "ERROR_NO_PERMISSION", "ERROR_ALREADY_INITIALIZED",
	"ERROR_NOT_FOUND", "ERROR_INSUFFICIENT_SIZE", "ERROR_INSUFFICIENT_POWER", "ERROR_DRIVER_NOT_LOADED", "ERROR_TIMEOUT", "ERROR_IRQ_ISSUE",
	"ERROR_LIBRARY_NOT_FOUND", "ERROR_FUNCTION_NOT_FOUND", "ERROR_CORRUPTED_INFOROM", "ERROR_GPU_IS_LOST", "ERROR_RESET_REQUIRED",
	"ERROR_OPERATING_SYSTEM", "ERROR_LIB_RM_VERSION_MISMATCH", "ERROR_IN_USE", "ERROR_MEMORY", "ERROR_NO_DATA", "ERROR_VGPU_ECC_NOT_SUPPORTED",
	"ERROR_INSUFFICIENT_RESOURCES", "ERROR_FREQ_NOT_SUPPORTED", "ERROR_ARGUMENT_VERSION_MISMATCH", "ERROR_DEPRECATED", "ERROR_NOT_READY",
	"ERROR_GPU_NOT_FOUND", "ERROR_INVALID_STATE",
}

// CodeName names a return code without asking the library: nvml.Return's own Error and String call nvmlErrorString, also through fmt.
func CodeName(code int32) string {
	switch {
	case code >= 0 && int(code) < len(codeNames):
		return "NVML_" + codeNames[code]
	case code == int32(nvml.ERROR_UNKNOWN):
		return "NVML_ERROR_UNKNOWN"
	default:
		return "NVML return code " + strconv.Itoa(int(code))
	}
}
