// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpusim_test

import (
	"fmt"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// withArguments makes the calls that getters cannot: those that take something.
func (w *walker) withArguments(d nvml.Device) {
	w.clocksAndLimits(d)
	w.samples(d)
	w.errors(d)
	w.links(d)
	w.instances(d)
}

// each prints call(i) for i from 0 to n-1, if the library has the symbol.
func each[T any](w *walker, name string, n int, call func(i int) (T, nvml.Return)) {
	if !w.has("Device" + name) {
		return
	}
	for i := range n {
		value, ret := call(i)
		w.print(fmt.Sprintf("%s(%d)", name, i), ret, value)
	}
}

func (w *walker) clocksAndLimits(d nvml.Device) {
	each(w, "GetClockInfo", int(nvml.CLOCK_COUNT), func(i int) (uint32, nvml.Return) { return d.GetClockInfo(nvml.ClockType(i)) })
	each(w, "GetMaxClockInfo", int(nvml.CLOCK_COUNT), func(i int) (uint32, nvml.Return) { return d.GetMaxClockInfo(nvml.ClockType(i)) })
	each(w, "GetTemperature", 1, func(int) (uint32, nvml.Return) { return d.GetTemperature(nvml.TEMPERATURE_GPU) })
	each(w, "GetTemperatureThreshold", int(nvml.TEMPERATURE_THRESHOLD_COUNT), func(i int) (uint32, nvml.Return) {
		return d.GetTemperatureThreshold(nvml.TemperatureThresholds(i))
	})
	each(w, "GetTemperatureV", 1, func(int) (nvml.Temperature, nvml.Return) { return d.GetTemperatureV().V1() })
	each(w, "GetMarginTemperature", 1, func(int) (nvml.MarginTemperature, nvml.Return) { return d.GetMarginTemperature() })
	each(w, "GetFanSpeed_v2", 3, func(i int) (uint32, nvml.Return) { return d.GetFanSpeed_v2(i) })
	each(w, "GetPcieThroughput", 2, func(i int) (uint32, nvml.Return) { return d.GetPcieThroughput(nvml.PcieUtilCounter(i)) })
	each(w, "GetViolationStatus", 3, func(i int) (nvml.ViolationTime, nvml.Return) { return d.GetViolationStatus(nvml.PerfPolicyType(i)) })
}

// samples prints how many there are, and the ends.
func (w *walker) samples(d nvml.Device) {
	w.has("DeviceGetSamples")
	for kind := nvml.SamplingType(0); kind < nvml.SAMPLINGTYPE_COUNT; kind++ {
		valueType, samples, ret := d.GetSamples(kind, 0)
		what := fmt.Sprintf("GetSamples(%d)", kind)
		if ret != nvml.SUCCESS {
			w.print(what, ret)
			continue
		}
		w.print(what, ret, "type", valueType, len(samples), samples[0], samples[len(samples)-1])
	}
	w.has("DeviceGetProcessUtilization")
	processes, ret := d.GetProcessUtilization(0)
	w.print("GetProcessUtilization", ret, processes)
}

func (w *walker) errors(d nvml.Device) {
	each(w, "GetTotalEccErrors", 4, func(i int) (uint64, nvml.Return) {
		return d.GetTotalEccErrors(nvml.MemoryErrorType(i/2), nvml.EccCounterType(i%2))
	})
	each(w, "GetMemoryErrorCounter", int(nvml.MEMORY_LOCATION_COUNT), func(i int) (uint64, nvml.Return) {
		return d.GetMemoryErrorCounter(nvml.MEMORY_ERROR_TYPE_CORRECTED, nvml.VOLATILE_ECC, nvml.MemoryLocation(i))
	})
	each(w, "GetRetiredPages", 2, func(i int) ([]uint64, nvml.Return) { return d.GetRetiredPages(nvml.PageRetirementCause(i)) })
	if w.has("DeviceGetRetiredPages_v2") {
		addresses, timestamps, ret := d.GetRetiredPages_v2(nvml.PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR)
		w.print("GetRetiredPages_v2", ret, addresses, timestamps)
	}
}

func (w *walker) links(d nvml.Device) {
	for _, link := range []int{0, 5, 17} {
		fmt.Fprintf(w.out, "link %d\n", link)
		each(w, "GetNvLinkState", 1, func(int) (nvml.EnableState, nvml.Return) { return d.GetNvLinkState(link) })
		each(w, "GetNvLinkVersion", 1, func(int) (uint32, nvml.Return) { return d.GetNvLinkVersion(link) })
		each(w, "GetNvLinkCapability", int(nvml.NVLINK_CAP_COUNT), func(i int) (uint32, nvml.Return) {
			return d.GetNvLinkCapability(link, nvml.NvLinkCapability(i))
		})
		each(w, "GetNvLinkErrorCounter", int(nvml.NVLINK_ERROR_COUNT), func(i int) (uint64, nvml.Return) {
			return d.GetNvLinkErrorCounter(link, nvml.NvLinkErrorCounter(i))
		})
	}
}

// instances goes by profile, by id, and through the handle of the instance.
func (w *walker) instances(d nvml.Device) {
	w.has("GpuInstanceGetInfo")
	w.has("DeviceGetGpuInstanceById")
	w.has("DeviceGetGpuInstances")
	w.has("DeviceGetGpuInstanceProfileInfo")
	for profile := range int(nvml.GPU_INSTANCE_PROFILE_COUNT) {
		info, ret := d.GetGpuInstanceProfileInfo(profile)
		if ret != nvml.SUCCESS {
			continue
		}
		w.print(fmt.Sprintf("GetGpuInstanceProfileInfo(%d)", profile), ret, info)
		found, ret := d.GetGpuInstances(&info)
		w.print("GetGpuInstances", ret, len(found))
		if ret != nvml.SUCCESS {
			continue // go-nvml gives empty handles then
		}
		for _, instance := range found {
			about, ret := instance.GetInfo()
			w.print("GpuInstanceGetInfo", ret, about.Id, about.ProfileId, about.Placement, about.Device == d)
			again, ret := d.GetGpuInstanceById(int(about.Id))
			w.print("GetGpuInstanceById", ret, again == instance)
		}
	}
}

// gpm reads the metrics of the board and of its first GPU instance over two seconds.
func (w *walker) gpm(d nvml.Device) {
	if !w.has("GpmQueryDeviceSupport") {
		return
	}
	support, ret := d.GpmQueryDeviceSupport()
	w.print("GpmQueryDeviceSupport", ret, support.IsSupportedDevice)
	for _, name := range []string{"GpmSampleAlloc", "GpmSampleFree", "GpmSampleGet", "GpmMigSampleGet", "GpmMetricsGet"} {
		w.has(name)
	}
	if support.IsSupportedDevice == 0 {
		return
	}
	w.gpmOf("board", func(sample nvml.GpmSample) nvml.Return { return sample.Get(d) })
	if mig, ret := d.GetMigDeviceHandleByIndex(0); ret == nvml.SUCCESS {
		id, _ := mig.GetGpuInstanceId()
		w.gpmOf("instance", func(sample nvml.GpmSample) nvml.Return { return sample.MigGet(d, id) })
	}
}

func (w *walker) gpmOf(what string, take func(nvml.GpmSample) nvml.Return) {
	first, _ := w.lib.GpmSampleAlloc()
	second, _ := w.lib.GpmSampleAlloc()
	defer first.Free()
	defer second.Free()
	w.print("GpmSampleGet of "+what, take(first))
	w.later(func() { w.print("GpmSampleGet of "+what, take(second)) })
	request := nvml.GpmMetricsGetType{Sample1: first, Sample2: second, NumMetrics: uint32(nvml.GPM_METRIC_MAX) - 1}
	for i := range request.NumMetrics {
		request.Metrics[i].MetricId = i + 1
	}
	ret := w.lib.GpmMetricsGet(&request)
	w.print("GpmMetricsGet of "+what, ret)
	for _, metric := range request.Metrics[:request.NumMetrics] {
		if nvml.Return(metric.NvmlReturn) != nvml.ERROR_NOT_SUPPORTED {
			w.print(fmt.Sprintf("metric %d of %s", metric.MetricId, what), nvml.Return(metric.NvmlReturn), fmt.Sprintf("%.3f", metric.Value))
		}
	}
}
