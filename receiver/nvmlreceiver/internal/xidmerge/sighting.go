// Package xidmerge joins the two views of an XID: NVML's event set and the kernel log. Each XID is reported once, with what
// both know of it. The package is pure: no goroutine, no clock, no I/O.
package xidmerge

import "time"

// Sources is a set of places where an XID was seen.
type Sources uint8

// The members of Sources.
const (
	SourceNVML Sources = 1 << iota
	SourceKernelLog
)

// Has says whether s has every member of o.
func (s Sources) Has(o Sources) bool { return s&o == o }

// Sighting is one XID as one source saw it.
type Sighting struct {
	// Source is SourceNVML or SourceKernelLog.
	Source Sources
	// GPU identifies the board, the same way from both sources: the PCI bus id as NVML prints it.
	GPU  string
	Code uint64
	// Time is when it happened, as far as the source knows. It is reported, never used to match: see Merger.
	Time time.Time
	// Solo: the other source cannot see this one, so it is reported at once and matched with nothing. True for a kernel line
	// from before the event set was made, and for a GPU whose events NVML does not offer.
	Solo bool
	// GPUInstance and ComputeInstance are MIG ids; nil: not told or not in MIG mode.
	GPUInstance, ComputeInstance *uint32
	// PID, ProcessName and Message are the kernel line's; zero: not told.
	PID         uint32
	ProcessName string
	Message     string
}

// Report is one XID for the outside: a sighting, or two of them joined, in which case Source has both members.
type Report struct{ Sighting }

// join completes a with what b knows: time and MIG ids as NVML has them, process and text as the kernel has them.
func join(a, b Sighting) Report {
	nvml, kernel := a, b
	if b.Source == SourceNVML {
		nvml, kernel = b, a
	}
	r := Report{nvml}
	r.Source = SourceNVML | SourceKernelLog
	if r.Time.IsZero() {
		r.Time = kernel.Time
	}
	if r.GPUInstance == nil {
		r.GPUInstance, r.ComputeInstance = kernel.GPUInstance, kernel.ComputeInstance
	}
	if kernel.PID != 0 {
		r.PID = kernel.PID
	}
	if kernel.ProcessName != "" {
		r.ProcessName = kernel.ProcessName
	}
	if kernel.Message != "" {
		r.Message = kernel.Message
	}
	return r
}
