// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"time"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

func throttleReadings() map[nvmlwire.ReadingID]reading {
	reasons := throttleReasons()
	group := nvmlwire.GroupThrottle
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.ThrottleTime: {
			group: group, lifetime: driverLife, metrics: []Metric{"hw.gpu.throttle.time"}, source: "fields 74 to 79, 269 to 271",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if reason, known := lookup(reasons, r.Sub); known {
					c.mb.RecordHwGpuThrottleTimeDataPoint(c.now, float64(r.Bits)/float64(time.Second), d.id, gpu, d.name, reason, d.plain...)
				}
			},
		},
		nvmlwire.ThrottleActive: {
			group: group, metrics: []Metric{"hw.gpu.throttle.active"}, source: "`nvmlDeviceGetCurrentClocksEventReasons`, else `…ThrottleReasons`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := whole(r)
				if reason, known := lookup(reasons, r.Sub); ok && known {
					c.mb.RecordHwGpuThrottleActiveDataPoint(c.now, v, d.id, gpu, d.name, reason, d.plain...)
				}
			},
		},
	}
}

// throttleReasons names nvmlwire.Reason. Field 74, of the power policy, is what NVML's header now calls the reason SW_POWER_CAP.
func throttleReasons() []metadata.AttributeHwGpuThrottleReason {
	return []metadata.AttributeHwGpuThrottleReason{
		nvmlwire.ReasonIdle:              metadata.AttributeHwGpuThrottleReasonGpuIdle,
		nvmlwire.ReasonApplicationClocks: metadata.AttributeHwGpuThrottleReasonApplicationsClocks,
		nvmlwire.ReasonSWPowerCap:        metadata.AttributeHwGpuThrottleReasonSwPowerCap,
		nvmlwire.ReasonHWSlowdown:        metadata.AttributeHwGpuThrottleReasonHwSlowdown,
		nvmlwire.ReasonSyncBoost:         metadata.AttributeHwGpuThrottleReasonSyncBoost,
		nvmlwire.ReasonSWThermal:         metadata.AttributeHwGpuThrottleReasonSwThermal,
		nvmlwire.ReasonHWThermal:         metadata.AttributeHwGpuThrottleReasonHwThermal,
		nvmlwire.ReasonHWPowerBrake:      metadata.AttributeHwGpuThrottleReasonHwPowerBrake,
		nvmlwire.ReasonDisplayClocks:     metadata.AttributeHwGpuThrottleReasonDisplayClocks,
		nvmlwire.ReasonBoardLimit:        metadata.AttributeHwGpuThrottleReasonBoardLimit,
		nvmlwire.ReasonLowUtilization:    metadata.AttributeHwGpuThrottleReasonLowUtilization,
		nvmlwire.ReasonReliability:       metadata.AttributeHwGpuThrottleReasonReliability,
		nvmlwire.ReasonThermal:           metadata.AttributeHwGpuThrottleReasonThermal,
		nvmlwire.ReasonPower:             metadata.AttributeHwGpuThrottleReasonSwPowerCap,
	}
}
