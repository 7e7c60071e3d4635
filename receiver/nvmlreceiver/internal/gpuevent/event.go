// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package gpuevent is what happens to GPUs, as log records: which events there are, how grave each is, and what it tells an operator.
package gpuevent

import (
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Name is the event name of a record, without its prefix.
type Name string

// The events.
const (
	XID              Name = "xid"
	SXID             Name = "sxid"
	ECC              Name = "ecc"
	Clock            Name = "clock"
	PerformanceState Name = "performance_state"
	PowerSource      Name = "power_source"
	Lost             Name = "lost"
	Recovered        Name = "recovered"
	Hung             Name = "hung"
	Reset            Name = "reset"
	Added            Name = "added"
	Removed          Name = "removed"
	DriverChanged    Name = "driver_changed"
	MIGChanged       Name = "mig_changed"
	MemoryRetirement Name = "memory_retirement"
	Poison           Name = "poison"
	RecoveryAction   Name = "recovery_action"
	Library          Name = "library"
)

// prefix begins each event name.
const prefix = "inferwatch.gpu."

// Source is where an event was seen.
type Source string

// The sources.
const (
	SourceNVML   Source = "nvml"
	SourceKernel Source = "kernel"
	SourceBoth   Source = "both"
)

// Action is what brings a GPU back, in NVIDIA's words for it.
type Action string

// The actions of events that carry no XID. XIDs have those of NVIDIA's catalogue.
const (
	ActionNone       Action = ""
	ActionReset      Action = "RESET_GPU"
	ActionReboot     Action = "RESTART_BM"
	ActionDrainP2P   Action = "DRAIN_P2P"
	ActionDrainReset Action = "DRAIN_AND_RESET"
	ActionSupport    Action = "CONTACT_SUPPORT"
)

// GPU identifies what an event is about. The zero value is a GPU that is not known, or none.
type GPU struct {
	ID, Name, Parent, BusID string
}

// String names the GPU in a sentence.
func (g GPU) String() string {
	name := g.Name
	if name == "" {
		name = "GPU"
	}
	switch {
	case g.BusID != "" && g.ID != "" && g.ID != g.BusID:
		return fmt.Sprintf("%s %s (%s)", name, g.BusID, g.ID)
	case g.BusID != "":
		return name + " " + g.BusID
	case g.ID != "":
		return name + " " + g.ID
	}
	return "a GPU that is not named"
}

// Event is one thing that happened.
type Event struct {
	Name     Name
	Time     time.Time
	Severity plog.SeverityNumber
	// Body says what happened, on which GPU, what it means and what to do.
	Body   string
	GPU    GPU
	Source Source
	Action Action
	// XIDCode and XIDName are of events that carry an XID or SXID; 0 and "" elsewhere.
	XIDCode uint64
	XIDName string
	// PID and Executable are of the process that caused it, where that is told.
	PID        uint32
	Executable string
	// Message is the kernel's own text.
	Message string
	// Count is how many events of this kind the record stands for, 0 for one.
	Count     uint64
	Simulated bool
}

// severityText is OpenTelemetry's short name of a severity.
func severityText(s plog.SeverityNumber) string { return strings.ToUpper(s.String()) }

// WriteTo fills a log record. observed is when the receiver learnt of it.
func (e *Event) WriteTo(record plog.LogRecord, observed time.Time) {
	record.SetEventName(prefix + string(e.Name))
	record.SetTimestamp(pcommon.NewTimestampFromTime(e.Time))
	record.SetObservedTimestamp(pcommon.NewTimestampFromTime(observed))
	record.SetSeverityNumber(e.Severity)
	record.SetSeverityText(severityText(e.Severity))
	record.Body().SetStr(e.Body)
	attributes := record.Attributes()
	attributes.PutStr("log.class", "system")
	if e.Name != Library && e.Name != SXID {
		attributes.PutStr("hw.type", "gpu")
	}
	for _, a := range [...]struct{ key, value string }{
		{"hw.id", e.GPU.ID},
		{"hw.name", e.GPU.Name},
		{"hw.parent", e.GPU.Parent},
		{"hw.gpu.pci.bus_id", e.GPU.BusID},
		{"inferwatch.gpu.event.source", string(e.Source)},
		{"inferwatch.gpu.action", string(e.Action)},
		{"inferwatch.gpu.xid.name", e.XIDName},
		{"process.executable.name", e.Executable},
		{"inferwatch.gpu.event.message", e.Message},
	} {
		if a.value != "" {
			attributes.PutStr(a.key, a.value)
		}
	}
	e.writeNumbers(attributes)
}

func (e *Event) writeNumbers(attributes pcommon.Map) {
	if e.Name == XID || e.Name == SXID {
		attributes.PutStr("error.type", fmt.Sprintf("%s_%d", e.Name, e.XIDCode))
		attributes.PutInt("inferwatch.gpu.xid.code", int64(e.XIDCode)) //nolint:gosec // codes are small
	}
	if e.PID != 0 {
		attributes.PutInt("process.pid", int64(e.PID))
	}
	if e.Count > 1 {
		attributes.PutInt("inferwatch.gpu.event.count", int64(e.Count)) //nolint:gosec // events are not that many
	}
	if e.Simulated {
		attributes.PutBool("inferwatch.simulated", true)
	}
}
