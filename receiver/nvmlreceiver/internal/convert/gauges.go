// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"math"
	"strconv"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

const gpu = metadata.AttributeHwTypeGpu

// finite is the value of a gauge; a value that is no number is no reading.
func finite(r nvmlwire.Reading) (float64, bool) {
	v := r.Float()
	return v, !math.IsNaN(v) && !math.IsInf(v, 0)
}

// whole is the value of a gauge that has no fraction.
func whole(r nvmlwire.Reading) (int64, bool) {
	v, ok := finite(r)
	return int64(math.Round(v)), ok && v >= 0 && v < math.MaxInt64
}

// lookup is the attribute value of a Sub; Subs that nothing has a name for are not reported.
func lookup[T any](values []T, sub uint16) (value T, ok bool) {
	if int(sub) >= len(values) {
		return value, false
	}
	return values[sub], true
}

func utilizationReadings() map[nvmlwire.ReadingID]reading {
	task := func(task metadata.AttributeHwGpuTask) func(*Converter, *device, nvmlwire.Reading) {
		return func(c *Converter, d *device, r nvmlwire.Reading) {
			if v, ok := finite(r); ok {
				c.mb.RecordHwGpuUtilizationDataPoint(c.now, v, d.id, gpu, d.name, task, d.own...)
			}
		}
	}
	utilization := []Metric{"hw.gpu.utilization"}
	group := nvmlwire.GroupUtilization
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.UtilizationGPU: {
			group: group, metrics: utilization, record: task(metadata.AttributeHwGpuTaskGeneral),
			source: "`nvmlDeviceGetSamples`, else sampled `nvmlDeviceGetUtilizationRates`; GPM 1 for a MIG slice",
		},
		nvmlwire.UtilizationEncoder: {
			group: group, metrics: utilization, record: task(metadata.AttributeHwGpuTaskEncoder),
			source: "`nvmlDeviceGetSamples`, else `nvmlDeviceGetEncoderUtilization`",
		},
		nvmlwire.UtilizationDecoder: {
			group: group, metrics: utilization, record: task(metadata.AttributeHwGpuTaskDecoder),
			source: "`nvmlDeviceGetSamples`, else `nvmlDeviceGetDecoderUtilization`",
		},
		nvmlwire.UtilizationMemory: {
			group: group, metrics: []Metric{"hw.gpu.memory.bandwidth.utilization"},
			source: "`nvmlDeviceGetSamples`, else sampled `nvmlDeviceGetUtilizationRates`; GPM 10 for a MIG slice",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := finite(r); ok {
					c.mb.RecordHwGpuMemoryBandwidthUtilizationDataPoint(c.now, v, d.id, gpu, d.name, d.own...)
				}
			},
		},
	}
}

func memoryReadings() map[nvmlwire.ReadingID]reading {
	const source = "`nvmlDeviceGetMemoryInfo_v2`, else `nvmlDeviceGetMemoryInfo`"
	group := nvmlwire.GroupMemory
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.MemoryUsed: {
			group: group, metrics: []Metric{"hw.gpu.memory.usage", "hw.gpu.memory.utilization"}, source: source,
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					d.memoryUsed = float64(v)
					d.hasMemoryUsed = true
					c.mb.RecordHwGpuMemoryUsageDataPoint(c.now, v, d.id, gpu, d.name, d.own...)
				}
			},
		},
		nvmlwire.MemoryTotal: {
			group: group, metrics: []Metric{"hw.gpu.memory.limit", "hw.gpu.memory.utilization"}, source: source,
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					d.memoryTotal = float64(v)
					c.mb.RecordHwGpuMemoryLimitDataPoint(c.now, v, d.id, gpu, d.name, d.own...)
				}
			},
		},
		nvmlwire.MemoryReserved: {
			group: group, metrics: []Metric{"hw.gpu.memory.reserved"}, source: "`nvmlDeviceGetMemoryInfo_v2`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					c.mb.RecordHwGpuMemoryReservedDataPoint(c.now, v, d.id, gpu, d.name, d.own...)
				}
			},
		},
	}
}

// boardReadings are temperature, fans and clocks.
func boardReadings() map[nvmlwire.ReadingID]reading {
	sensors := []string{nvmlwire.SensorGPU: "gpu", nvmlwire.SensorMemory: "memory"}
	limits := limitTypes()
	domains := []metadata.AttributeHwGpuClockDomain{
		nvmlwire.DomainGraphics: metadata.AttributeHwGpuClockDomainGraphics, nvmlwire.DomainSM: metadata.AttributeHwGpuClockDomainSm,
		nvmlwire.DomainMemory: metadata.AttributeHwGpuClockDomainMemory, nvmlwire.DomainVideo: metadata.AttributeHwGpuClockDomainVideo,
	}
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.Temperature: {
			group: nvmlwire.GroupTemperature, metrics: []Metric{"hw.temperature"}, source: "`nvmlDeviceGetTemperature`; field 82 for the memory",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := finite(r)
				if sensor, known := lookup(sensors, r.Sub); ok && known {
					c.mb.RecordHwTemperatureDataPoint(c.now, v, d.id, gpu, d.name, sensor, d.plain...)
				}
			},
		},
		nvmlwire.TemperatureLimit: {
			group: nvmlwire.GroupTemperature, metrics: []Metric{"hw.temperature.limit"}, source: "fields 193 to 196, else `nvmlDeviceGetTemperatureThreshold`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := finite(r)
				if limit, known := lookup(limits, r.Sub); ok && known {
					c.mb.RecordHwTemperatureLimitDataPoint(c.now, v, d.id, gpu, d.name, limit, d.plain...)
				}
			},
		},
		nvmlwire.FanSpeed: {
			group: nvmlwire.GroupFan, metrics: []Metric{"hw.fan.speed_ratio"}, source: "`nvmlDeviceGetFanSpeed_v2`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := finite(r); ok && r.Sub < maxFans {
					c.mb.RecordHwFanSpeedRatioDataPoint(c.now, v, d.id, gpu, d.name, c.fans[r.Sub], d.plain...)
				}
			},
		},
		nvmlwire.Clock: {
			group: nvmlwire.GroupClock, metrics: []Metric{"hw.gpu.clock.frequency"}, source: "`nvmlDeviceGetClockInfo`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := finite(r)
				if domain, known := lookup(domains, r.Sub); ok && known {
					c.mb.RecordHwGpuClockFrequencyDataPoint(c.now, v, d.id, gpu, d.name, domain, d.plain...)
				}
			},
		},
	}
}

// maxFans bounds the fans of a board; the most that boards have is 3.
const maxFans = 16

func fanNames() (names [maxFans]string) {
	for i := range names {
		names[i] = "fan" + strconv.Itoa(i)
	}
	return names
}

func limitTypes() []metadata.AttributeHwLimitType {
	return []metadata.AttributeHwLimitType{
		nvmlwire.LimitEnforced: metadata.AttributeHwLimitTypeEnforced, nvmlwire.LimitDefault: metadata.AttributeHwLimitTypeDefault,
		nvmlwire.LimitMin: metadata.AttributeHwLimitTypeMin, nvmlwire.LimitMax: metadata.AttributeHwLimitTypeMax,
		nvmlwire.LimitShutdown: metadata.AttributeHwLimitTypeShutdown, nvmlwire.LimitSlowdown: metadata.AttributeHwLimitTypeSlowdown,
		nvmlwire.LimitMemoryMax: metadata.AttributeHwLimitTypeMemoryMax, nvmlwire.LimitGPUMax: metadata.AttributeHwLimitTypeGpuMax,
	}
}

// profilingReadings are shares over the SMs, from GPM.
func profilingReadings() map[nvmlwire.ReadingID]reading {
	pipes := []metadata.AttributeHwGpuPipe{
		nvmlwire.PipeTensor: metadata.AttributeHwGpuPipeTensor, nvmlwire.PipeTensorDFMA: metadata.AttributeHwGpuPipeTensorDfma,
		nvmlwire.PipeTensorHMMA: metadata.AttributeHwGpuPipeTensorHmma, nvmlwire.PipeTensorIMMA: metadata.AttributeHwGpuPipeTensorImma,
		nvmlwire.PipeFP64: metadata.AttributeHwGpuPipeFp64, nvmlwire.PipeFP32: metadata.AttributeHwGpuPipeFp32,
		nvmlwire.PipeFP16: metadata.AttributeHwGpuPipeFp16, nvmlwire.PipeInteger: metadata.AttributeHwGpuPipeInteger,
	}
	group := nvmlwire.GroupProfiling
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.SMUtilization: {
			group: group, metrics: []Metric{"hw.gpu.sm.utilization"}, source: "GPM 2",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := finite(r); ok {
					c.mb.RecordHwGpuSmUtilizationDataPoint(c.now, v, d.id, gpu, d.name, d.own...)
				}
			},
		},
		nvmlwire.SMOccupancy: {
			group: group, metrics: []Metric{"hw.gpu.sm.occupancy"}, source: "GPM 3",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := finite(r); ok {
					c.mb.RecordHwGpuSmOccupancyDataPoint(c.now, v, d.id, gpu, d.name, d.own...)
				}
			},
		},
		nvmlwire.PipeBusy: {
			group: group, metrics: []Metric{"hw.gpu.pipe.utilization"}, source: "GPM 4 to 13",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := finite(r)
				if pipe, known := lookup(pipes, r.Sub); ok && known {
					c.mb.RecordHwGpuPipeUtilizationDataPoint(c.now, v, d.id, gpu, d.name, pipe, d.own...)
				}
			},
		},
	}
}
