package xid

import (
	"fmt"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"
)

// Explain is Lookup, made more exact by the text of the kernel line where NVIDIA has put the grade into it: the action
// that XID 154 asks for, Fatal or Nonfatal of XID 144 to 150, and the XID that XID 45 follows from. A message that
// does not say (NVML gives none) leaves the entry as it is.
func Explain(code uint64, message string) Entry {
	e := Lookup(code)
	switch {
	case code == 154:
		return e.withRecovery(message)
	case code >= 144 && code <= 150:
		return e.withNVLink5Grade(message)
	case code == 45:
		return e.withPrevious(message)
	}
	return e
}

// recovery is one action of XID 154, by the name that the driver prints in parentheses.
type recovery struct {
	name     string
	action   Resolution
	severity plog.SeverityNumber
	advice   string
}

func recoveries() []recovery {
	return []recovery{
		{"None", ResolutionIgnore, plog.SeverityNumberInfo, "Nothing needs to be done: the GPU needs no recovery (any more)."},
		{"GPU Reset Required", ResolutionResetGPU, plog.SeverityNumberFatal, ""},
		{"Node Reboot Required", ResolutionRestartBM, plog.SeverityNumberFatal, ""},
		{
			"Drain P2P", ResolutionDrainP2P, plog.SeverityNumberError,
			"End the work that reaches this GPU from other GPUs over NVLink; work on this GPU alone may go on.",
		},
		{
			"Drain and Reset", ResolutionDrainReset, plog.SeverityNumberError,
			"Give the GPU no new work. When what runs on it has ended, reset it with nvidia-smi -r.",
		},
		{
			"Recover IMEX Domain", ResolutionRecoverIMEX, plog.SeverityNumberError,
			"Recover the IMEX domain: restart nvidia-imex on the nodes that share memory with this one.",
		},
	}
}

// withRecovery reads "GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)".
func (e Entry) withRecovery(message string) Entry {
	_, after, found := strings.Cut(message, " to 0x")
	if !found {
		return e
	}
	for _, r := range recoveries() {
		if !strings.Contains(after, "("+r.name+")") {
			continue
		}
		e.Immediate, e.Severity, e.Advice = r.action, r.severity, r.advice
		if e.Advice == "" {
			e.Advice = load().resolutions[r.action].advice
		}
		return e
	}
	return e
}

// withNVLink5Grade reads "NETIR_LINK_EVT  Fatal   XC0 i0 Link 01 (0x...)".
func (e Entry) withNVLink5Grade(message string) Entry {
	for _, word := range strings.Fields(message) {
		switch word {
		case "Fatal":
			e.Immediate, e.Severity, e.Advice = ResolutionResetGPU, plog.SeverityNumberFatal, load().resolutions[ResolutionResetGPU].advice
			return e
		case "Nonfatal", "Non-fatal":
			e.Severity = plog.SeverityNumberWarn
			e.Advice = "Nothing needs to be done tonight, unless an XID 154 beside it asks for something. An application that stopped may be started again."
			return e
		}
	}
	return e
}

// withPrevious reads "Ch 00000008 caused by previous Xid 31".
func (e Entry) withPrevious(message string) Entry {
	_, after, found := strings.Cut(message, "caused by previous Xid ")
	if !found {
		return e
	}
	digits, _, _ := strings.Cut(after, " ")
	previous, err := strconv.ParseUint(strings.TrimRight(digits, ".,"), 10, 16)
	if err != nil {
		return e
	}
	e.Advice = fmt.Sprintf("It follows from the XID %d before it: handle that one.", previous)
	return e
}
