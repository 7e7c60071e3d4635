// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"slices"
	"strings"
)

// Source says where a metric comes from, for people: the NVML calls and fields of the readings that feed it. Empty for a metric that
// nothing feeds.
func Source(m Metric) string {
	switch m {
	case "hw.gpu.info":
		return "`nvmlDeviceGetUUID`, `…Name`, `…Serial`, `…PciInfo`, `…VbiosVersion` and their kin, once for each device"
	case "hw.gpu.allocation":
		return "the kubelet's pod-resources API"
	case "process.gpu.memory.usage":
		return "`nvmlDeviceGetComputeRunningProcesses`, `…Graphics…`, `…MPSCompute…`; names from /proc"
	case "process.gpu.utilization":
		return "`nvmlDeviceGetProcessUtilization`; names from /proc"
	case "container.gpu.memory.usage", "container.gpu.utilization":
		return "sum over the processes of the container, known by their cgroup"
	}
	var sources []string
	for _, r := range readings() {
		if slices.Contains(r.metrics, m) && !slices.Contains(sources, r.source) {
			sources = append(sources, r.source)
		}
	}
	source := strings.Join(sources, "; ")
	if m == "hw.errors" {
		source += "; XID: NVML's event set, the kernel log"
	}
	return source
}
