//go:build linux && cgo

package reading

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

var start = time.Unix(1_700_000_000, 0)

// board is a GPU of mocks, busy at a half: every call answers, fields by their table.
type board struct {
	*mock.Device
	fields map[uint32]nvml.FieldValue
	asked  [][]uint32 // the fields of each nvmlDeviceGetFieldValues
}

func long(v uint64) nvml.FieldValue {
	f := nvml.FieldValue{ValueType: uint32(nvml.VALUE_TYPE_UNSIGNED_LONG_LONG)}
	binary.NativeEndian.PutUint64(f.Value[:], v)
	return f
}

func short(v uint32) nvml.FieldValue {
	f := nvml.FieldValue{ValueType: uint32(nvml.VALUE_TYPE_UNSIGNED_INT)}
	binary.NativeEndian.PutUint32(f.Value[:], v)
	return f
}

func failed(ret nvml.Return) nvml.FieldValue { return nvml.FieldValue{NvmlReturn: uint32(ret)} }

func newBoard() *board {
	b := &board{Device: &mock.Device{}, fields: map[uint32]nvml.FieldValue{}}
	for i := range fields {
		b.fields[uint32(fields[i].field)] = long(0)
	}
	b.fields[nvml.FI_DEV_TOTAL_ENERGY_CONSUMPTION] = long(5_000_000)
	b.fields[nvml.FI_DEV_POWER_INSTANT] = short(300_000)
	b.fields[nvml.FI_DEV_MEMORY_TEMP] = short(60)
	b.fields[nvml.FI_DEV_PCIE_COUNT_TX_BYTES] = short(1000)
	b.fields[nvml.FI_DEV_PCIE_COUNT_RX_BYTES] = short(1000)
	b.fields[nvml.FI_DEV_NVLINK_LINK_COUNT] = short(2)
	b.GetFieldValuesFunc = func(values []nvml.FieldValue) nvml.Return {
		ids := make([]uint32, len(values))
		for i := range values {
			ids[i] = values[i].FieldId
			answer, ok := b.fields[values[i].FieldId]
			if !ok {
				answer = failed(nvml.ERROR_NOT_SUPPORTED)
			}
			answer.FieldId, answer.ScopeId = values[i].FieldId, values[i].ScopeId
			values[i] = answer
		}
		b.asked = append(b.asked, ids)
		return nvml.SUCCESS
	}
	b.identity()
	b.usage()
	b.rest()
	return b
}

func text(s string) func() (string, nvml.Return) {
	return func() (string, nvml.Return) { return s, nvml.SUCCESS }
}

func (b *board) identity() {
	b.GetNameFunc, b.GetSerialFunc, b.GetVbiosVersionFunc = text("NVIDIA H100 80GB HBM3"), text("1650123"), text("96.00.89.00.01")
	b.GetPciInfoFunc = func() (nvml.PciInfo, nvml.Return) {
		var p nvml.PciInfo
		for i, c := range []byte("00000000:3B:00.0") {
			p.BusId[i] = int8(c)
		}
		return p, nvml.SUCCESS
	}
	b.GetMinorNumberFunc = func() (int, nvml.Return) { return 3, nvml.SUCCESS }
	b.GetArchitectureFunc = func() (nvml.DeviceArchitecture, nvml.Return) { return nvml.DEVICE_ARCH_HOPPER, nvml.SUCCESS }
	b.GetBrandFunc = func() (nvml.BrandType, nvml.Return) { return nvml.BRAND_NVIDIA, nvml.SUCCESS }
	b.GetCudaComputeCapabilityFunc = func() (int, int, nvml.Return) { return 9, 0, nvml.SUCCESS }
	b.GetVirtualizationModeFunc = func() (nvml.GpuVirtualizationMode, nvml.Return) {
		return nvml.GPU_VIRTUALIZATION_MODE_PASSTHROUGH, nvml.SUCCESS
	}
	b.GetMigModeFunc = func() (int, int, nvml.Return) { return 0, 0, nvml.ERROR_NOT_SUPPORTED }
}

func (b *board) usage() {
	b.GetSamplesFunc = func(_ nvml.SamplingType, seen uint64) (nvml.ValueType, []nvml.Sample, nvml.Return) {
		samples := make([]nvml.Sample, 4) // the last two are not filled in: go-nvml does not trim
		for i := range 2 {
			samples[i].TimeStamp = max(seen, uint64(start.UnixMicro())) + uint64(i+1)*1000
			binary.NativeEndian.PutUint32(samples[i].SampleValue[:], uint32(40+20*i))
		}
		return nvml.VALUE_TYPE_UNSIGNED_INT, samples, nvml.SUCCESS
	}
	b.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 70, Memory: 30}, nvml.SUCCESS }
	b.GetEncoderUtilizationFunc = func() (uint32, uint32, nvml.Return) { return 11, 0, nvml.SUCCESS }
	b.GetDecoderUtilizationFunc = func() (uint32, uint32, nvml.Return) { return 12, 0, nvml.SUCCESS }
	b.GetMemoryInfo_v2Func = func() (nvml.Memory_v2, nvml.Return) {
		return nvml.Memory_v2{Total: 80 << 30, Used: 10 << 30, Free: 69 << 30, Reserved: 1 << 30}, nvml.SUCCESS
	}
	b.GetMemoryInfoFunc = func() (nvml.Memory, nvml.Return) {
		return nvml.Memory{Total: 80 << 30, Used: 11 << 30, Free: 69 << 30}, nvml.SUCCESS
	}
	lists := func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{{Pid: 7, UsedGpuMemory: 1 << 30, GpuInstanceId: ^uint32(0), ComputeInstanceId: ^uint32(0)}}, nvml.SUCCESS
	}
	b.GetMPSComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.ERROR_NOT_SUPPORTED }
	b.GetComputeRunningProcessesFunc, b.GetGraphicsRunningProcessesFunc = lists, lists
	b.GetProcessUtilizationFunc = func(seen uint64) ([]nvml.ProcessUtilizationSample, nvml.Return) {
		return []nvml.ProcessUtilizationSample{{Pid: 7, TimeStamp: max(seen, uint64(start.UnixMicro())) + 1000, SmUtil: 50}}, nvml.SUCCESS
	}
}

func milliwatts(v uint32) func() (uint32, nvml.Return) {
	return func() (uint32, nvml.Return) { return v, nvml.SUCCESS }
}

func (b *board) rest() {
	b.GetPowerUsageFunc, b.GetEnforcedPowerLimitFunc, b.GetPowerManagementDefaultLimitFunc = milliwatts(250_000), milliwatts(700_000), milliwatts(700_000)
	b.GetPowerManagementLimitConstraintsFunc = func() (uint32, uint32, nvml.Return) { return 200_000, 700_000, nvml.SUCCESS }
	b.GetTotalEnergyConsumptionFunc = func() (uint64, nvml.Return) { return 6_000_000, nvml.SUCCESS }
	b.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 50, nvml.SUCCESS }
	b.GetTemperatureThresholdFunc = func(nvml.TemperatureThresholds) (uint32, nvml.Return) { return 90, nvml.SUCCESS }
	b.GetNumFansFunc = func() (int, nvml.Return) { return 2, nvml.SUCCESS }
	b.GetFanSpeed_v2Func = func(int) (uint32, nvml.Return) { return 45, nvml.SUCCESS }
	b.GetFanSpeedFunc = func() (uint32, nvml.Return) { return 45, nvml.SUCCESS }
	b.GetClockInfoFunc = func(nvml.ClockType) (uint32, nvml.Return) { return 1980, nvml.SUCCESS }
	b.GetCurrentClocksEventReasonsFunc = func() (uint64, nvml.Return) { return 1 << nvmlwire.ReasonSWPowerCap, nvml.SUCCESS }
	b.GetCurrPcieLinkGenerationFunc = func() (int, nvml.Return) { return 5, nvml.SUCCESS }
	b.GetCurrPcieLinkWidthFunc = func() (int, nvml.Return) { return 16, nvml.SUCCESS }
	b.GetNvLinkStateFunc = func(int) (nvml.EnableState, nvml.Return) { return nvml.FEATURE_ENABLED, nvml.SUCCESS }
	b.GetPerformanceStateFunc = func() (nvml.Pstates, nvml.Return) { return nvml.PSTATE_0, nvml.SUCCESS }
	b.GetTotalEccErrorsFunc = func(nvml.MemoryErrorType, nvml.EccCounterType) (uint64, nvml.Return) { return 4, nvml.SUCCESS }
	b.GetPcieReplayCounterFunc = func() (int, nvml.Return) { return 6, nvml.SUCCESS }
	b.GetRemappedRowsFunc = func() (int, int, bool, bool, nvml.Return) { return 1, 2, true, false, nvml.SUCCESS }
	b.GpmQueryDeviceSupportFunc = func() (nvml.GpmSupport, nvml.Return) { return nvml.GpmSupport{}, nvml.SUCCESS }
}

// reader is a GPU over a board, and its counts.
func reader(b *board, change ...func(*Options)) (*GPU, *library.Counts) {
	options := Options{Want: nvmlwire.GroupsAll, Sampling: 100 * time.Millisecond, MaxProcesses: 64}
	for _, c := range change {
		c(&options)
	}
	counts := &library.Counts{}
	symbols := library.Probe(func(string) bool { return true })
	g := New(&mock.Interface{}, "GPU-1", options, start)
	g.Attach(b, library.NewMeter(symbols, counts), &atomic.Bool{})
	return g, counts
}

// lacking is a reader whose library lacks some symbols.
func lacking(b *board, missing ...string) *GPU {
	g, counts := reader(b)
	g.meter = library.NewMeter(library.Probe(func(name string) bool {
		for _, m := range missing {
			if m == name {
				return false
			}
		}
		return true
	}), counts)
	return g
}

func find(d *nvmlwire.Device, id nvmlwire.ReadingID, sub uint16) (nvmlwire.Reading, bool) {
	for _, r := range d.Readings {
		if r.ID == id && r.Sub == sub {
			return r, true
		}
	}
	return nvmlwire.Reading{}, false
}
