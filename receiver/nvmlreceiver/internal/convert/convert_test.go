// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/golden"
	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/pdatatest/pmetrictest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func newConverter(t testing.TB, c testCase) (*Converter, *XIDs) {
	xids := NewXIDs(c.Limit)
	return New(Settings{
		Metrics: c.config(t), Receiver: receivertest.NewNopSettings(metadata.Type), Begun: seconds(900), Boot: boot, XIDs: xids,
	}), xids
}

// TestGolden runs the collections of each file in testdata and compares what comes out of each, start times and order included.
func TestGolden(t *testing.T) {
	require.Len(t, names, nvmlwire.ReadingCount)
	paths, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			c := load(t, path)
			converter, xids := newConverter(t, c)
			for i, step := range c.Steps {
				for _, x := range step.XIDs {
					require.True(t, xids.Add(x.GPU, x.Code, max(x.N, 1)))
				}
				snapshot := step.Snapshot.snapshot(t)
				compare(t, fmt.Sprintf("%s.%d.yaml", strings.TrimSuffix(path, ".json"), i+1), converter.Convert(&snapshot, step.Owners))
			}
		})
	}
}

func compare(t *testing.T, path string, actual pmetric.Metrics) {
	t.Helper()
	got, err := golden.MarshalMetricsYAML(actual)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	if string(want) == string(got) {
		unique(t, actual)
		return
	}
	// The same in another order is a difference, too: a new series is 0 first. What differs is told in words.
	expected, err := golden.ReadMetrics(path)
	require.NoError(t, err)
	assert.NoError(t, pmetrictest.CompareMetrics(expected, actual))
	assert.Equal(t, string(want), string(got))
}

// unique demands that no series has two points of one time.
func unique(t *testing.T, md pmetric.Metrics) {
	t.Helper()
	seen := map[string]bool{}
	require.LessOrEqual(t, md.ResourceMetrics().Len(), 1, "one resource")
	for _, rm := range md.ResourceMetrics().All() {
		require.Zero(t, rm.Resource().Attributes().Len())
		for _, m := range rm.ScopeMetrics().At(0).Metrics().All() {
			for _, p := range points(m).All() {
				key := fmt.Sprint(m.Name(), p.Timestamp(), p.Attributes().AsRaw())
				assert.False(t, seen[key], "twice: %s", key)
				seen[key] = true
				assert.LessOrEqual(t, p.StartTimestamp(), p.Timestamp(), key)
			}
		}
	}
}

func points(m pmetric.Metric) pmetric.NumberDataPointSlice {
	if m.Type() == pmetric.MetricTypeGauge {
		return m.Gauge().DataPoints()
	}
	return m.Sum().DataPoints()
}

// Every reading is reported, or is known not to be.
func TestEveryReadingHasAnEntry(t *testing.T) {
	table := readings()
	enabled := map[Metric]bool{}
	for _, m := range Enabled(allEnabled(t).Metrics) {
		enabled[m] = true
	}
	for id := nvmlwire.ReadingID(1); int(id) < nvmlwire.ReadingCount; id++ {
		if id == nvmlwire.MemoryFree { // limit less usage less reserved
			continue
		}
		r := table[id]
		require.NotNil(t, r.record, names[id])
		require.NotEmpty(t, r.metrics, names[id])
		require.NotEmpty(t, r.source, names[id])
		require.NotZero(t, r.group, names[id])
		for _, m := range r.metrics {
			assert.True(t, enabled[m], "%s feeds %s, which metadata.yaml does not have", names[id], m)
		}
	}
}

func allEnabled(t testing.TB) metadata.MetricsBuilderConfig {
	c := testCase{Metrics: map[string]any{}}
	for _, m := range []string{
		"hw.gpu.interconnect.link.active", "hw.gpu.memory.reserved", "hw.gpu.pcie.link.generation", "hw.gpu.pcie.link.width", "hw.gpu.performance_state",
	} {
		c.Metrics[m] = map[string]any{"enabled": true}
	}
	return c.config(t)
}

func TestWant(t *testing.T) {
	assert.Equal(t, nvmlwire.GroupsAll, Want(Enabled(allEnabled(t).Metrics)), "all")
	byDefault := Want(Enabled(metadata.NewDefaultMetricsBuilderConfig().Metrics))
	assert.False(t, byDefault.Has(nvmlwire.GroupPCIeLink))
	assert.True(t, byDefault.Has(nvmlwire.GroupState|nvmlwire.GroupRemap|nvmlwire.GroupProcesses|nvmlwire.GroupProfiling))
	for metric, group := range map[Metric]nvmlwire.Groups{
		"hw.power": nvmlwire.GroupPower, "hw.status": nvmlwire.GroupState | nvmlwire.GroupRemap, "hw.gpu.info": 0, "hw.errors": nvmlwire.GroupErrors,
		"hw.gpu.memory.utilization": nvmlwire.GroupMemory, "hw.gpu.allocation": 0, "container.gpu.utilization": nvmlwire.GroupProcesses,
		"hw.gpu.interconnect.links": nvmlwire.GroupLinkState, "hw.gpu.pcie.link.width": nvmlwire.GroupPCIeLink,
	} {
		assert.Equal(t, group, Want([]Metric{metric}), metric)
	}
	assert.Zero(t, Want(nil))
}

func TestLacking(t *testing.T) {
	enabled := []Metric{"hw.energy", "hw.errors", "hw.fan.speed_ratio", "hw.gpu.utilization", "hw.status", "hw.temperature"}
	d := nvmlwire.Device{
		Readings: []nvmlwire.Reading{nvmlwire.Gauge(nvmlwire.EnergyFromPower, 0, 1), nvmlwire.Gauge(nvmlwire.Temperature, 0, 40)},
		Absent: []nvmlwire.Absence{
			{ID: nvmlwire.EnergyMeter, Code: 3},
			{ID: nvmlwire.FanSpeed, Code: 3},
			{ID: nvmlwire.ECCCorrected, Code: 0},
			{ID: nvmlwire.RecoveryAction, Code: 3},
			{ID: nvmlwire.UtilizationGPU, Code: 10},
			{ID: nvmlwire.Temperature, Code: 3},
			{ID: 60000, Code: 3},
		},
	}
	assert.Equal(t, []Metric{"hw.errors", "hw.fan.speed_ratio"}, Lacking(enabled, &d))
}

func TestValuesThatAreNoReadings(t *testing.T) {
	converter, _ := newConverter(t, testCase{Limit: 1})
	s := nvmlwire.Snapshot{Time: seconds(1000), Started: seconds(950), Driver: "570", Devices: []nvmlwire.Device{{UUID: "GPU-1", Readings: []nvmlwire.Reading{
		nvmlwire.Gauge(nvmlwire.PowerInstant, 0, math.NaN()), nvmlwire.Gauge(nvmlwire.Temperature, 0, math.Inf(1)),
		nvmlwire.Gauge(nvmlwire.MemoryUsed, 0, -1), nvmlwire.Gauge(nvmlwire.MemoryTotal, 0, 1e30), nvmlwire.Count(nvmlwire.ECCCorrected, 0, math.MaxUint64),
		nvmlwire.Gauge(nvmlwire.Clock, 900, 1), nvmlwire.Gauge(nvmlwire.FanSpeed, 900, 1), nvmlwire.Count(nvmlwire.PCIeErrors, 11, 1),
		nvmlwire.Gauge(nvmlwire.NVLinkState, 900, 1), nvmlwire.Gauge(60000, 0, 1), nvmlwire.Gauge(nvmlwire.MemoryFree, 0, 1),
	}}}}
	md := converter.Convert(&s, Owners{})
	assert.Equal(t, 4, md.DataPointCount(), "hw.gpu.info and hw.status alone")
}

// A device that is away keeps its counters for a while, and no longer.
func TestDevicesThatAreAwayAreForgotten(t *testing.T) {
	converter, xids := newConverter(t, testCase{Limit: 1})
	xids.Add("GPU-1", 31, 1)
	present := nvmlwire.Snapshot{Time: seconds(1000), Driver: "570", Devices: []nvmlwire.Device{{UUID: "GPU-1"}}}
	converter.Convert(&present, Owners{})
	for i := range int64(keep) {
		converter.Convert(&nvmlwire.Snapshot{Time: seconds(1010 + i), Driver: "570"}, Owners{})
	}
	require.Contains(t, converter.devices, "GPU-1")
	converter.Convert(&nvmlwire.Snapshot{Time: seconds(2000), Driver: "570"}, Owners{})
	assert.Empty(t, converter.devices)
	assert.Empty(t, xids.gpus)
}

func TestXIDsAreBounded(t *testing.T) {
	xids := NewXIDs(2)
	for i := range 300 {
		assert.Equal(t, i < maxGPUs, xids.Add(fmt.Sprint(i), 1, 1))
	}
	for code := range uint64(50) {
		require.True(t, xids.Add("0", code, 2))
	}
	counts := map[string]int64{}
	xids.report("0", boot, func(c xidCount, _ bool) { counts[c.kind] = c.count })
	assert.Equal(t, map[string]int64{"xid_0": 2, "xid_1": 3, otherError: 96}, counts)
}

// BenchmarkConvert is a node of 8 GPUs with about 100 readings each, every metric enabled.
func BenchmarkConvert(b *testing.B) {
	converter, _ := newConverter(b, testCase{Limit: 64})
	converter.mb = metadata.NewMetricsBuilder(allEnabled(b), receivertest.NewNopSettings(metadata.Type))
	c := load(b, filepath.Join("testdata", "h100.json"))
	s := c.Steps[0].Snapshot.snapshot(b)
	for i := range 7 {
		d := s.Devices[0]
		d.UUID = fmt.Sprintf("GPU-%d", i)
		s.Devices = append(s.Devices, d)
	}
	b.Logf("%d readings", len(s.Devices[0].Readings))
	b.ReportAllocs()
	points := 0
	for b.Loop() {
		points = converter.Convert(&s, Owners{}).DataPointCount()
	}
	b.ReportMetric(float64(points), "points")
}
