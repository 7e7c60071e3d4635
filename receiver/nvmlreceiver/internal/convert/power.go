// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

const joulesPerMillijoule = 1e-3

func powerReadings() map[nvmlwire.ReadingID]reading {
	limits := limitTypes()
	group := nvmlwire.GroupPower
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.EnergyMeter: {
			group: group, lifetime: driverLife, metrics: []Metric{"hw.energy"}, source: "field 83, else `nvmlDeviceGetTotalEnergyConsumption`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				c.mb.RecordHwEnergyDataPoint(c.now, float64(r.Bits)*joulesPerMillijoule, d.id, gpu, d.name, metadata.AttributeInferwatchEnergySourceMeter, d.plain...)
			},
		},
		nvmlwire.EnergyFromPower: {
			group: group, lifetime: helperLife, metrics: []Metric{"hw.energy"}, source: "sampled power over time, on boards without a meter",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := finite(r); ok {
					c.mb.RecordHwEnergyDataPoint(c.now, v, d.id, gpu, d.name, metadata.AttributeInferwatchEnergySourcePower, d.plain...)
				}
			},
		},
		nvmlwire.PowerInstant: {
			group: group, metrics: []Metric{"hw.power"}, source: "field 186, else `nvmlDeviceGetPowerUsage`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := finite(r); ok {
					c.mb.RecordHwPowerDataPoint(c.now, v, d.id, gpu, d.name, d.plain...)
				}
			},
		},
		nvmlwire.PowerPeak: {
			group: group, metrics: []Metric{"hw.power.peak"}, source: "the highest of the samples of `hw.power`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := finite(r); ok {
					c.mb.RecordHwPowerPeakDataPoint(c.now, v, d.id, gpu, d.name, d.plain...)
				}
			},
		},
		nvmlwire.PowerLimit: {
			group: group, metrics: []Metric{"hw.power.limit"},
			source: "`nvmlDeviceGetEnforcedPowerLimit`, `…PowerManagementDefaultLimit`, `…PowerManagementLimitConstraints`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := finite(r)
				if limit, known := lookup(limits, r.Sub); ok && known {
					c.mb.RecordHwPowerLimitDataPoint(c.now, v, d.id, gpu, d.name, limit, d.plain...)
				}
			},
		},
	}
}
