// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// testCase is a file of testdata: collections, one after the other. Times are seconds since the boot of the system.
type testCase struct {
	// About says what the case shows.
	About   string
	Metrics map[string]any // as `metrics` of the configuration
	Limit   int            // `max_error_types`, 64 where it is 0
	Steps   []step
}

type step struct {
	XIDs     []xidEvent
	Owners   Owners
	Snapshot snapshotFile
}

type xidEvent struct {
	GPU     string
	Code, N uint64
}

// snapshotFile is a nvmlwire.Snapshot with seconds for times and names for readings.
type snapshotFile struct {
	Started, Time     int64
	State             nvmlwire.LibraryState
	Driver, CUDA      string
	Simulated         bool
	Devices           []deviceFile
	EventsOff, Detail string
}

type deviceFile struct {
	nvmlwire.Device
	// Readings by name, or name/sub.
	Readings map[string]json.Number
}

var boot = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

func seconds(n int64) time.Time { return boot.Add(time.Duration(n) * time.Second) }

func (f snapshotFile) snapshot(t testing.TB) nvmlwire.Snapshot {
	s := nvmlwire.Snapshot{
		Started: seconds(f.Started), Time: seconds(f.Time), State: f.State, Driver: f.Driver, CUDA: f.CUDA, Simulated: f.Simulated,
	}
	for _, d := range f.Devices {
		d.Device.Readings = d.readings(t)
		s.Devices = append(s.Devices, d.Device)
	}
	return s
}

// readings are in order of ID and Sub, as on the wire.
func (d deviceFile) readings(t testing.TB) []nvmlwire.Reading {
	var read []nvmlwire.Reading
	left := len(d.Readings)
	table := readings()
	for id := nvmlwire.ReadingID(1); int(id) < nvmlwire.ReadingCount; id++ {
		for sub := range uint16(64) {
			value, ok := d.Readings[fmt.Sprintf("%s/%d", names[id], sub)]
			if !ok && sub == 0 {
				value, ok = d.Readings[names[id]]
			}
			if !ok {
				continue
			}
			left--
			if table[id].lifetime == gauge || id == nvmlwire.EnergyFromPower {
				v, err := value.Float64()
				require.NoError(t, err)
				read = append(read, nvmlwire.Gauge(id, sub, v))
				continue
			}
			v, err := value.Int64()
			require.NoError(t, err)
			read = append(read, nvmlwire.Count(id, sub, uint64(v)))
		}
	}
	require.Zero(t, left, "readings of %s that have no such name", d.UUID)
	return read
}

func load(t testing.TB, path string) testCase {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	decoder := json.NewDecoder(bytes.NewReader(file))
	decoder.DisallowUnknownFields()
	c := testCase{Limit: 64}
	require.NoError(t, decoder.Decode(&c), path)
	return c
}

func (c testCase) config(t testing.TB) metadata.MetricsBuilderConfig {
	t.Helper()
	cfg := metadata.NewDefaultMetricsBuilderConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{"metrics": c.Metrics}).Unmarshal(&cfg))
	return cfg
}

// names of nvmlwire.ReadingID, in order.
var names = strings.Fields(`readingNone
	UtilizationGPU UtilizationEncoder UtilizationDecoder UtilizationMemory MemoryUsed MemoryTotal MemoryReserved MemoryFree
	EnergyMeter EnergyFromPower PowerInstant PowerPeak PowerLimit Temperature TemperatureLimit FanSpeed Clock ThrottleTime ThrottleActive
	ECCCorrected ECCUncorrected PCIeReplay PCIeReplayRoll PCIeErrors NVLinkErrors
	RemappedRows RemapPending RemapFailure RetiredPages RetirementPending
	PCIeSent PCIeReceived PCIeLinkGeneration PCIeLinkWidth NVLinkSent NVLinkReceived NVLinkState
	SMUtilization SMOccupancy PipeBusy PerformanceState RecoveryAction`)
