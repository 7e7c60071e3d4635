//go:build linux && cgo

package reading

import (
	"math"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const (
	notSupported = nvml.ERROR_NOT_SUPPORTED
	absent       = math.MaxFloat64
)

// TestReadings has, per case, what the board does otherwise and what is read then: a value, absent, or the code of the absence.
func TestReadings(t *testing.T) {
	type want struct {
		id    nvmlwire.ReadingID
		sub   uint16
		value float64 // of a gauge, or a counter as a number
		code  int32
	}
	gone := func(id nvmlwire.ReadingID, code int32) want { return want{id: id, value: absent, code: code} }
	cases := map[string]struct {
		change func(*board)
		want   []want
	}{
		"all well": {func(*board) {}, []want{
			{id: nvmlwire.UtilizationGPU, value: 0.5},
			{id: nvmlwire.MemoryUsed, value: 10 << 30},
			{id: nvmlwire.EnergyMeter, value: 5_000_000},
			{id: nvmlwire.PowerInstant, value: 300},
			{id: nvmlwire.PowerLimit, sub: nvmlwire.LimitMin, value: 200},
			{id: nvmlwire.Temperature, sub: nvmlwire.SensorMemory, value: 60},
			{id: nvmlwire.TemperatureLimit, sub: nvmlwire.LimitSlowdown, value: 90},
			{id: nvmlwire.FanSpeed, sub: 1, value: 0.45},
			{id: nvmlwire.Clock, sub: nvmlwire.DomainSM, value: 1980e6},
			{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonSWPowerCap, value: 1},
			{id: nvmlwire.ThrottleActive, sub: nvmlwire.ReasonIdle, value: 0},
			gone(nvmlwire.EnergyFromPower, 0),
			{id: nvmlwire.NVLinkState, sub: 1, value: 1},
			gone(nvmlwire.PipeBusy, 3),
		}},
		"no meter in the fields": {func(b *board) { b.fields[83] = failed(notSupported) }, []want{{id: nvmlwire.EnergyMeter, value: 6_000_000}}},
		"no meter at all": {func(b *board) {
			b.fields[83] = failed(notSupported)
			b.GetTotalEnergyConsumptionFunc = func() (uint64, nvml.Return) { return 0, notSupported }
		}, []want{gone(nvmlwire.EnergyMeter, 3), {id: nvmlwire.EnergyFromPower, value: 0}}},
		"a meter that does not answer is a meter": {func(b *board) {
			b.fields[83] = failed(nvml.ERROR_TIMEOUT)
			b.GetTotalEnergyConsumptionFunc = func() (uint64, nvml.Return) { return 0, nvml.ERROR_TIMEOUT }
		}, []want{gone(nvmlwire.EnergyMeter, 10), gone(nvmlwire.EnergyFromPower, 0)}},
		"power by its own call": {func(b *board) { b.fields[186] = failed(nvml.ERROR_INVALID_ARGUMENT) }, []want{{id: nvmlwire.PowerInstant, value: 250}}},
		"power of 4.3 MW": {func(b *board) {
			b.fields[186] = short(math.MaxUint32)
			b.GetPowerUsageFunc = milliwatts(math.MaxUint32)
		}, []want{gone(nvmlwire.PowerInstant, -1)}},
		"utilisation of 4e9":     {func(b *board) { b.GetSamplesFunc = overfull; b.GetUtilizationRatesFunc = overfullRates }, []want{gone(nvmlwire.UtilizationGPU, -1)}},
		"idle buffers are empty": {func(b *board) { b.GetSamplesFunc = noSamples(nvml.ERROR_NOT_FOUND) }, []want{{id: nvmlwire.UtilizationGPU, value: 0.7}, {id: nvmlwire.UtilizationMemory, value: 0.3}, {id: nvmlwire.UtilizationEncoder, value: 0.11}}},
		"no utilisation": {func(b *board) {
			b.GetSamplesFunc = noSamples(notSupported)
			b.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{}, notSupported }
		}, []want{gone(nvmlwire.UtilizationGPU, 3), gone(nvmlwire.UtilizationMemory, 3), {id: nvmlwire.UtilizationDecoder, value: 0.12}}},
		"more memory used than there is": {func(b *board) {
			b.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
				return nvml.Memory_v2{Total: 1, Used: 2}, nvml.SUCCESS
			}
		}, []want{gone(nvmlwire.MemoryUsed, -1), gone(nvmlwire.MemoryTotal, -1)}},
		"memory that does not answer": {func(b *board) {
			b.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) { return nvml.Memory_v2{}, nvml.ERROR_IN_USE }
		}, []want{gone(nvmlwire.MemoryUsed, 19)}},
		"temperature below zero": {func(b *board) {
			b.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return ^uint32(4), nvml.SUCCESS }
		}, []want{{id: nvmlwire.Temperature, value: -5}}},
		"temperature of 2^31": {func(b *board) {
			b.fields[82] = short(1 << 31)
			b.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 1 << 31, nvml.SUCCESS }
		}, []want{gone(nvmlwire.Temperature, -1)}},
		"limits are margins": {func(b *board) {
			b.GetTemperatureThresholdFunc = func(nvml.TemperatureThresholds) (uint32, nvml.Return) { return 0, notSupported }
			b.GetMarginTemperatureFunc = func() (nvml.MarginTemperature, nvml.Return) {
				return nvml.MarginTemperature{MarginTemperature: 37}, nvml.SUCCESS
			}
			b.fields[193], b.fields[194], b.fields[196] = short(^uint32(7)), short(^uint32(1)), short(0) // -8, -2, 0
		}, []want{
			{id: nvmlwire.TemperatureLimit, sub: nvmlwire.LimitShutdown, value: 95},
			{id: nvmlwire.TemperatureLimit, sub: nvmlwire.LimitSlowdown, value: 89},
			{id: nvmlwire.TemperatureLimit, sub: nvmlwire.LimitGPUMax, value: 87},
		}},
		"a fan of 250 %": {func(b *board) { b.GetFanSpeed_v2Func = func(int) (uint32, nvml.Return) { return 250, nvml.SUCCESS } }, []want{gone(nvmlwire.FanSpeed, -1)}},
		"no fans":        {func(b *board) { b.GetNumFansFunc = func() (int, nvml.Return) { return 0, nvml.SUCCESS } }, []want{gone(nvmlwire.FanSpeed, 3)}},
		"errors of counters": {func(b *board) {
			b.fields[3], b.fields[4], b.fields[94] = failed(notSupported), long(math.MaxUint64), failed(notSupported)
		}, []want{{id: nvmlwire.ECCCorrected, value: 4}, {id: nvmlwire.ECCUncorrected, value: 4}, {id: nvmlwire.PCIeReplay, value: 6}}},
		"remapped rows by their own call": {func(b *board) {
			b.fields[142], b.fields[143], b.fields[144], b.fields[145] = failed(notSupported), failed(notSupported), failed(notSupported), failed(notSupported)
		}, []want{{id: nvmlwire.RemappedRows, sub: nvmlwire.UncorrectedErrors, value: 2}, {id: nvmlwire.RemapPending, value: 1}}},
		"NVLink of older boards, in KiB": {func(b *board) { b.fields[138] = long(3) }, []want{{id: nvmlwire.NVLinkSent, value: 3072}}},
		"NVLink 5, link by link": {func(b *board) {
			b.fields[138], b.fields[202], b.fields[206] = failed(notSupported), long(10), long(2)
		}, []want{{id: nvmlwire.NVLinkSent, value: 20}, {id: nvmlwire.NVLinkErrors, sub: nvmlwire.LinkMalformed, value: 4}}},
		"an unknown performance state": {func(b *board) {
			b.GetPerformanceStateFunc = func() (nvml.Pstates, nvml.Return) { return nvml.PSTATE_UNKNOWN, nvml.SUCCESS }
		}, []want{gone(nvmlwire.PerformanceState, -1)}},
		"clock of all ones": {func(b *board) {
			b.GetClockInfoFunc = func(nvml.ClockType) (uint32, nvml.Return) { return ^uint32(0), nvml.SUCCESS }
		}, []want{gone(nvmlwire.Clock, -1)}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBoard()
			tc.change(b)
			g, _ := reader(b)
			d, _ := g.Collect(0, start)
			require.Equal(t, nvmlwire.StateOK, d.State, d.Detail)
			for _, w := range tc.want {
				r, ok := find(d, w.id, w.sub)
				if w.value == absent {
					assert.False(t, ok, "reading %d.%d", w.id, w.sub)
					if w.code != 0 {
						assert.Equal(t, w.code, whyAbsent(d, w.id), "reading %d", w.id)
					}
					continue
				}
				require.True(t, ok, "reading %d.%d", w.id, w.sub)
				got := r.Float()
				if isCounter(w.id) {
					got = float64(r.Bits)
				}
				assert.InDelta(t, w.value, got, 1e-9*math.Abs(w.value)+1e-9, "reading %d.%d", w.id, w.sub)
			}
		})
	}
}

func isCounter(id nvmlwire.ReadingID) bool {
	switch id {
	case nvmlwire.EnergyMeter, nvmlwire.ECCCorrected, nvmlwire.ECCUncorrected, nvmlwire.PCIeReplay, nvmlwire.NVLinkSent, nvmlwire.NVLinkErrors, nvmlwire.PCIeSent:
		return true
	default:
		return false
	}
}

func whyAbsent(d *nvmlwire.Device, id nvmlwire.ReadingID) int32 {
	for _, a := range d.Absent {
		if a.ID == id {
			return a.Code
		}
	}
	return 0
}

func overfull(nvml.SamplingType, uint64) (nvml.ValueType, []nvml.Sample, nvml.Return) {
	v := short(4_000_000_000)
	return nvml.VALUE_TYPE_UNSIGNED_INT, []nvml.Sample{{TimeStamp: uint64(start.UnixMicro()), SampleValue: v.Value}}, nvml.SUCCESS
}

func overfullRates() (nvml.Utilization, nvml.Return) {
	return nvml.Utilization{Gpu: 4_000_000_000, Memory: 4_000_000_000}, nvml.SUCCESS
}

func noSamples(ret nvml.Return) func(nvml.SamplingType, uint64) (nvml.ValueType, []nvml.Sample, nvml.Return) {
	return func(nvml.SamplingType, uint64) (nvml.ValueType, []nvml.Sample, nvml.Return) { return 0, nil, ret }
}

func TestUnsupportedIsNotAskedAgain(t *testing.T) {
	b := newBoard()
	b.fields[186] = failed(notSupported)
	b.GetFanSpeed_v2Func = func(int) (uint32, nvml.Return) { return 0, notSupported }
	b.GetFanSpeedFunc = func() (uint32, nvml.Return) { return 0, notSupported }
	g, counts := reader(b)
	for range relearnEvery {
		d, _ := g.Collect(0, start)
		assert.Equal(t, int32(3), whyAbsent(d, nvmlwire.FanSpeed))
	}
	assert.Len(t, b.GetFanSpeedCalls(), 1)
	assert.Len(t, b.GetFanSpeed_v2Calls(), 1)
	assert.Len(t, b.GetPowerUsageCalls(), relearnEvery)
	asked := 0
	for _, ids := range b.asked {
		for _, id := range ids {
			if id == nvml.FI_DEV_POWER_INSTANT {
				asked++
			}
		}
	}
	assert.Equal(t, 1, asked)
	assert.Zero(t, counts.Errors.Load(), "not supported is no error")
	g.Collect(0, start)
	assert.Len(t, b.GetFanSpeedCalls(), 2, "modes change: asked again, rarely")
}

func TestTransientIsAskedAgain(t *testing.T) {
	b := newBoard()
	ret := nvml.ERROR_TIMEOUT
	b.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 50, ret }
	b.fields[82] = failed(notSupported)
	g, counts := reader(b)
	d, _ := g.Collect(0, start)
	assert.Equal(t, int32(nvml.ERROR_TIMEOUT), whyAbsent(d, nvmlwire.Temperature))
	assert.NotZero(t, counts.Errors.Load())
	ret = nvml.SUCCESS
	d, _ = g.Collect(0, start)
	_, ok := find(d, nvmlwire.Temperature, 0)
	assert.True(t, ok)
}

func TestADriverThatRefusesTheWholeBatch(t *testing.T) {
	b := newBoard()
	answer := b.GetFieldValuesFunc
	b.GetFieldValuesFunc = func(values []nvml.FieldValue) nvml.Return {
		for i := range values {
			if values[i].FieldId > 150 {
				return nvml.ERROR_INVALID_ARGUMENT
			}
		}
		return answer(values)
	}
	g, _ := reader(b)
	d, _ := g.Collect(0, start)
	energy, ok := find(d, nvmlwire.EnergyMeter, 0)
	require.True(t, ok)
	assert.Equal(t, uint64(5_000_000), energy.Bits)
	calls := len(b.GetFieldValuesCalls())
	g.Collect(0, start)
	assert.Len(t, b.GetFieldValuesCalls(), calls+1, "from then on all at once, without what it refuses")
}

func TestMissingSymbols(t *testing.T) {
	b := newBoard()
	b.GetCurrentClocksThrottleReasonsFunc = func() (uint64, nvml.Return) { return 1, nvml.SUCCESS }
	b.GetFieldValuesFunc, b.GetCurrentClocksEventReasonsFunc, b.GetMemoryInfo_v2Func = nil, nil, nil // a call panics
	b.GetSamplesFunc, b.GetPerformanceStateFunc, b.GetNumFansFunc = nil, nil, nil
	g := lacking(b, "nvmlDeviceGetFieldValues", "nvmlDeviceGetCurrentClocksEventReasons", "nvmlDeviceGetMemoryInfo_v2", "nvmlDeviceGetSamples",
		"nvmlDeviceGetPerformanceState", "nvmlDeviceGetNumFans")
	d, _ := g.Collect(0, start)
	require.Equal(t, nvmlwire.StateOK, d.State)
	assert.Contains(t, d.Absent, nvmlwire.Absence{ID: nvmlwire.PerformanceState, Detail: "nvmlDeviceGetPerformanceState"})
	assert.Contains(t, d.Absent, nvmlwire.Absence{ID: nvmlwire.RecoveryAction, Detail: "nvmlDeviceGetFieldValues"})
	for _, id := range []nvmlwire.ReadingID{nvmlwire.MemoryUsed, nvmlwire.UtilizationGPU, nvmlwire.PowerInstant, nvmlwire.EnergyMeter, nvmlwire.ThrottleActive, nvmlwire.FanSpeed} {
		_, ok := find(d, id, 0)
		assert.True(t, ok, "reading %d", id)
	}
	used, _ := find(d, nvmlwire.MemoryUsed, 0)
	assert.InDelta(t, 11<<30, used.Float(), 0)
}

func TestStates(t *testing.T) {
	all := func(ret nvml.Return) func(*board) {
		return func(b *board) { failAll(b, ret) }
	}
	cases := map[string]struct {
		change func(*board)
		want   nvmlwire.DeviceState
		calls  int // at most
	}{
		"lost":                  {all(nvml.ERROR_GPU_IS_LOST), nvmlwire.StateLost, 1},
		"unknown on every call": {all(nvml.ERROR_UNKNOWN), nvmlwire.StateUnknown, hopeless},
		"one unknown":           {func(b *board) { b.fields[82] = failed(nvml.ERROR_UNKNOWN) }, nvmlwire.StateOK, 1000},
		"reset required":        {func(b *board) { b.fields[82] = failed(nvml.ERROR_RESET_REQUIRED) }, nvmlwire.StateReset, 1000},
		"any other failure":     {all(nvml.ERROR_IRQ_ISSUE), nvmlwire.StateError, 1000},
		"all is not supported":  {all(notSupported), nvmlwire.StateOK, 1000},
		"driver replaced":       {all(nvml.ERROR_LIB_RM_VERSION_MISMATCH), nvmlwire.StateError, 1},
		"lost says one field":   {func(b *board) { b.fields[82] = failed(nvml.ERROR_GPU_IS_LOST) }, nvmlwire.StateLost, 1000},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBoard()
			tc.change(b)
			g, counts := reader(b)
			d, _ := g.Collect(2, start)
			assert.Equal(t, tc.want, d.State)
			assert.LessOrEqual(t, counts.Calls.Load(), uint64(tc.calls))
			assert.Equal(t, 2, d.Info.Index)
			if tc.want != nvmlwire.StateOK {
				assert.NotEmpty(t, d.Detail)
			}
		})
	}
}

// TestComesBack: what was known before it went is still known after.
func TestComesBack(t *testing.T) {
	b := newBoard()
	g, _ := reader(b)
	d, _ := g.Collect(0, start)
	before := d.Info
	lost := newBoard()
	failAll(lost, nvml.ERROR_GPU_IS_LOST)
	g.device = lost
	d, _ = g.Collect(0, start.Add(time.Second))
	assert.Equal(t, before, d.Info)
	assert.Empty(t, d.Absent, "it is not the readings that are absent")
	g.device = b
	d, _ = g.Collect(0, start.Add(2*time.Second))
	assert.Equal(t, nvmlwire.StateOK, d.State)
	assert.Equal(t, before, d.Info)
}

func TestTicks(t *testing.T) {
	b := newBoard()
	b.GetSamplesFunc = noSamples(notSupported)
	g, _ := reader(b)
	at := start
	g.Tick(at) // nothing is learned yet: nothing is asked
	require.Empty(t, b.asked)
	g.Collect(0, at)
	for i := range 10 {
		at = at.Add(100 * time.Millisecond)
		b.fields[186] = short(uint32(200_000 + 100_000*(i%2)))
		b.fields[197] = short(uint32(uint64(1000) + uint64(i+1)<<31)) // wraps at every second tick
		b.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) {
			return nvml.Utilization{Gpu: uint32(100 * (i % 2)), Memory: 10}, nvml.SUCCESS
		}
		g.Tick(at)
	}
	b.fields[186] = short(150_000)
	d, _ := g.Collect(0, at)
	for _, w := range []struct {
		id   nvmlwire.ReadingID
		want float64
	}{{nvmlwire.PowerInstant, 150}, {nvmlwire.PowerPeak, 300}, {nvmlwire.UtilizationGPU, 0.5}, {nvmlwire.UtilizationMemory, 0.1}} {
		r, ok := find(d, w.id, 0)
		require.True(t, ok)
		assert.InDelta(t, w.want, r.Float(), 1e-9, "reading %d", w.id)
	}
	sent, _ := find(d, nvmlwire.PCIeSent, 0)
	assert.Equal(t, uint64(10)<<31, sent.Bits)
}

func TestShortCountersNeedSampling(t *testing.T) {
	b := newBoard()
	g, _ := reader(b, func(o *Options) { o.Sampling = 0 })
	d, _ := g.Collect(0, start)
	_, ok := find(d, nvmlwire.PCIeSent, 0)
	assert.False(t, ok, "32 bits wrap unseen between collections")
	b.fields[197] = long(1)
	g.Relearn()
	g.Collect(0, start)
	b.fields[197] = long(1001)
	d, _ = g.Collect(0, start.Add(time.Minute))
	sent, ok := find(d, nvmlwire.PCIeSent, 0)
	require.True(t, ok)
	assert.Equal(t, uint64(1000), sent.Bits)
}

func TestNoMoreCallsOnceNobodyWaits(t *testing.T) {
	b := newBoard()
	g, counts := reader(b)
	answer := b.GetTemperatureFunc
	b.GetTemperatureFunc = func(s nvml.TemperatureSensors) (uint32, nvml.Return) {
		g.halt.Store(true)
		return answer(s)
	}
	g.Collect(0, start)
	stopped := counts.Calls.Load()
	assert.Empty(t, b.GetClockInfoCalls())
	g.Tick(start)
	assert.Equal(t, stopped, counts.Calls.Load())
}

func failAll(b *board, ret nvml.Return) {
	u32 := func() (uint32, nvml.Return) { return 0, ret }
	str := func() (string, nvml.Return) { return "", ret }
	b.GetNameFunc, b.GetSerialFunc, b.GetVbiosVersionFunc = str, str, str
	b.GetPciInfoFunc = func() (nvml.PciInfo, nvml.Return) { return nvml.PciInfo{}, ret }
	b.GetMinorNumberFunc = func() (int, nvml.Return) { return 0, ret }
	b.GetArchitectureFunc = func() (nvml.DeviceArchitecture, nvml.Return) { return 0, ret }
	b.GetBrandFunc = func() (nvml.BrandType, nvml.Return) { return 0, ret }
	b.GetCudaComputeCapabilityFunc = func() (int, int, nvml.Return) { return 0, 0, ret }
	b.GetVirtualizationModeFunc = func() (nvml.GpuVirtualizationMode, nvml.Return) { return 0, ret }
	b.GetMigModeFunc = func() (int, int, nvml.Return) { return 0, 0, ret }
	b.GetFieldValuesFunc = func([]nvml.FieldValue) nvml.Return { return ret }
	b.GetSamplesFunc = noSamples(ret)
	b.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{}, ret }
	engine := func() (uint32, uint32, nvml.Return) { return 0, 0, ret }
	b.GetEncoderUtilizationFunc, b.GetDecoderUtilizationFunc, b.GetPowerManagementLimitConstraintsFunc = engine, engine, engine
	b.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) { return nvml.Memory_v2{}, ret }
	b.GetMemoryInfoFunc = func() (nvml.Memory, nvml.Return) { return nvml.Memory{}, ret }
	lists := func() ([]nvml.ProcessInfo, nvml.Return) { return nil, ret }
	b.GetMPSComputeRunningProcessesFunc, b.GetComputeRunningProcessesFunc, b.GetGraphicsRunningProcessesFunc = lists, lists, lists
	b.GetProcessUtilizationFunc = func(uint64) ([]nvml.ProcessUtilizationSample, nvml.Return) { return nil, ret }
	b.GetPowerUsageFunc, b.GetEnforcedPowerLimitFunc, b.GetPowerManagementDefaultLimitFunc, b.GetFanSpeedFunc = u32, u32, u32, u32
	u64 := func() (uint64, nvml.Return) { return 0, ret }
	b.GetTotalEnergyConsumptionFunc, b.GetCurrentClocksEventReasonsFunc = u64, u64
	b.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 0, ret }
	b.GetTemperatureThresholdFunc = func(nvml.TemperatureThresholds) (uint32, nvml.Return) { return 0, ret }
	b.GetMarginTemperatureFunc = func() (nvml.MarginTemperature, nvml.Return) { return nvml.MarginTemperature{}, ret }
	whole := func() (int, nvml.Return) { return 0, ret }
	b.GetNumFansFunc, b.GetCurrPcieLinkGenerationFunc, b.GetCurrPcieLinkWidthFunc, b.GetPcieReplayCounterFunc = whole, whole, whole, whole
	b.GetFanSpeed_v2Func = func(int) (uint32, nvml.Return) { return 0, ret }
	b.GetClockInfoFunc = func(nvml.ClockType) (uint32, nvml.Return) { return 0, ret }
	b.GetNvLinkStateFunc = func(int) (nvml.EnableState, nvml.Return) { return 0, ret }
	b.GetPerformanceStateFunc = func() (nvml.Pstates, nvml.Return) { return 0, ret }
	b.GetTotalEccErrorsFunc = func(nvml.MemoryErrorType, nvml.EccCounterType) (uint64, nvml.Return) { return 0, ret }
	b.GetRemappedRowsFunc = func() (int, int, bool, bool, nvml.Return) { return 0, 0, false, false, ret }
	b.GpmQueryDeviceSupportFunc = func() (nvml.GpmSupport, nvml.Return) { return nvml.GpmSupport{}, ret }
}
