package nvmlwire

import "time"

// Version is the protocol's version. It changes with any change in this package.
const Version = 1

// Hello is the first message to the helper: how to work.
type Hello struct {
	Version int
	// Library is the path or the soname of NVML; empty means libnvidia-ml.so.1 as the loader finds it.
	Library string
	// Sampling is the interval at which power, energy and utilisation are sampled between collections; 0 turns it off.
	Sampling time.Duration
	// Want lists the groups of readings to take. What is not wanted is not asked of the driver.
	Want Groups
	// Events asks for NVML's event set.
	Events bool
	// MaxProcesses bounds the processes reported for one GPU; the rest are summed in Device.OtherProcesses.
	MaxProcesses int
	// Release closes NVML after each collection, so that no open handle keeps the driver from being unbound. Sampling and Events
	// are off then.
	Release bool
}

// Request asks for one collection.
type Request struct {
	Seq uint64
	// Deadline is how long to wait for GPUs that do not answer. Those still busy then are reported as StateHung, and answer again in
	// the collection after they come back.
	Deadline time.Duration
}

// Message is what the helper sends; exactly one field is set.
type Message struct {
	Snapshot *Snapshot
	Events   []Event
	Fault    *Fault
}

// Fault says why the helper ends itself, or why it could not begin: the last message of its life.
type Fault struct {
	State  LibraryState
	Code   int32  // NVML return code, 0 where there is none
	Detail string // for a person
}

// Snapshot is one collection.
type Snapshot struct {
	Seq     uint64
	Started time.Time // of the helper: the zero of what it counts itself
	Time    time.Time // when reading ended
	// Took is how long the readings took, from the first call to the last.
	Took  time.Duration
	State LibraryState
	// Detail explains a State other than LibraryReady, for a person.
	Detail string
	// Code is the NVML return code behind State, 0 where there is none.
	Code      int32
	Driver    string // "570.124.06"
	NVML      string // "12.570.124.06"
	CUDA      string // "12.8"
	Simulated bool   // the library carries the stand-in's marker symbol
	Devices   []Device
	// MissingSymbols names functions that this library does not have and that were therefore never called; sent with the first
	// snapshot after a load.
	MissingSymbols []string
	// EventsLost counts events that found the helper's queue full, since its start.
	EventsLost uint64
	// EventsOff says why the event set is not in use; empty where it is, or was not wanted.
	EventsOff string
	// Calls counts NVML calls since the helper's start, CallErrors those that failed with anything but "not supported".
	Calls, CallErrors uint64
}

// Device is a GPU, or a MIG slice of one.
type Device struct {
	UUID   string // "GPU-…" or "MIG-…"
	Parent string // for a MIG slice its GPU's UUID
	State  DeviceState
	// Detail explains a State other than StateOK, for a person.
	Detail string
	// Busy is for how long a hung GPU has been in its present call, and Call which call it is.
	Busy time.Duration
	Call string
	Info Info
	// Readings are what was read, in order of ID and Sub. What board or driver does not support is absent, and named in Absent.
	Readings []Reading
	Absent   []Absence
	// Processes are sorted by memory, most first.
	Processes      []Process
	OtherProcesses Process // sum of those over MaxProcesses; PID 0
	OtherCount     int
}

// Info identifies a device. Empty or -1 where the driver does not tell.
type Info struct {
	Name         string // "NVIDIA H100 80GB HBM3"
	Index, Minor int
	Serial       string
	PCIBusID     string // "00000000:3B:00.0", as NVML prints it
	VBIOS        string
	Architecture string // "Hopper"
	Brand        string
	Capability   string // CUDA compute capability, "9.0"
	Profile      string // MIG profile, "1g.10gb"
	// GPUInstance and ComputeInstance are MIG's ids; -1 elsewhere.
	GPUInstance, ComputeInstance int
	MIGMode                      bool   // of a GPU: MIG is on
	Virtual                      string // "", "vgpu", "passthrough", "wsl"
}

// Process is a process that holds a device.
type Process struct {
	PID  uint32
	Kind ProcessKind
	// Memory in bytes; NoMemory where the driver does not tell.
	Memory uint64
	// SM, Encoder, Decoder and MemoryController are means over the interval since the last collection, 0 to 1; negative where the
	// driver does not tell.
	SM, Encoder, Decoder, MemoryController float64
	// GPUInstance and ComputeInstance are MIG's ids; -1 elsewhere.
	GPUInstance, ComputeInstance int
}

// NoMemory marks a process whose memory the driver does not tell.
const NoMemory = ^uint64(0)

// Absence is a reading that board or driver does not give.
type Absence struct {
	ID ReadingID
	// Code is NVML's return code; 0 where the library lacks the symbol, CodeImplausible where the value cannot be. Codes such as
	// NVML_ERROR_TIMEOUT are of this collection only: it is asked for again in the next.
	Code int32
	// Detail names the call or the missing symbol.
	Detail string
}

// CodeImplausible is the Code of a reading that was taken and refused, for example a utilisation of more than 1.
const CodeImplausible int32 = -1

// Event is one event of NVML's event set.
type Event struct {
	Time time.Time
	UUID string // of the GPU, or of the MIG slice where NVML tells
	Kind EventKind
	// Data is NVML's eventData: the XID for EventXID, the P-state for EventPState.
	Data uint64
	// GPUInstance and ComputeInstance are MIG's ids; -1 elsewhere.
	GPUInstance, ComputeInstance int
	// Count is how many equal events this one stands for: all of one message's, so that a storm does not flood the pipe. At least 1;
	// Time is that of the first.
	Count uint64
}
