// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// stateReadings are what the GPU says of itself. hw.status is made of the device's state, of these and of remapReadings.
func stateReadings() map[nvmlwire.ReadingID]reading {
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.PerformanceState: {
			group: nvmlwire.GroupState, metrics: []Metric{"hw.gpu.performance_state"}, source: "`nvmlDeviceGetPerformanceState`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					c.mb.RecordHwGpuPerformanceStateDataPoint(c.now, v, d.id, gpu, d.name, d.plain...)
				}
			},
		},
		nvmlwire.RecoveryAction: {
			group: nvmlwire.GroupState, metrics: []Metric{"hw.status"}, source: "NVML's return codes, fields 31, 144, 145 and 230",
			record: func(_ *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					d.degraded = d.degraded || v != 0
				}
			},
		},
	}
}

// status is hw.state. Failed: it cannot work, or is to be replaced. Degraded: it works or may come back, but somebody is wanted. Clocks
// held down are neither: they come and go, and hw.gpu.throttle.active says so by reason.
func status(state nvmlwire.DeviceState, d *device) metadata.AttributeHwState {
	switch {
	case state == nvmlwire.StateOK && d.failed:
		return metadata.AttributeHwStateFailed
	case state == nvmlwire.StateHung, state == nvmlwire.StateOK && d.degraded:
		return metadata.AttributeHwStateDegraded
	case state == nvmlwire.StateOK:
		return metadata.AttributeHwStateOk
	}
	return metadata.AttributeHwStateFailed
}

func (c *Converter) recordStatus(d *device, state nvmlwire.DeviceState) {
	present := status(state, d)
	for _, s := range [...]metadata.AttributeHwState{metadata.AttributeHwStateOk, metadata.AttributeHwStateDegraded, metadata.AttributeHwStateFailed} {
		value := int64(0)
		if s == present {
			value = 1
		}
		c.mb.RecordHwStatusDataPoint(c.now, value, d.id, gpu, d.name, s, d.own...)
	}
}
