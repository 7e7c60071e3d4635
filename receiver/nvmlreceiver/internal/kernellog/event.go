package kernellog

import "time"

// Kind is what an event is about.
type Kind string

// The kinds of event. A GPU that fell off the bus usually yields both an xid 79 and a fallen_off_bus.
const (
	KindXID             Kind = "xid"              // Code, PCIBusID; process and MIG ids where the driver knows them
	KindSXID            Kind = "sxid"             // an NVSwitch error: Code, PCIBusID and Device
	KindGPUUUID         Kind = "gpu_uuid"         // PCIBusID has UUID; written once before a GPU's first xid
	KindFallenOffBus    Kind = "fallen_off_bus"   // the GPU does not answer; PCIBusID may be unknown
	KindInitFailed      Kind = "init_failed"      // the driver could not bring the GPU up
	KindVersionMismatch Kind = "version_mismatch" // a client has another version than the kernel module
	KindRowRemap        Kind = "row_remap"        // memory row remapping or page retirement outside an xid line
	KindRateLimited     Kind = "rate_limited"     // the driver writes only some of its further error lines
)

// Event is one line of the kernel log that matters. Zero means: the line does not say.
type Event struct {
	Time   time.Time `json:"time"`
	Boot   string    `json:"boot"`          // boot id, 32 hexadecimal digits
	Seq    uint64    `json:"seq,omitempty"` // the kernel's sequence number; journald does not keep it
	Source Source    `json:"source,omitempty"`
	// Replayed: the line was written before this follower started, so nothing else in this process can have seen it.
	Replayed bool `json:"replayed,omitempty"`

	Kind            Kind    `json:"kind"`
	PCIBusID        string  `json:"pci_bus_id,omitempty"` // as NVML prints it: 00000000:3B:00.0
	UUID            string  `json:"uuid,omitempty"`       // GPU-...
	Device          string  `json:"device,omitempty"`     // nvidia-nvswitch3
	Code            uint64  `json:"code,omitempty"`       // of xid and sxid
	GPUInstance     *uint32 `json:"gpu_instance,omitempty"`
	ComputeInstance *uint32 `json:"compute_instance,omitempty"`
	PID             uint32  `json:"pid,omitempty"`
	ProcessName     string  `json:"process_name,omitempty"`
	ClientVersion   string  `json:"client_version,omitempty"` // of version_mismatch
	ModuleVersion   string  `json:"module_version,omitempty"` // of version_mismatch
	// Message is the line without what the other fields hold, on one line, valid UTF-8, at most MaxMessage bytes.
	Message string `json:"message,omitempty"`
}

// Bounds of what an event holds, in bytes.
const (
	MaxMessage     = 2048
	MaxProcessName = 128
)
