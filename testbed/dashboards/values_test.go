// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"math"
	"strings"
	"time"
)

const gib = 1 << 30

// value is what the metric reads at this time since the start of history; half says that its second half has begun.
func (d device) value(name string, m metric, l labels, since time.Duration, half bool) float64 {
	s, wave := since.Seconds(), 0.5+0.4*math.Sin(since.Seconds()/60+float64(d.index))
	switch name {
	case "hw.status":
		return one(l["hw.state"] == d.state(half))
	case "hw.errors":
		return d.errorCount(l["error.type"].(string), s, half)
	case "hw.gpu.info", "hw.gpu.allocation":
		return 1
	case "hw.gpu.utilization":
		return wave * one(d.index != idle && l["hw.gpu.task"] == "general")
	case "hw.gpu.throttle.active":
		return one(l["hw.gpu.throttle.reason"] == "sw_power_cap")
	case "hw.gpu.throttle.time":
		return s * one(l["hw.gpu.throttle.reason"] == "sw_power_cap") / 2
	case "hw.gpu.memory.limit":
		return 80 * gib
	case "hw.energy":
		return 1e9 + 400*s
	}
	switch {
	case m.counter():
		return 1e6 * s
	case m.Unit == "1":
		return wave
	}
	return typical(m.Unit) * wave
}

// typical is a reading's order of magnitude by its unit.
func typical(unit string) float64 {
	switch {
	case unit == "By":
		return 70 * gib
	case unit == "W":
		return 700
	case unit == "Cel":
		return 90
	case unit == "Hz":
		return 1.9e9
	case strings.HasPrefix(unit, "{"):
		return 2
	}
	return 1
}

func (d device) state(half bool) string {
	switch {
	case d.index == lost && half:
		return "failed"
	case d.index == degraded:
		return "degraded"
	}
	return "ok"
}

// errorCount: an XID of the GPU that is lost comes once, at the moment of its loss.
func (d device) errorCount(kind string, s float64, half bool) float64 {
	switch {
	case kind == "xid_79":
		return one(d.index == lost && half)
	case strings.HasPrefix(kind, "xid_"):
		return 0
	}
	return math.Floor(s / 120)
}

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
