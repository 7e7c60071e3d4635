//go:build linux && cgo

package reading

import (
	"math"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/stretchr/testify/assert"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

func TestMeterGuard(t *testing.T) {
	type step struct {
		millijoules uint64
		after       time.Duration
		want        bool
	}
	const second = time.Second
	cases := map[string][]step{
		"grows":                         {{1e6, 0, true}, {1_700_000, second, true}, {2_400_000, second, true}},
		"reset":                         {{9e9, 0, true}, {500_000, second, true}, {1_200_000, second, true}},
		"jumps":                         {{1e6, 0, true}, {1e15, second, false}, {1_700_000, second, true}},
		"falls, but not to a new start": {{9e12, 0, true}, {8e12, second, false}, {7e12, second, false}, {6e12, second, false}, {5e12, second, false}},
		"the first reading was wrong":   {{5e15, 0, true}, {9e9, second, false}, {9e9 + 7e5, second, false}, {9e9 + 14e5, second, true}, {9e9 + 21e5, second, true}},
	}
	for name, steps := range cases {
		t.Run(name, func(t *testing.T) {
			var g meterGuard
			at := start
			for i, s := range steps {
				at = at.Add(s.after)
				assert.Equal(t, s.want, g.accept(s.millijoules, 700, at), "reading %d", i)
			}
		})
	}
}

// FuzzFieldsAreNeverAbsurd: whatever a field holds, what is passed on can be.
func FuzzFieldsAreNeverAbsurd(f *testing.F) {
	f.Add(uint32(nvml.VALUE_TYPE_UNSIGNED_INT), uint64(math.MaxUint32), uint32(0), uint32(77))
	f.Add(uint32(nvml.VALUE_TYPE_DOUBLE), math.Float64bits(math.NaN()), uint32(0), uint32(0))
	f.Add(uint32(nvml.VALUE_TYPE_SIGNED_LONG_LONG), uint64(math.MaxUint64), uint32(999), uint32(4e9))
	f.Add(uint32(200), uint64(1), uint32(15), uint32(1))
	f.Fuzz(func(t *testing.T, kind uint32, raw uint64, ret uint32, scalar uint32) {
		b := newBoard()
		value := long(raw)
		value.ValueType, value.NvmlReturn = kind, ret%1000
		for id := range b.fields {
			b.fields[id] = value
		}
		b.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return scalar, nvml.SUCCESS }
		b.GetClockInfoFunc = func(nvml.ClockType) (uint32, nvml.Return) { return scalar, nvml.SUCCESS }
		b.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) {
			return nvml.Utilization{Gpu: scalar, Memory: scalar}, nvml.SUCCESS
		}
		b.GetSamplesFunc = func(nvml.SamplingType, uint64) (nvml.ValueType, []nvml.Sample, nvml.Return) {
			return nvml.ValueType(kind), []nvml.Sample{{TimeStamp: uint64(scalar), SampleValue: value.Value}, {TimeStamp: raw, SampleValue: value.Value}}, nvml.SUCCESS
		}
		b.GetMarginTemperatureFunc = func() (nvml.MarginTemperature, nvml.Return) {
			return nvml.MarginTemperature{MarginTemperature: int32(scalar)}, nvml.SUCCESS
		}
		b.GetTemperatureThresholdFunc = func(nvml.TemperatureThresholds) (uint32, nvml.Return) { return scalar, nvml.SUCCESS }
		b.GetNvLinkStateFunc = func(int) (nvml.EnableState, nvml.Return) { return nvml.EnableState(scalar), nvml.SUCCESS }
		b.GetFanSpeed_v2Func = func(int) (uint32, nvml.Return) { return scalar, nvml.SUCCESS }
		g, _ := reader(b)
		for range 2 {
			d, _ := g.Collect(0, start)
			believe(t, d)
			g.Tick(start)
		}
	})
}

func believe(t *testing.T, d *nvmlwire.Device) {
	t.Helper()
	for i, r := range d.Readings {
		v := r.Float()
		low, high := 0.0, math.MaxFloat64
		switch r.ID {
		case nvmlwire.UtilizationGPU, nvmlwire.UtilizationMemory, nvmlwire.RemapPending, nvmlwire.RemapFailure, nvmlwire.NVLinkState, nvmlwire.RetirementPending:
			high = 1
		case nvmlwire.FanSpeed:
			high = 2
		case nvmlwire.Temperature:
			low, high = coldest, hottest
		case nvmlwire.TemperatureLimit:
			low, high = limitsLow, limitsHigh
		case nvmlwire.PowerInstant, nvmlwire.PowerPeak:
			high = highestPower
		case nvmlwire.Clock:
			high = mostMegahertz * megahertz
		}
		if math.IsNaN(v) || v < low || v > high {
			if !isCounter(r.ID) && r.ID != nvmlwire.ThrottleTime && r.ID != nvmlwire.PCIeErrors && r.ID != nvmlwire.PCIeReceived && r.ID != nvmlwire.NVLinkReceived && r.ID != nvmlwire.PCIeReplayRoll {
				t.Fatalf("reading %d.%d is %v", r.ID, r.Sub, v)
			}
		}
		if i > 0 && (d.Readings[i-1].ID > r.ID || (d.Readings[i-1].ID == r.ID && d.Readings[i-1].Sub >= r.Sub)) {
			t.Fatalf("reading %d.%d is out of order or twice", r.ID, r.Sub)
		}
	}
}

// BenchmarkCollect is what Go adds to the calls: the mocks answer at once.
func BenchmarkCollect(b *testing.B) {
	board := newBoard()
	g, counts := reader(board)
	now := start
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(10 * time.Second)
		g.Collect(0, now)
		board.asked = board.asked[:0]
	}
	b.ReportMetric(float64(counts.Calls.Load())/float64(b.N), "calls/op")
}

func BenchmarkTick(b *testing.B) {
	board := newBoard()
	g, _ := reader(board)
	now := start
	g.Collect(0, now)
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(100 * time.Millisecond)
		g.Tick(now)
		board.asked = board.asked[:0]
	}
}
