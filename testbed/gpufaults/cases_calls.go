// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// delayFaults are calls that take their time.
func delayFaults() []fault {
	return []fault{
		{
			kind: "a call on one GPU hangs", lasts: 4 * time.Second, full: 60 * time.Second, within: 3, gap: timeout + interval + slack,
			begin: says("fault call_hangs gpu=%d call=any", lostGPU), may: readings(lostGPU), fresh: nothing,
			expect: func(t *testing.T, r *run) []string {
				gpu := r.gpus[lostGPU]
				r.others(t, gpu)
				r.times(t, 1, "recovered", gpu)
				return []string{r.status(t, gpu, "degraded"), r.times(t, 1, "hung", gpu)}
			},
		},
		{
			kind: "the driver blocks all GPUs", lasts: 4 * time.Second, full: 60 * time.Second, within: 4, gap: timeout + interval + slack,
			begin: says("fault call_hangs scope=all call=any"), may: readings(0, 1, 2, 3, 4, 5, 6, 7), fresh: nothing,
			expect: func(t *testing.T, r *run) []string {
				for _, gpu := range r.gpus[1:] {
					r.status(t, gpu, "degraded")
				}
				return []string{r.status(t, r.gpus[0], "degraded"), r.times(t, 1, "hung", r.gpus[0]), r.times(t, 1, "recovered", r.gpus[0])}
			},
		},
		{
			kind: "a call takes 2 s", lasts: 5 * time.Second, within: 6, gap: timeout + interval + slack,
			begin: says("fault call_slow gpu=%d call=DeviceGetPowerUsage,DeviceGetClockInfo seconds=2", lostGPU), may: readings(lostGPU), fresh: nothing,
			expect: func(t *testing.T, r *run) []string {
				gpu := r.gpus[lostGPU]
				r.others(t, gpu)
				return []string{r.some(t, "hung", gpu), r.some(t, "recovered", gpu)}
			},
		},
	}
}

// readingFaults are answers that are no readings.
func readingFaults() []fault {
	return []fault{
		{
			// What a board does not support is asked again each hundredth collection, and after another driver came, as here.
			kind: "NOT_SUPPORTED", lasts: 3 * time.Second, within: 4, gap: 4 * time.Second,
			begin: func(r *run) {
				says("fault not_supported gpu=%d call=DeviceGetClockInfo", lostGPU)(r)
				r.script.add(changesDriver(r))
			},
			anew: 1,
			may: func(r *run, s *series) bool {
				return s.metric == "hw.gpu.clock.frequency" && s.of(r.gpus[lostGPU])
			},
			fresh: info, gone: info,
			midway: func(r *run) {
				if v := r.own("otelcol_receiver_nvml_unsupported", "reading", "hw.gpu.clock.frequency"); v != 1 {
					r.tb.Errorf("one GPU must be counted without hw.gpu.clock.frequency, found %v", v)
				}
			},
			expect: func(t *testing.T, r *run) []string {
				r.others(t, "")
				for _, c := range r.during() {
					if _, found := c.value("hw.gpu.clock.frequency", "hw.id", r.gpus[lostGPU]); found {
						t.Errorf("hw.gpu.clock.frequency must be absent at %v of the fault", c.time.Sub(r.on))
					}
				}
				return []string{
					"`receiver_nvml_unsupported{reading=\"hw.gpu.clock.frequency\"}` = 1", r.named(t, lostGPU, "hw.gpu.clock.frequency"),
				}
			},
		},
		{
			kind: "garbage values", lasts: 3 * time.Second, within: 3,
			begin: says("fault garbage gpu=%d", lostGPU), may: readings(lostGPU), fresh: nothing,
			expect: func(t *testing.T, r *run) []string {
				r.others(t, r.gpus[lostGPU])
				for _, problem := range r.implausible() {
					t.Error(problem)
				}
				return []string{r.named(t, lostGPU, "hw.power")}
			},
		},
	}
}

// named demands that the log names a metric that a GPU does not give, once.
func (r *run) named(t *testing.T, gpu int, metric string) string {
	t.Helper()
	const text = "Readings that this board or driver does not give"
	count := 0
	for line := range strings.Lines(r.Log()) {
		if strings.Contains(line, text) && strings.Contains(line, r.gpus[gpu]) && strings.Contains(line, `"`+metric+`: `) {
			count++
		}
	}
	if count != 1 {
		t.Errorf("the log must name %s of %s once, found %d lines", metric, r.gpus[gpu], count)
	}
	return fmt.Sprintf("log: “%s”, with `hw.id` and `%s`", text, metric)
}

// limits are what no reading of an H100 can be beyond.
func limits() map[string][2]float64 {
	return map[string][2]float64{
		"hw.gpu.utilization": {0, 1}, "hw.gpu.memory.utilization": {0, 1}, "hw.gpu.memory.bandwidth.utilization": {0, 1},
		"hw.gpu.sm.utilization": {0, 1}, "hw.gpu.sm.occupancy": {0, 1}, "hw.gpu.pipe.utilization": {0, 1}, "hw.fan.speed_ratio": {0, 1},
		"hw.power": {0, 2000}, "hw.power.peak": {0, 2000}, "hw.power.limit": {0, 2000}, "hw.temperature": {-50, 150}, "hw.temperature.limit": {-50, 150},
		"hw.gpu.clock.frequency": {0, 10e9}, "hw.gpu.memory.usage": {0, 81 << 30}, "hw.gpu.memory.limit": {0, 81 << 30},
		"process.gpu.utilization": {0, 1}, "process.gpu.memory.usage": {0, 81 << 30}, "container.gpu.utilization": {0, 1},
		"hw.energy": {0, 1e9}, "hw.gpu.throttle.time": {0, 1e7}, "hw.errors": {0, 1e6}, "hw.gpu.io": {0, 1e18}, "hw.gpu.interconnect.io": {0, 1e18},
		"hw.gpu.memory.remapped_rows": {0, 1e4}, "hw.gpu.memory.retired_pages": {0, 1e4}, "hw.gpu.interconnect.links": {0, 18},
		"hw.gpu.throttle.active": {0, 1}, "hw.gpu.memory.remap.failure": {0, 1}, "hw.gpu.memory.remap.pending": {0, 1},
	}
}

// implausible names every point that cannot be.
func (r *run) implausible() []string {
	var found []string
	known := limits()
	for _, c := range r.collections {
		for key, points := range c.points {
			limit, bounded := known[c.series[key].metric]
			for _, p := range points {
				if bounded && (p.value < limit[0] || p.value > limit[1]) {
					found = append(found, fmt.Sprintf("%s is %v at %v of the fault", key, p.value, p.time.Sub(r.on).Round(time.Millisecond)))
				}
			}
		}
	}
	return listed(found)
}
