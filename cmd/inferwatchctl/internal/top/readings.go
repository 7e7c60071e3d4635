// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"strings"
)

// readings lists what is read, by the names in receiver/nvmlreceiver/metadata.yaml.
func readings() map[string]setter {
	return map[string]setter{
		"hw.gpu.info":                         (*building).info,
		"hw.status":                           (*building).status,
		"hw.gpu.memory.bandwidth.utilization": func(b *building, s sample) { b.MemoryBusy = s.value },
		"hw.gpu.memory.usage":                 func(b *building, s sample) { b.MemoryUsed = s.value },
		"hw.gpu.memory.limit":                 func(b *building, s sample) { b.MemorySize = s.value },
		"hw.gpu.memory.utilization":           func(b *building, s sample) { b.MemoryShare = s.value },
		"hw.gpu.memory.remap.pending":         func(b *building, s sample) { b.RemapPending = s.value > 0 },
		"hw.gpu.memory.remap.failure":         func(b *building, s sample) { b.RemapFailed = s.value > 0 },
		"hw.gpu.memory.retirement.pending":    func(b *building, s sample) { b.RetirementPending = s.value > 0 },
		"hw.power":                            func(b *building, s sample) { b.Power = s.value },
		"hw.fan.speed_ratio":                  func(b *building, s sample) { b.Fan = maxOf(b.Fan, s.value) },
		"hw.gpu.utilization":                  (*building).utilization,
		"hw.power.limit":                      (*building).powerLimit,
		"hw.temperature":                      (*building).temperature,
		"hw.gpu.clock.frequency":              (*building).clock,
		"hw.gpu.throttle.active":              (*building).throttle,
		"hw.energy":                           countBy(""),
		"hw.errors":                           countBy("error_type"),
		"hw.gpu.throttle.time":                countBy("hw_gpu_throttle_reason"),
		"hw.gpu.io":                           countBy("network_io_direction"),
		"hw.gpu.interconnect.io":              countBy("network_io_direction"),
		"process.gpu.memory.usage":            func(b *building, s sample) { held(b.processes, s).Memory = s.value },
		"process.gpu.utilization":             func(b *building, s sample) { setSM(b.processes, s) },
		"container.gpu.memory.usage":          func(b *building, s sample) { held(b.containers, s).Memory = s.value },
		"container.gpu.utilization":           func(b *building, s sample) { setSM(b.containers, s) },
	}
}

func countBy(label string) setter {
	return func(b *building, s sample) { b.Counters[counter{s.metric, s.labels[label]}] += s.value }
}

func (b *building) status(s sample) {
	if s.value > 0 {
		b.State = State(s.labels["hw_state"])
	}
}

func (b *building) utilization(s sample) {
	switch s.labels["hw_gpu_task"] {
	case "encoder":
		b.Encoder = s.value
	case "decoder":
		b.Decoder = s.value
	default:
		b.Utilization = s.value
	}
}

func (b *building) powerLimit(s sample) {
	if s.labels["hw_limit_type"] == "enforced" {
		b.PowerLimit = s.value
	}
}

func (b *building) temperature(s sample) {
	if strings.Contains(s.labels["hw_sensor_location"], "mem") {
		b.MemoryTemperature = s.value
		return
	}
	b.Temperature = s.value
}

// clock takes the SMs' clock, and that of graphics, which is the same one, where a board tells only this.
func (b *building) clock(s sample) {
	switch domain := s.labels["hw_gpu_clock_domain"]; {
	case domain == "sm", domain == "graphics" && math.IsNaN(b.Clock):
		b.Clock = s.value
	}
}

func (b *building) throttle(s sample) {
	reason := s.labels["hw_gpu_throttle_reason"]
	if s.value > 0 && !isChosen(reason) {
		b.Throttle = append(b.Throttle, reason)
	}
}

// isChosen tells the reasons for lower clocks that are nobody's trouble: nothing to do, or clocks that somebody set.
func isChosen(reason string) bool {
	switch reason {
	case "gpu_idle", "applications_clocks", "display_clocks", "low_utilization":
		return true
	}
	return false
}

// held finds the process or container of a sample by all that names it.
func held(in map[Process]*Process, s sample) *Process {
	key := Process{PID: s.labels["process_pid"], Executable: s.labels["process_executable_name"], Container: containerOf(s)}
	if in[key] == nil {
		p := key
		p.Memory, p.SM = math.NaN(), math.NaN()
		in[key] = &p
	}
	return in[key]
}

func setSM(in map[Process]*Process, s sample) {
	switch s.labels["hw_gpu_task"] {
	case "encoder", "decoder":
	default:
		held(in, s).SM = s.value
	}
}

func containerOf(s sample) string {
	pod := s.labels["k8s_pod_name"]
	if pod == "" {
		id := s.labels["container_id"]
		return id[:min(len(id), 12)]
	}
	parts := []string{s.labels["k8s_namespace_name"], pod, s.labels["k8s_container_name"]}
	return strings.Trim(strings.Join(parts, "/"), "/")
}

func maxOf(a, b float64) float64 {
	if math.IsNaN(a) {
		return b
	}
	return max(a, b)
}
