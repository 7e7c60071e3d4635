// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"maps"
	"math"
	"slices"
	"strings"
)

// What inferwatch tells of itself: see `telemetry` in receiver/nvmlreceiver/metadata.yaml.
const (
	telemetryLibrary = "receiver_nvml_library"
	telemetryGPUs    = "receiver_nvml_gpus"
)

func isTelemetry(metric string) bool {
	return strings.HasSuffix(metric, telemetryLibrary) || strings.HasSuffix(metric, telemetryGPUs)
}

// addTelemetry takes the state of the library, and what is behind hw.state.
func (h *Host) addTelemetry(samples []sample) {
	h.Conditions = map[State]int{}
	for _, s := range samples {
		switch condition := State(s.labels["inferwatch_gpu_condition"]); {
		case s.value <= 0:
		case strings.HasSuffix(s.metric, telemetryLibrary):
			h.Library = s.labels["library_state"]
		case condition != StateOK && condition != StateNone:
			h.Conditions[condition] += int(s.value)
		}
	}
	h.name()
}

// name says how a GPU has failed. inferwatch counts its GPUs by condition and does not say which: it is said where only one answer is
// possible. A hung GPU is degraded and has no readings, XID 79 is that of a lost one.
func (h *Host) name() {
	hung := h.where(func(d *Device) bool { return d.State == StateDegraded && d.mayHang() })
	if len(hung) == h.Conditions[StateHung] {
		nameAll(hung, StateHung)
	}
	failed := h.where(func(d *Device) bool { return d.State == StateFailed && !d.RemapFailed })
	lost := slices.DeleteFunc(slices.Clone(failed), func(d *Device) bool { return d.Counters[counter{metricErrors, "xid_79"}] == 0 })
	others := maps.Clone(h.Conditions)
	delete(others, StateHung)
	if len(lost) == others[StateLost] {
		nameAll(lost, StateLost)
		delete(others, StateLost)
		failed = slices.DeleteFunc(failed, func(d *Device) bool { return d.State == StateLost })
	}
	for condition, n := range others {
		if len(others) == 1 && n == len(failed) {
			nameAll(failed, condition)
		}
	}
}

// mayHang tells whether nothing speaks against it. A page without times shows the last readings of a GPU that does not answer.
func (d *Device) mayHang() bool {
	if d.At.IsZero() {
		return !d.RemapPending && !d.RetirementPending
	}
	return math.IsNaN(d.Utilization) && math.IsNaN(d.MemoryUsed) && math.IsNaN(d.Power) && math.IsNaN(d.Temperature)
}

func (h *Host) where(is func(*Device) bool) []*Device {
	return slices.DeleteFunc(slices.Clone(h.GPUs), func(d *Device) bool { return !is(d) })
}

func nameAll(gpus []*Device, state State) {
	for _, gpu := range gpus {
		gpu.State = state
		gpu.forget()
	}
}

// library explains the state of the NVML library, where it is not ready.
func (h *Host) library() string {
	switch h.Library {
	case "not_found":
		return "NVML library not_found: no NVIDIA driver on this machine, or libnvidia-ml.so.1 is not to be seen from where inferwatch runs"
	case "init_failed":
		return "NVML library init_failed: libnvidia-ml.so.1 is there, the driver is not loaded or does not answer"
	case "version_mismatch":
		return "NVML library version_mismatch: the driver was replaced while its library was loaded"
	case "unusable":
		return "NVML library unusable: it lacks functions without which nothing can be read"
	case "protocol", "helper_missing", "helper_lost":
		return "NVML library " + h.Library + ": inferwatchnvml, which reads NVML, is missing or of another release; see inferwatch's log"
	case "hung":
		return "NVML library hung: the driver does not answer for any GPU"
	case "", "ready":
		return ""
	}
	return "NVML library " + h.Library
}

// absence says why there is no GPU.
func (h *Host) absence() string {
	switch {
	case h.NoTelemetry != "":
		return "why is not known: inferwatch's own metrics (--telemetry-url) cannot be read: " + h.NoTelemetry
	case h.Library == "":
		return "this inferwatch has no nvml receiver in a running pipeline"
	case h.Library == "ready":
		return "the NVML library is ready and has told of no GPU yet"
	}
	return h.library()
}
