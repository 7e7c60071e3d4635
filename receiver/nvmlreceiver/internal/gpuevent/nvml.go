// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpuevent

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// sentence is what an NVML event means. The text goes on after the name of the GPU.
type sentence struct {
	name     Name
	severity plog.SeverityNumber
	text     string
	action   Action
}

// FromNVML explains an event of NVML's event set other than an XID, which may also be in the kernel log: see FromXID.
func FromNVML(e nvmlwire.Event, gpu GPU) Event {
	s := sentenceOf(e)
	return Event{
		Name: s.name, Time: e.Time, Severity: s.severity, Body: gpu.String() + s.text, GPU: gpu, Source: SourceNVML, Action: s.action, Count: e.Count,
	}
}

func sentenceOf(e nvmlwire.Event) sentence {
	const debug, info, warn = plog.SeverityNumberDebug, plog.SeverityNumberInfo, plog.SeverityNumberWarn
	const grave, fatal = plog.SeverityNumberError, plog.SeverityNumberFatal
	switch e.Kind {
	case nvmlwire.EventECCSingle:
		return sentence{ECC, info, " corrected a single-bit memory error. Nothing needs to be done unless they come in great numbers.", ActionNone}
	case nvmlwire.EventECCStorm:
		return sentence{
			ECC, warn, " corrects single-bit memory errors in great numbers. It still works; plan to drain and reset it, and have it replaced " +
				"if they come back.", ActionDrainReset,
		}
	case nvmlwire.EventECCDouble:
		return sentence{
			ECC, grave, " has a double-bit memory error, which it cannot correct. The process that used the memory is lost: restart it, and reset " +
				"the GPU when its other work has ended.", ActionReset,
		}
	case nvmlwire.EventPState:
		return sentence{PerformanceState, debug, fmt.Sprintf(" changed to performance state P%d.", e.Data), ActionNone}
	case nvmlwire.EventClock:
		return sentence{Clock, debug, " changed its clocks.", ActionNone}
	case nvmlwire.EventPowerSource:
		return sentence{PowerSource, info, " changed its power source. On battery it is slower; see the supply.", ActionNone}
	case nvmlwire.EventMIGConfig:
		return sentence{MIGChanged, info, " has another MIG configuration. Its slices have new UUIDs, so their series are new ones.", ActionNone}
	case nvmlwire.EventRetirement:
		return sentence{
			MemoryRetirement, warn, " retires a part of its memory that is faulty. It takes effect at the next reset: plan one when its " +
				"work has ended.", ActionReset,
		}
	case nvmlwire.EventRetirementFailure:
		return sentence{MemoryRetirement, grave, " could not retire a part of its memory that is faulty. Drain it and have it replaced.", ActionSupport}
	case nvmlwire.EventPoison:
		return sentence{
			Poison, grave, " met poisoned data and confined it: the process that used them is ended, others go on. Restart that process.",
			"RESTART_APP",
		}
	case nvmlwire.EventFatalPoison:
		return sentence{Poison, fatal, " met poisoned data that it could not confine. Drain it and reset it.", ActionReset}
	case nvmlwire.EventUnavailable:
		return sentence{Lost, fatal, " is unavailable, says its driver. See the XIDs beside this; drain it and reset it.", ActionReset}
	case nvmlwire.EventRecoveryAction:
		return recoverySentence(e.Data)
	case nvmlwire.EventXID:
	}
	return sentence{XID, grave, fmt.Sprintf(" had an event of kind %v.", e.Kind), ActionNone}
}

// recoverySentence explains nvmlDeviceGpuRecoveryAction_t.
func recoverySentence(action uint64) sentence {
	const info, grave, fatal = plog.SeverityNumberInfo, plog.SeverityNumberError, plog.SeverityNumberFatal
	switch action {
	case 0:
		return sentence{RecoveryAction, info, " needs no recovery any more.", ActionNone}
	case 1:
		return sentence{RecoveryAction, fatal, " needs a reset: end its processes, then reset it with nvidia-smi -r.", ActionReset}
	case 2:
		return sentence{RecoveryAction, fatal, " needs a reboot of its node: move the work elsewhere first.", ActionReboot}
	case 3:
		return sentence{RecoveryAction, grave, " asks to drain what reaches it from other GPUs over NVLink; work on it alone may go on.", ActionDrainP2P}
	case 4:
		return sentence{RecoveryAction, grave, " asks to be drained and reset: give it no new work, and reset it when the present has ended.", ActionDrainReset}
	case 5:
		return sentence{RecoveryAction, grave, " asks to recover the IMEX domain: restart nvidia-imex on the nodes that share memory with this one.", "RECOVER_IMEX_DOMAIN"}
	}
	return sentence{RecoveryAction, grave, fmt.Sprintf(" asks for recovery action %d, which this release does not know. See nvidia-smi -q.", action), ActionSupport}
}
