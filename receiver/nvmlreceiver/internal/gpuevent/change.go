// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpuevent

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Changes sees what is different from one collection to the next. The zero value has seen nothing: what is then well is no news.
type Changes struct {
	library nvmlwire.LibraryState
	seen    bool // a ready library
	driver  string
	devices map[string]deviceMemory
}

// deviceMemory is what is kept of a device.
type deviceMemory struct {
	gpu    GPU
	state  nvmlwire.DeviceState
	slices string
	mig    bool
}

// Between returns the events of a collection, in the order of its devices. identify names a device.
func (c *Changes) Between(s *nvmlwire.Snapshot, identify func(*nvmlwire.Device) GPU) []Event {
	events := c.ofLibrary(s)
	if s.State != nvmlwire.LibraryReady {
		return stamped(events, s)
	}
	events = append(events, c.ofDriver(s)...)
	now := map[string]deviceMemory{}
	for i := range s.Devices {
		d := &s.Devices[i]
		if d.Parent == "" {
			gpu := identify(d)
			now[gpu.ID] = deviceMemory{gpu: gpu, state: d.State, slices: slicesOf(s, d.UUID), mig: d.Info.MIGMode}
			events = append(events, c.ofDevice(d, now[gpu.ID])...)
		}
	}
	events = append(events, c.removed(now)...)
	c.devices, c.seen = now, true
	return stamped(events, s)
}

// stamped sets what all changes have in common.
func stamped(events []Event, s *nvmlwire.Snapshot) []Event {
	for i := range events {
		events[i].Time, events[i].Source, events[i].Simulated = s.Time, SourceNVML, s.Simulated
	}
	return events
}

// ofLibrary is one event for each change of the library's state.
func (c *Changes) ofLibrary(s *nvmlwire.Snapshot) []Event {
	before := c.library
	c.library = s.State
	if before == s.State {
		return nil
	}
	e := Event{Name: Library, Severity: plog.SeverityNumberError}
	switch s.State {
	case nvmlwire.LibraryReady:
		e.Severity = plog.SeverityNumberInfo
		e.Body = fmt.Sprintf("NVML is ready again, after it was %v. Driver %s, %d GPUs and slices.", before, s.Driver, len(s.Devices))
	case nvmlwire.LibraryNotFound:
		e.Severity = plog.SeverityNumberInfo
		if c.seen {
			e.Severity = plog.SeverityNumberWarn
		}
		e.Body = "The NVML library is not there, so no GPU is reported. On a node without NVIDIA GPUs this is as it should be. " + s.Detail
	default:
		e.Body = fmt.Sprintf("No GPU can be read: NVML is %v. %s", s.State, s.Detail)
	}
	e.Body = strings.TrimSpace(e.Body)
	return []Event{e}
}

func (c *Changes) ofDriver(s *nvmlwire.Snapshot) []Event {
	before := c.driver
	c.driver = s.Driver
	if before == "" || before == s.Driver {
		return nil
	}
	return []Event{{
		Name: DriverChanged, Severity: plog.SeverityNumberInfo,
		Body: fmt.Sprintf("The NVIDIA driver is now %s, before it was %s. The counters of all GPUs begin anew.", s.Driver, before),
	}}
}

func (c *Changes) ofDevice(d *nvmlwire.Device, now deviceMemory) []Event {
	before, known := c.devices[now.gpu.ID]
	var events []Event
	if !known && c.seen {
		events = append(events, Event{
			Name: Added, Severity: plog.SeverityNumberInfo, GPU: now.gpu, Body: now.gpu.String() + " is new, or was not listed before.",
		})
	}
	if before.state != now.state { // that of a GPU not known before is StateOK
		events = append(events, ofState(d, before, now))
	}
	if known && (before.slices != now.slices || before.mig != now.mig) && now.state == nvmlwire.StateOK && before.state == nvmlwire.StateOK {
		e := FromNVML(nvmlwire.Event{Kind: nvmlwire.EventMIGConfig}, now.gpu)
		events = append(events, e)
	}
	return events
}

// ofState is one event for each change of a GPU's state.
func ofState(d *nvmlwire.Device, before, now deviceMemory) Event {
	e := Event{GPU: now.gpu, Severity: plog.SeverityNumberFatal}
	detail := ""
	if d.Detail != "" {
		detail = " " + d.Detail + "."
	}
	switch now.state {
	case nvmlwire.StateOK:
		e.Name, e.Severity = Recovered, plog.SeverityNumberInfo
		e.Body = fmt.Sprintf("%s answers again, after it was %v. Counters of its driver may have begun anew.", now.gpu, before.state)
	case nvmlwire.StateLost:
		e.Name, e.Action = Lost, ActionReboot
		e.Body = fmt.Sprintf("%s is lost: it does not answer on the bus.%s Move its work elsewhere and restart the machine; if it comes back, "+
			"have seating, cables and supply checked.", now.gpu, detail)
	case nvmlwire.StateHung:
		e.Name, e.Severity = Hung, plog.SeverityNumberError
		e.Body = fmt.Sprintf("%s does not answer: its driver has been in %s for %v.%s See XIDs beside this; if it "+
			"does not come back, drain and reset it.", now.gpu, call(d), d.Busy.Round(time.Millisecond), detail)
	case nvmlwire.StateReset:
		e.Name, e.Action = Reset, ActionReset
		e.Body = fmt.Sprintf("%s has to be reset before it can work again.%s End its processes, then reset it with nvidia-smi -r.", now.gpu, detail)
	case nvmlwire.StateUnknown:
		e.Name, e.Severity = Lost, plog.SeverityNumberError
		e.Body = fmt.Sprintf("%s answers every call with an unknown error.%s In a container this is mostly a cgroup that lost its devices, after "+
			"systemd was reloaded: restart the collector's container. Work in other containers may have the same fault.", now.gpu, detail)
	default:
		e.Name, e.Severity = Lost, plog.SeverityNumberError
		e.Body = fmt.Sprintf("%s cannot be read.%s See the XIDs beside this, and nvidia-smi -q.", now.gpu, detail)
	}
	return e
}

func call(d *nvmlwire.Device) string {
	if d.Call == "" {
		return "a call"
	}
	return d.Call
}

func (c *Changes) removed(now map[string]deviceMemory) []Event {
	var events []Event
	for id, before := range c.devices {
		if _, still := now[id]; !still {
			events = append(events, Event{
				Name: Removed, Severity: plog.SeverityNumberError, GPU: before.gpu,
				Body: before.gpu.String() + " is not listed by the driver any more. If nobody took it away on purpose (unbind, passthrough, " +
					"drain), it is lost: see the XIDs beside this.",
			})
		}
	}
	slices.SortFunc(events, func(a, b Event) int { return strings.Compare(a.GPU.ID, b.GPU.ID) })
	return events
}

// slicesOf are the slices of a GPU, as one string to compare.
func slicesOf(s *nvmlwire.Snapshot, parent string) string {
	var all string
	for i := range s.Devices {
		if d := &s.Devices[i]; d.Parent == parent && parent != "" {
			all += d.UUID + " "
		}
	}
	return all
}
