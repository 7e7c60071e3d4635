//go:build linux && cgo

package event

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// kinds are the bits of nvmlEventType.
var kinds = [...]struct {
	bit  uint64
	kind nvmlwire.EventKind
}{
	{nvml.EventTypeXidCriticalError, nvmlwire.EventXID},
	{nvml.EventTypeSingleBitEccError, nvmlwire.EventECCSingle},
	{nvml.EventTypeDoubleBitEccError, nvmlwire.EventECCDouble},
	{nvml.EventTypeSingleBitEccErrorStorm, nvmlwire.EventECCStorm},
	{nvml.EventTypePState, nvmlwire.EventPState},
	{nvml.EventTypeClock, nvmlwire.EventClock},
	{nvml.EventTypePowerSourceChange, nvmlwire.EventPowerSource},
	{nvml.EventMigConfigChange, nvmlwire.EventMIGConfig},
	{nvml.EventTypeDramRetirementEvent, nvmlwire.EventRetirement},
	{nvml.EventTypeDramRetirementFailure, nvmlwire.EventRetirementFailure},
	{nvml.EventTypeNonFatalPoisonError, nvmlwire.EventPoison},
	{nvml.EventTypeFatalPoisonError, nvmlwire.EventFatalPoison},
	{nvml.EventTypeGpuUnavailableError, nvmlwire.EventUnavailable},
	{nvml.EventTypeGpuRecoveryAction, nvmlwire.EventRecoveryAction},
}

// wanted is all of them.
func wanted() uint64 {
	var mask uint64
	for i := range kinds {
		mask |= kinds[i].bit
	}
	return mask
}

// kindOf is the kind of an event type; false for one that is not asked for.
func kindOf(eventType uint64) (nvmlwire.EventKind, bool) {
	for i := range kinds {
		if eventType&kinds[i].bit != 0 {
			return kinds[i].kind, true
		}
	}
	return 0, false
}
