// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"reflect"
	"slices"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// Enabled are the metrics that are turned on.
func Enabled(cfg metadata.MetricsConfig) []Metric {
	var enabled []Metric
	fields := reflect.ValueOf(cfg)
	for i := range fields.NumField() {
		if fields.Field(i).FieldByName("Enabled").Bool() {
			enabled = append(enabled, Metric(fields.Type().Field(i).Tag.Get("mapstructure")))
		}
	}
	return enabled
}

// Want is what is to be read for these metrics.
func Want(enabled []Metric) nvmlwire.Groups {
	var want nvmlwire.Groups
	for _, r := range readings() {
		if slices.ContainsFunc(r.metrics, func(m Metric) bool { return slices.Contains(enabled, m) }) {
			want |= r.group
		}
	}
	for _, m := range enabled {
		switch m {
		case "hw.status":
			want |= nvmlwire.GroupState | nvmlwire.GroupRemap
		case "process.gpu.memory.usage", "process.gpu.utilization", "container.gpu.memory.usage", "container.gpu.utilization":
			want |= nvmlwire.GroupProcesses
		}
	}
	return want
}

// Lacking are those of the enabled metrics that the device has no reading for, because board or driver does not support any that would
// feed them. hw.status is never lacking: it is made of more than readings.
func Lacking(enabled []Metric, d *nvmlwire.Device) []Metric {
	var present, absent []Metric
	table := readings()
	for _, r := range d.Readings {
		present = append(present, table[r.ID%nvmlwire.ReadingID(len(table))].metrics...)
	}
	for _, a := range d.Absent {
		if Lasting(a) {
			absent = append(absent, table[a.ID%nvmlwire.ReadingID(len(table))].metrics...)
		}
	}
	return slices.DeleteFunc(slices.Clone(enabled), func(m Metric) bool {
		return m == "hw.status" || !slices.Contains(absent, m) || slices.Contains(present, m)
	})
}

// Lasting tells whether a reading is absent because board, driver or permissions do not give it, and not only this once.
func Lasting(a nvmlwire.Absence) bool {
	const (
		missingSymbol, invalidArgument, notSupported, noPermission = 0, 2, 3, 4
		notFound, functionNotFound, versionMismatch, deprecated    = 6, 13, 25, 26
	)
	switch a.Code {
	case missingSymbol, invalidArgument, notSupported, noPermission, notFound, functionNotFound, versionMismatch, deprecated:
		return true
	}
	return false
}

// Of are the metrics that a reading feeds.
func Of(id nvmlwire.ReadingID) []Metric {
	if int(id) >= nvmlwire.ReadingCount {
		return nil
	}
	return readings()[id].metrics
}

// Replaced tells that the device has another reading in this one's place: energy comes from a meter or from power.
func Replaced(d *nvmlwire.Device, absent nvmlwire.ReadingID) bool {
	other := nvmlwire.EnergyMeter
	switch absent {
	case nvmlwire.EnergyMeter:
		other = nvmlwire.EnergyFromPower
	case nvmlwire.EnergyFromPower:
	default:
		return false
	}
	return slices.ContainsFunc(d.Readings, func(r nvmlwire.Reading) bool { return r.ID == other })
}
