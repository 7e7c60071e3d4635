//go:build linux && cgo

// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import "github.com/NVIDIA/go-nvml/pkg/nvml"

// gpmMetrics are those of the reader.
var gpmMetrics = [...]nvml.GpmMetricId{
	nvml.GPM_METRIC_GRAPHICS_UTIL, nvml.GPM_METRIC_DRAM_BW_UTIL, nvml.GPM_METRIC_SM_UTIL, nvml.GPM_METRIC_SM_OCCUPANCY, nvml.GPM_METRIC_ANY_TENSOR_UTIL,
	nvml.GPM_METRIC_DFMA_TENSOR_UTIL, nvml.GPM_METRIC_HMMA_TENSOR_UTIL, nvml.GPM_METRIC_IMMA_TENSOR_UTIL, nvml.GPM_METRIC_FP64_UTIL,
	nvml.GPM_METRIC_FP32_UTIL, nvml.GPM_METRIC_FP16_UTIL, nvml.GPM_METRIC_INTEGER_UTIL,
}

// callers are the calls of a plan by their names.
func callers() map[string]func(*library, *gpu, int) {
	return map[string]func(*library, *gpu, int){
		"nvmlDeviceGetCount_v2":         func(l *library, _ *gpu, _ int) { _, _ = l.nvml.DeviceGetCount() },
		"nvmlDeviceGetHandleByIndex_v2": func(l *library, g *gpu, _ int) { _, _ = l.nvml.DeviceGetHandleByIndex(g.index) },
		"nvmlDeviceGetUUID":             func(_ *library, g *gpu, _ int) { _, _ = g.device.GetUUID() },
		"nvmlDeviceGetMigMode":          func(_ *library, g *gpu, _ int) { _, _, _ = g.device.GetMigMode() },
		"nvmlDeviceGetFieldValues":      func(l *library, g *gpu, _ int) { _ = g.device.GetFieldValues(l.fields) },
		"nvmlDeviceGetTemperature": func(_ *library, g *gpu, _ int) {
			_, _ = g.device.GetTemperature(nvml.TEMPERATURE_GPU)
		},
		"nvmlDeviceGetEnforcedPowerLimit": func(_ *library, g *gpu, _ int) { _, _ = g.device.GetEnforcedPowerLimit() },
		"nvmlDeviceGetClockInfo":          func(_ *library, g *gpu, nth int) { _, _ = g.device.GetClockInfo(nvml.ClockType(nth)) },
		"nvmlDeviceGetPerformanceState":   func(_ *library, g *gpu, _ int) { _, _ = g.device.GetPerformanceState() },
		"nvmlDeviceGetMemoryInfo_v2":      func(_ *library, g *gpu, _ int) { _, _ = g.device.GetMemoryInfo_v2() },
		"nvmlDeviceGetNumFans":            func(_ *library, g *gpu, _ int) { _, _ = g.device.GetNumFans() },
		"nvmlDeviceGetCurrentClocksEventReasons": func(_ *library, g *gpu, _ int) {
			_, _ = g.device.GetCurrentClocksEventReasons()
		},
		"nvmlDeviceGetNvLinkState":        func(_ *library, g *gpu, nth int) { _, _ = g.device.GetNvLinkState(nth) },
		"nvmlGpmSampleGet":                sampleGPM,
		"nvmlGpmMetricsGet":               metricsGPM,
		"nvmlDeviceGetSamples":            readSamples,
		"nvmlDeviceGetUtilizationRates":   func(_ *library, g *gpu, _ int) { _, _ = g.device.GetUtilizationRates() },
		"nvmlDeviceGetEncoderUtilization": func(_ *library, g *gpu, _ int) { _, _, _ = g.device.GetEncoderUtilization() },
		"nvmlDeviceGetDecoderUtilization": func(_ *library, g *gpu, _ int) { _, _, _ = g.device.GetDecoderUtilization() },
		"nvmlDeviceGetMPSComputeRunningProcesses_v3": func(_ *library, g *gpu, _ int) {
			_, _ = g.device.GetMPSComputeRunningProcesses()
		},
		"nvmlDeviceGetComputeRunningProcesses_v3": func(_ *library, g *gpu, _ int) {
			_, _ = g.device.GetComputeRunningProcesses()
		},
		"nvmlDeviceGetGraphicsRunningProcesses_v3": func(_ *library, g *gpu, _ int) {
			_, _ = g.device.GetGraphicsRunningProcesses()
		},
		"nvmlDeviceGetProcessUtilization": func(_ *library, g *gpu, _ int) {
			uses, _ := g.device.GetProcessUtilization(g.useSeen)
			for _, u := range uses {
				g.useSeen = max(g.useSeen, u.TimeStamp)
			}
		},
	}
}

func sampleGPM(_ *library, g *gpu, _ int) {
	g.newest ^= 1
	_ = g.device.GpmSampleGet(g.gpm[g.newest])
}

func metricsGPM(l *library, g *gpu, _ int) {
	query := nvml.GpmMetricsGetType{NumMetrics: uint32(len(gpmMetrics)), Sample1: g.gpm[g.newest^1], Sample2: g.gpm[g.newest]}
	for i, id := range gpmMetrics {
		query.Metrics[i].MetricId = uint32(id)
	}
	_ = l.nvml.GpmMetricsGet(&query)
}

func readSamples(_ *library, g *gpu, nth int) {
	kinds := [...]nvml.SamplingType{
		nvml.GPU_UTILIZATION_SAMPLES, nvml.MEMORY_UTILIZATION_SAMPLES, nvml.ENC_UTILIZATION_SAMPLES, nvml.DEC_UTILIZATION_SAMPLES,
	}
	kind := nth % len(kinds)
	_, samples, _ := g.device.GetSamples(kinds[kind], g.seen[kind])
	for _, s := range samples {
		g.seen[kind] = max(g.seen[kind], s.TimeStamp)
	}
}
