// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpuevent

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/kernellog"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/xidmerge"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var (
	start = time.Date(2026, 3, 1, 4, 0, 0, 0, time.UTC)
	h100  = GPU{ID: "GPU-1", Name: "NVIDIA H100 80GB HBM3", BusID: "00000000:3B:00.0"}
)

// golden compares what an operator reads with a file of testdata.
func golden(t *testing.T, name string, events []Event) {
	t.Helper()
	var b strings.Builder
	for i := range events {
		b.WriteString(render(&events[i]))
	}
	path := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), b.String())
}

func render(e *Event) string {
	record := plog.NewLogRecord()
	e.WriteTo(record, start.Add(time.Minute))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %d %s\n  %s\n", record.Timestamp().AsTime().Format(time.TimeOnly), record.EventName(),
		record.SeverityNumber(), record.SeverityText(), record.Body().Str())
	raw := record.Attributes().AsRaw()
	for _, key := range sorted(raw) {
		fmt.Fprintf(&b, "  %s=%v\n", key, raw[key])
	}
	return b.String()
}

func sorted(m map[string]any) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func TestNVML(t *testing.T) {
	var events []Event
	for kind := nvmlwire.EventXID; kind <= nvmlwire.EventRecoveryAction; kind++ {
		events = append(events, FromNVML(nvmlwire.Event{Time: start, Kind: kind, Data: 1, Count: 1}, h100))
	}
	for action := range uint64(7) {
		events = append(events, FromNVML(nvmlwire.Event{Time: start, Kind: nvmlwire.EventRecoveryAction, Data: action}, h100))
	}
	golden(t, "nvml", events)
}

func TestXID(t *testing.T) {
	slice := GPU{ID: "MIG-1", Parent: "GPU-1", Name: "NVIDIA H100 80GB HBM3 MIG 1g.10gb", BusID: h100.BusID}
	both := xidmerge.SourceNVML | xidmerge.SourceKernelLog
	golden(t, "xid", []Event{
		FromXID(xidmerge.Report{Sighting: xidmerge.Sighting{Source: xidmerge.SourceNVML, Code: 79, Time: start}}, h100),
		FromXID(xidmerge.Report{Sighting: xidmerge.Sighting{
			Source: both, Code: 31, Time: start, PID: 4242, ProcessName: "python3", Message: "Ch 00000008, intr 00000000. MMU Fault",
		}}, slice),
		FromXID(xidmerge.Report{Sighting: xidmerge.Sighting{Source: xidmerge.SourceKernelLog, Code: 4711, Time: start, PID: 7}}, GPU{BusID: "00000000:AF:00.0"}),
		FromXID(xidmerge.Report{Sighting: xidmerge.Sighting{Source: xidmerge.SourceKernelLog, Code: 13, Time: start}}, GPU{}),
	})
}

func TestKernel(t *testing.T) {
	var events []Event
	for _, e := range []kernellog.Event{
		{Kind: kernellog.KindSXID, Code: 20034, PCIBusID: "00000000:85:00.0", Device: "nvidia-nvswitch3", Message: "LTSSM Fault Up"},
		{Kind: kernellog.KindSXID, Code: 1, PCIBusID: "00000000:85:00.0"},
		{Kind: kernellog.KindFallenOffBus, PCIBusID: h100.BusID},
		{Kind: kernellog.KindInitFailed, PCIBusID: h100.BusID, Message: "RmInitAdapter failed!"},
		{Kind: kernellog.KindVersionMismatch, ClientVersion: "570.1", ModuleVersion: "565.1", PID: 5, ProcessName: "nvidia-smi"},
		{Kind: kernellog.KindVersionMismatch},
		{Kind: kernellog.KindRowRemap, PCIBusID: h100.BusID},
	} {
		e.Time = start
		event, ok := FromKernel(e, h100)
		require.True(t, ok, e.Kind)
		events = append(events, event)
	}
	golden(t, "kernel", events)
	for _, kind := range []kernellog.Kind{kernellog.KindGPUUUID, kernellog.KindRateLimited, kernellog.KindXID} {
		_, ok := FromKernel(kernellog.Event{Kind: kind}, h100)
		assert.False(t, ok, kind)
	}
}

func identify(d *nvmlwire.Device) GPU {
	return GPU{ID: d.UUID, Name: d.Info.Name, Parent: d.Parent, BusID: d.Info.PCIBusID}
}

// snapshotOf has GPU-1 in the given state, GPU-2 well, and the slices of GPU-2.
func snapshotOf(state nvmlwire.DeviceState, slices ...string) nvmlwire.Snapshot {
	s := nvmlwire.Snapshot{Driver: "570.124.06", Devices: []nvmlwire.Device{
		{UUID: "GPU-1", State: state, Info: nvmlwire.Info{Name: "NVIDIA L4", PCIBusID: "00000000:31:00.0"}},
		{UUID: "GPU-2", Info: nvmlwire.Info{Name: "NVIDIA H100", PCIBusID: "00000000:3B:00.0", MIGMode: len(slices) > 0}},
	}}
	for _, slice := range slices {
		s.Devices = append(s.Devices, nvmlwire.Device{UUID: slice, Parent: "GPU-2"})
	}
	return s
}

// between runs snapshots a second apart and gives the events of all.
func between(snapshots ...nvmlwire.Snapshot) []Event {
	var changes Changes
	var events []Event
	for i := range snapshots {
		snapshots[i].Time = start.Add(time.Duration(i) * time.Second)
		events = append(events, changes.Between(&snapshots[i], identify)...)
	}
	return events
}

func TestStates(t *testing.T) {
	hung := snapshotOf(nvmlwire.StateHung)
	hung.Devices[0].Busy, hung.Devices[0].Call = 12345*time.Millisecond, "nvmlDeviceGetPowerUsage"
	lost := snapshotOf(nvmlwire.StateLost)
	lost.Devices[0].Detail = "GPU is lost"
	golden(t, "states", between(
		snapshotOf(nvmlwire.StateOK), lost, lost, snapshotOf(nvmlwire.StateOK), hung, snapshotOf(nvmlwire.StateOK), snapshotOf(nvmlwire.StateReset),
		snapshotOf(nvmlwire.StateUnknown), snapshotOf(nvmlwire.StateError), snapshotOf(nvmlwire.StateOK),
	))
}

func TestLostFromTheStart(t *testing.T) {
	events := between(snapshotOf(nvmlwire.StateLost))
	require.Len(t, events, 1)
	assert.Equal(t, Lost, events[0].Name)
}

func TestNoNews(t *testing.T) {
	assert.Empty(t, between(snapshotOf(nvmlwire.StateOK), snapshotOf(nvmlwire.StateOK)))
}

func TestMachine(t *testing.T) {
	less := snapshotOf(nvmlwire.StateOK)
	less.Devices = less.Devices[:1]
	driver := snapshotOf(nvmlwire.StateOK)
	driver.Driver, driver.Simulated = "575.51.03", true
	golden(t, "machine", between(
		nvmlwire.Snapshot{State: nvmlwire.LibraryNotFound, Detail: "libnvidia-ml.so.1: cannot open shared object file"},
		snapshotOf(nvmlwire.StateOK), less, snapshotOf(nvmlwire.StateOK),
		snapshotOf(nvmlwire.StateOK, "MIG-1", "MIG-2"), snapshotOf(nvmlwire.StateOK, "MIG-3"), snapshotOf(nvmlwire.StateOK),
		nvmlwire.Snapshot{State: nvmlwire.LibraryVersionMismatch, Detail: "The driver was replaced."}, driver,
		nvmlwire.Snapshot{State: nvmlwire.LibraryNotFound},
	))
}

func TestLimiter(t *testing.T) {
	var l Limiter
	clock := Event{Name: Clock, Severity: plog.SeverityNumberDebug, GPU: h100, Body: "clocks."}
	xid := Event{Name: XID, Severity: plog.SeverityNumberError, GPU: h100, XIDCode: 31, Body: "XID 31."}
	passed := map[Name]int{}
	for i := range 1000 {
		now := start.Add(time.Duration(i) * time.Millisecond)
		for _, e := range append(l.Pass(now, clock), l.Pass(now, xid)...) {
			passed[e.Name]++
		}
	}
	assert.Equal(t, map[Name]int{Clock: 1, XID: limitBurst}, passed)
	require.True(t, l.Holds())
	due, ok := l.Next()
	require.True(t, ok)
	assert.Equal(t, start.Add(limitWindow), due)
	assert.Empty(t, l.Flush(due.Add(-1)))
	rest := l.Flush(due.Add(time.Second))
	require.Len(t, rest, 2)
	assert.EqualValues(t, 999, rest[0].Count)
	assert.Equal(t, "990 more like this within 10s: XID 31.", rest[1].Body)
	assert.False(t, l.Holds())
	assert.Len(t, l.Pass(due.Add(2*time.Second), xid), 1, "a new window")
	assert.Empty(t, l.FlushAll())
}

func TestLimiterIsBoundedAndLosesNothing(t *testing.T) {
	var l Limiter
	total := uint64(0)
	count := func(events []Event) {
		for _, e := range events {
			total += max(e.Count, 1)
		}
	}
	for i := range 5000 {
		e := Event{Name: XID, Severity: plog.SeverityNumberError, XIDCode: uint64(i % 2000), Count: 3}
		count(l.Pass(start, e))
		require.LessOrEqual(t, len(l.kinds), limitKinds)
	}
	for range 100 {
		count(l.Pass(start, Event{Name: Clock, Severity: plog.SeverityNumberDebug, Count: 3}))
	}
	count(l.FlushAll())
	assert.EqualValues(t, 5100*3, total)
}
