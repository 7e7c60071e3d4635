//go:build linux && cgo

package gpm_test

import (
	"math"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/stretchr/testify/assert"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/gpm"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
)

// monitor is GPM in mocks: what each metric gives, and how many samples are held.
type monitor struct {
	held    int
	values  map[nvml.GpmMetricId]float64
	codes   map[nvml.GpmMetricId]nvml.Return
	asked   int
	sampled []int // the GPU instance of each sample
}

func (m *monitor) library() *mock.Interface {
	return &mock.Interface{
		GpmSampleAllocFunc: func() (nvml.GpmSample, nvml.Return) { m.held++; return &mock.GpmSample{}, nvml.SUCCESS },
		GpmSampleFreeFunc:  func(nvml.GpmSample) nvml.Return { m.held--; return nvml.SUCCESS },
		GpmSampleGetFunc: func(nvml.Device, nvml.GpmSample) nvml.Return {
			m.sampled = append(m.sampled, -1)
			return nvml.SUCCESS
		},
		GpmMigSampleGetFunc: func(_ nvml.Device, gi int, _ nvml.GpmSample) nvml.Return {
			m.sampled = append(m.sampled, gi)
			return nvml.SUCCESS
		},
		GpmMetricsGetFunc: func(q *nvml.GpmMetricsGetType) nvml.Return {
			if q.Sample1 == q.Sample2 {
				return nvml.ERROR_INVALID_ARGUMENT
			}
			m.asked = int(q.NumMetrics)
			for i := range q.Metrics[:q.NumMetrics] {
				id := nvml.GpmMetricId(q.Metrics[i].MetricId)
				q.Metrics[i].Value, q.Metrics[i].NvmlReturn = m.values[id], uint32(m.codes[id])
			}
			return nvml.SUCCESS
		},
	}
}

func TestMeansBetweenTwoSamples(t *testing.T) {
	m := &monitor{
		values: map[nvml.GpmMetricId]float64{
			nvml.GPM_METRIC_SM_UTIL: 45, nvml.GPM_METRIC_SM_OCCUPANCY: math.NaN(), nvml.GPM_METRIC_ANY_TENSOR_UTIL: 100.4, nvml.GPM_METRIC_FP64_UTIL: 4e9,
		},
		codes: map[nvml.GpmMetricId]nvml.Return{nvml.GPM_METRIC_INTEGER_UTIL: nvml.ERROR_NOT_SUPPORTED, nvml.GPM_METRIC_FP16_UTIL: nvml.ERROR_TIMEOUT},
	}
	var counts library.Counts
	s := gpm.Sampler{NVML: m.library(), Meter: library.NewMeter(library.Probe(func(string) bool { return true }), &counts)}
	var query gpm.Query
	_, ret := s.Read(&mock.Device{}, -1, &query)
	assert.Equal(t, nvml.SUCCESS, ret)
	assert.NotContains(t, s.Has, true, "one sample is no interval")
	for range 2 {
		_, ret = s.Read(&mock.Device{}, -1, &query)
		assert.Equal(t, nvml.SUCCESS, ret)
		for i := range gpm.Metrics {
			switch gpm.Metrics[i].ID {
			case nvml.GPM_METRIC_SM_UTIL:
				assert.InDelta(t, 0.45, s.Share[i], 1e-9)
			case nvml.GPM_METRIC_ANY_TENSOR_UTIL:
				assert.InDelta(t, 1, s.Share[i], 0, "a little over 100 %% is 100 %%")
			case nvml.GPM_METRIC_SM_OCCUPANCY, nvml.GPM_METRIC_FP64_UTIL, nvml.GPM_METRIC_INTEGER_UTIL, nvml.GPM_METRIC_FP16_UTIL:
				assert.False(t, s.Has[i], "metric %d", gpm.Metrics[i].ID)
			default:
				assert.True(t, s.Has[i])
			}
		}
	}
	assert.Equal(t, len(gpm.Metrics)-1, m.asked, "what is not supported is not asked for again")
	assert.Equal(t, uint64(6), counts.Errors.Load(), "two absurd values and a timeout, twice")
	_, _ = s.Read(&mock.Device{}, 3, &query)
	assert.Equal(t, []int{-1, -1, -1, 3}, m.sampled)
	s.Close()
	assert.Zero(t, m.held, "all samples are freed")
	s.Close()
}

func TestAvailable(t *testing.T) {
	all := library.Probe(func(string) bool { return true })
	_, ok := gpm.Available(all, true)
	assert.True(t, ok)
	missing, ok := gpm.Available(library.Probe(func(n string) bool { return n != "nvmlGpmMigSampleGet" }), true)
	assert.False(t, ok)
	assert.Equal(t, library.CallGPMMIGSample, missing)
}
