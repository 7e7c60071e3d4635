//go:build linux && cgo

// Package gpm reads GPU performance monitoring, which Hopper and later have: means between two samples that the driver takes, with no
// lock on the profiling hardware. A device's last sample is kept for the next collection.
package gpm

import (
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Metric is one metric of GPM and the reading that it is. All are percentages.
type Metric struct {
	ID      nvml.GpmMetricId
	Reading nvmlwire.ReadingID
	Sub     uint16
}

// Metrics are the metrics asked for.
var Metrics = [...]Metric{
	{nvml.GPM_METRIC_GRAPHICS_UTIL, nvmlwire.UtilizationGPU, 0},
	{nvml.GPM_METRIC_DRAM_BW_UTIL, nvmlwire.UtilizationMemory, 0},
	{nvml.GPM_METRIC_SM_UTIL, nvmlwire.SMUtilization, 0},
	{nvml.GPM_METRIC_SM_OCCUPANCY, nvmlwire.SMOccupancy, 0},
	{nvml.GPM_METRIC_ANY_TENSOR_UTIL, nvmlwire.PipeBusy, nvmlwire.PipeTensor},
	{nvml.GPM_METRIC_DFMA_TENSOR_UTIL, nvmlwire.PipeBusy, nvmlwire.PipeTensorDFMA},
	{nvml.GPM_METRIC_HMMA_TENSOR_UTIL, nvmlwire.PipeBusy, nvmlwire.PipeTensorHMMA},
	{nvml.GPM_METRIC_IMMA_TENSOR_UTIL, nvmlwire.PipeBusy, nvmlwire.PipeTensorIMMA},
	{nvml.GPM_METRIC_FP64_UTIL, nvmlwire.PipeBusy, nvmlwire.PipeFP64},
	{nvml.GPM_METRIC_FP32_UTIL, nvmlwire.PipeBusy, nvmlwire.PipeFP32},
	{nvml.GPM_METRIC_FP16_UTIL, nvmlwire.PipeBusy, nvmlwire.PipeFP16},
	{nvml.GPM_METRIC_INTEGER_UTIL, nvmlwire.PipeBusy, nvmlwire.PipeInteger},
}

// Utilization is how many of Metrics, from the first, a GPU without MIG has from other calls.
const Utilization = 2

// Query is the argument of nvmlGpmMetricsGet, 13 KiB. One serves all devices of a thread.
type Query = nvml.GpmMetricsGetType

// Sampler keeps the samples of one device. Its methods are called by the device's own thread.
type Sampler struct {
	NVML  nvml.Interface
	Meter *library.Meter

	last, spare nvml.GpmSample
	sampled     bool // last holds a sample
	bad         [len(Metrics)]bool

	// Share is what the last Read gave, 0 to 1, by the index in Metrics, where Has says so.
	Share [len(Metrics)]float64
	Has   [len(Metrics)]bool
}

// overshoot is how far above 100 % a share may come out between two samples.
const overshoot = 1

// Read takes a sample and fills Share with the means since the one before; the first Read fills in nothing. gpuInstance is a MIG
// slice's, -1 for a whole GPU. The call is that which failed.
func (s *Sampler) Read(device nvml.Device, gpuInstance int, query *Query) (library.Call, nvml.Return) {
	s.Has = [len(Metrics)]bool{}
	if call, ret := s.allocate(); ret != nvml.SUCCESS {
		return call, ret
	}
	if call, ret := s.sample(device, gpuInstance); ret != nvml.SUCCESS {
		return call, ret
	}
	fresh := s.spare
	s.spare, s.last = s.last, fresh
	if !s.sampled {
		s.sampled = true
		return library.CallNone, nvml.SUCCESS
	}
	return s.compare(query)
}

func (s *Sampler) allocate() (library.Call, nvml.Return) {
	for _, sample := range []*nvml.GpmSample{&s.last, &s.spare} {
		if *sample != nil {
			continue
		}
		s.Meter.Begin(library.CallGPMAlloc)
		allocated, ret := s.NVML.GpmSampleAlloc()
		if s.Meter.End(ret) != nvml.SUCCESS {
			return library.CallGPMAlloc, ret
		}
		*sample = allocated
	}
	return library.CallNone, nvml.SUCCESS
}

func (s *Sampler) sample(device nvml.Device, gpuInstance int) (library.Call, nvml.Return) {
	if gpuInstance < 0 {
		s.Meter.Begin(library.CallGPMSample)
		return library.CallGPMSample, s.Meter.End(s.NVML.GpmSampleGet(device, s.spare))
	}
	s.Meter.Begin(library.CallGPMMIGSample)
	return library.CallGPMMIGSample, s.Meter.End(s.NVML.GpmMigSampleGet(device, gpuInstance, s.spare))
}

func (s *Sampler) compare(query *Query) (library.Call, nvml.Return) {
	query.NumMetrics, query.Sample1, query.Sample2 = 0, s.spare, s.last
	var asked [len(Metrics)]uint8
	for i := range Metrics {
		if !s.bad[i] {
			asked[query.NumMetrics] = uint8(i)
			query.Metrics[query.NumMetrics] = nvml.GpmMetric{MetricId: uint32(Metrics[i].ID)}
			query.NumMetrics++
		}
	}
	if query.NumMetrics == 0 {
		return library.CallGPMMetrics, nvml.ERROR_NOT_SUPPORTED
	}
	s.Meter.Begin(library.CallGPMMetrics)
	if ret := s.Meter.End(s.NVML.GpmMetricsGet(query)); ret != nvml.SUCCESS {
		return library.CallGPMMetrics, ret
	}
	for n := range asked[:query.NumMetrics] {
		result, i := &query.Metrics[n], asked[n]
		switch library.ClassOf(nvml.Return(result.NvmlReturn)) {
		case library.ClassOK:
			s.Share[i], s.Has[i] = share(result.Value)
			if !s.Has[i] {
				s.Meter.Fault()
			}
		case library.ClassUnsupported:
			s.bad[i] = true
		default:
			s.Meter.Fault()
		}
	}
	return library.CallNone, nvml.SUCCESS
}

func share(percentage float64) (float64, bool) {
	if math.IsNaN(percentage) || percentage < 0 || percentage > 100+overshoot {
		return 0, false
	}
	return min(percentage/100, 1), true
}

// Retry asks for all metrics again, and keeps the last sample.
func (s *Sampler) Retry() { s.bad = [len(Metrics)]bool{} }

// Forget drops the last sample: the next Read begins anew, and asks for all metrics.
func (s *Sampler) Forget() {
	s.sampled, s.bad, s.Has = false, [len(Metrics)]bool{}, [len(Metrics)]bool{}
}

// Close frees the samples; NVML must still be initialised.
func (s *Sampler) Close() {
	for _, sample := range []*nvml.GpmSample{&s.last, &s.spare} {
		if *sample == nil {
			continue
		}
		s.Meter.Begin(library.CallGPMFree)
		_ = s.Meter.End(s.NVML.GpmSampleFree(*sample))
		*sample = nil
	}
	s.sampled = false
}

// Available tells whether the library has all that Read calls.
func Available(symbols *library.Symbols, mig bool) (library.Call, bool) {
	calls := [...]library.Call{library.CallGPMAlloc, library.CallGPMFree, library.CallGPMMetrics, library.CallGPMSample}
	if mig {
		calls[3] = library.CallGPMMIGSample
	}
	for _, call := range calls {
		if !symbols.Has(call) {
			return call, false
		}
	}
	return library.CallNone, true
}
