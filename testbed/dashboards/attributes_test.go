// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// labels are a data point's attributes; values are of the types that metadata.yaml gives.
type labels map[string]any

// perWorkload are the attributes that tell whose a point is.
func perWorkload() []string {
	return []string{"process.pid", "process.executable.name", "container.id", "k8s.namespace.name", "k8s.pod.name", "k8s.pod.uid", "k8s.container.name"}
}

// points are the attribute sets of all data points of the metric for the device.
func points(t *testing.T, data metadata, name string, m metric, d device, upgraded bool) []labels {
	t.Helper()
	if !slices.ContainsFunc(m.Attributes, func(a string) bool { return slices.Contains(perWorkload(), a) }) {
		return expand(t, data, name, m, fixed(d, upgraded))
	}
	var all []labels
	for _, w := range d.workloads() {
		base := fixed(d, upgraded)
		maps.Copy(base, w.attributes(len(d.workloads()) > 1))
		all = append(all, expand(t, data, name, m, base)...)
	}
	return all
}

func (w workload) attributes(sharing bool) labels {
	return labels{
		"process.pid": w.pid, "process.executable.name": w.executable, "container.id": fmt.Sprintf("%064x", w.pid),
		"k8s.namespace.name": "inference", "k8s.pod.name": w.pod, "k8s.pod.uid": fmt.Sprintf("%08d-0000-4000-8000-000000000000", w.pid),
		"k8s.container.name": w.container, "hw.gpu.shared": sharing,
	}
}

// fixed are the attributes that a device has one value of. nil: the device does not have it.
func fixed(d device, upgraded bool) labels {
	driver, index := "570.124.06", d.index
	if upgraded {
		driver, index = "580.65.06", gpusPerNode-1-d.index
	}
	l := labels{
		"hw.id": d.id(), "hw.type": "gpu", "hw.name": d.name(), "hw.model": d.node.model, "hw.vendor": "NVIDIA", "hw.parent": nil,
		"hw.serial_number": fmt.Sprintf("165%010d", d.index), "hw.driver_version": driver, "hw.firmware_version": "96.00.89.00.01",
		"hw.gpu.index": index, "hw.gpu.pci.bus_id": fmt.Sprintf("00000000:%02X:00.0", 0x1b+d.index), "hw.gpu.architecture": "Hopper",
		"hw.gpu.cuda.version": "12.8", "hw.gpu.cuda.capability": "9.0", "hw.gpu.mig.profile": nil, "inferwatch.simulated": nil,
		"inferwatch.energy.source": "meter", "hw.gpu.shared": false,
	}
	if d.node.stand {
		l["inferwatch.simulated"] = true
	}
	if d.isSlice() {
		l["hw.parent"], l["hw.gpu.mig.profile"] = d.gpuID(), d.profile
	}
	return l
}

// expand makes a set for each combination of the values that the metric's attributes take. An attribute of metadata.yaml without an
// enumeration must have its values here: otherwise nobody knows what a query would meet.
func expand(t *testing.T, data metadata, name string, m metric, base labels) []labels {
	t.Helper()
	all := []labels{{}}
	for _, attribute := range m.Attributes {
		var values []any
		if one, ok := base[attribute]; ok {
			if one != nil {
				values = []any{one}
			}
		} else if values = varying(name, attribute); values == nil {
			for _, value := range data.Attributes[attribute].Enum {
				values = append(values, value)
			}
			if values == nil {
				t.Fatalf("`%s` of %s has no enumeration in metadata.yaml: give its values in attributes_test.go", attribute, name)
			}
		}
		all = combine(all, attribute, values)
	}
	return all
}

func combine(sets []labels, attribute string, values []any) []labels {
	if len(values) == 0 {
		return sets
	}
	var all []labels
	for _, set := range sets {
		for _, value := range values {
			next := maps.Clone(set)
			next[attribute] = value
			all = append(all, next)
		}
	}
	return all
}

// varying are the values of attributes that metadata.yaml leaves open, or of which a metric takes but some.
func varying(metric, attribute string) []any {
	switch metric + " " + attribute {
	case "hw.errors error.type":
		return []any{"corrected", "uncorrected", "xid_13", "xid_79", "pcie_replay", "nvlink_crc_flit"}
	case "hw.power.limit hw.limit_type":
		return []any{"enforced", "default", "min", "max"}
	case "hw.temperature.limit hw.limit_type":
		return []any{"shutdown", "slowdown", "memory_max", "gpu_max"}
	case "hw.temperature hw.sensor_location":
		return []any{"gpu", "memory"}
	case "hw.fan.speed_ratio hw.sensor_location":
		return []any{"fan0", "fan1"}
	}
	switch attribute {
	case "hw.gpu.link.index":
		return []any{0, 1}
	case "receiver":
		return []any{"nvml"}
	case "reading":
		return []any{"hw.fan.speed_ratio", "hw.gpu.pipe.utilization"}
	}
	return nil
}
