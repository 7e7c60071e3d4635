// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpuevent

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/kernellog"
)

// FromKernel explains a line of the kernel log other than an XID. It returns false for lines that are no event of their own.
func FromKernel(e kernellog.Event, gpu GPU) (Event, bool) {
	event := Event{Time: e.Time, Source: SourceKernel, GPU: gpu, PID: e.PID, Executable: e.ProcessName, Message: e.Message}
	switch e.Kind {
	case kernellog.KindSXID:
		event.Name, event.Severity, event.XIDCode = SXID, plog.SeverityNumberError, e.Code
		event.GPU = GPU{BusID: e.PCIBusID}
		event.Body = fmt.Sprintf("SXid %d on NVSwitch %s: GPUs that talk through it may be affected. See the fabric manager's log; a fatal one "+
			"needs a reset of the GPUs and switches of this node.", e.Code, switchName(e))
	case kernellog.KindFallenOffBus:
		event.Name, event.Severity, event.Action = Lost, plog.SeverityNumberFatal, ActionReboot
		event.Body = gpu.String() + " has fallen off the bus: the driver cannot reach it any more. Move its work elsewhere and restart the " +
			"machine; if it comes back, have seating, cables and supply checked."
	case kernellog.KindInitFailed:
		event.Name, event.Severity, event.Action = Lost, plog.SeverityNumberFatal, ActionReset
		event.Body = gpu.String() + " could not be brought up by the driver. Reset it with nvidia-smi -r, or restart the machine; if it comes " +
			"back, have it replaced."
	case kernellog.KindVersionMismatch:
		event.Name, event.Severity = DriverChanged, plog.SeverityNumberError
		event.Body = fmt.Sprintf("A program uses libraries of the driver in version %s, but the kernel module has version %s: it cannot use the GPUs. Load "+
			"the new kernel module (restart the machine, or unload the old one), or give the program libraries of the module's version.",
			known(e.ClientVersion), known(e.ModuleVersion))
	case kernellog.KindRowRemap:
		event.Name, event.Severity, event.Action = MemoryRetirement, plog.SeverityNumberWarn, ActionReset
		event.Body = gpu.String() + " takes a part of its memory that is faulty out of use. It takes effect at the next reset: plan one when its " +
			"work has ended."
	default:
		return Event{}, false
	}
	return event, true
}

func switchName(e kernellog.Event) string {
	if e.Device == "" {
		return e.PCIBusID
	}
	return e.Device + " " + e.PCIBusID
}

func known(version string) string {
	if version == "" {
		return "unknown"
	}
	return version
}
