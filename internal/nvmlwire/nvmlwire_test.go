package nvmlwire

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"io"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestNames sees to it that each value of an enum has a name of its own, and that what is no value has none.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		enum string
		last int
		name func(int) string
	}{
		{"LibraryState", int(LibraryHung), func(i int) string { return fmt.Sprint(LibraryState(i)) }},
		{"DeviceState", int(StateError), func(i int) string { return fmt.Sprint(DeviceState(i)) }},
		{"ProcessKind", int(ProcessGraphics), func(i int) string { return fmt.Sprint(ProcessKind(i)) }},
		{"EventKind", int(EventRecoveryAction), func(i int) string { return fmt.Sprint(EventKind(i)) }},
	} {
		t.Run(c.enum, func(t *testing.T) {
			seen := map[string]int{}
			for i := 0; i <= c.last; i++ {
				name := c.name(i)
				assert.Regexp(t, `^[a-z_]+$`, name)
				assert.NotEqual(t, "unknown", name, "value %d", i)
				assert.NotContains(t, seen, name)
				seen[name] = i
			}
			assert.Equal(t, "unknown", c.name(c.last+1), "a name without a value, or a value that this test does not know")
			assert.Equal(t, "unknown", c.name(math.MaxUint8))
		})
	}
	// The names that are easiest to shift by one.
	assert.Equal(t, "protocol", LibraryProtocol.String())
	assert.Equal(t, "helper_missing", LibraryHelperMissing.String())
	assert.Equal(t, "hung", StateHung.String())
	assert.Equal(t, "poison", EventPoison.String())
}

func TestGroups(t *testing.T) {
	groups := []Groups{
		GroupUtilization, GroupMemory, GroupPower, GroupTemperature, GroupFan, GroupClock, GroupThrottle, GroupErrors, GroupRemap,
		GroupPCIe, GroupNVLink, GroupProfiling, GroupState, GroupProcesses, GroupPCIeLink, GroupLinkState,
	}
	var sum Groups
	for i, g := range groups {
		assert.False(t, sum.Has(g), "group %d shares a bit", i)
		sum |= g
		assert.True(t, GroupsAll.Has(g))
		assert.False(t, (GroupsAll &^ g).Has(g))
	}
	assert.Equal(t, GroupsAll, sum)
	both := GroupPower | GroupFan
	assert.True(t, both.Has(GroupPower))
	assert.True(t, both.Has(both))
	assert.False(t, GroupPower.Has(both), "Has asks for all of them")
	assert.True(t, Groups(0).Has(0))
}

func TestReadings(t *testing.T) {
	for _, v := range []float64{0, 0.25, -1, math.MaxFloat64, math.Inf(1)} {
		assert.Equal(t, v, Gauge(PowerInstant, 0, v).Float())
	}
	assert.Equal(t, Reading{ID: ThrottleTime, Sub: ReasonHWThermal, Bits: math.MaxUint64}, Count(ThrottleTime, ReasonHWThermal, math.MaxUint64))
	assert.Equal(t, readingNone, Reading{}.ID, "a zero reading is none")
	assert.Equal(t, int(RecoveryAction)+1, ReadingCount)
}

// fullSnapshot has a value other than zero in each field.
func fullSnapshot() *Snapshot {
	at := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	process := Process{PID: 4242, Kind: ProcessGraphics, Memory: NoMemory, SM: 0.5, Encoder: -1, Decoder: 0.125, MemoryController: 1, GPUInstance: 1, ComputeInstance: -1}
	return &Snapshot{
		Seq: math.MaxUint64, Started: at, Time: at.Add(time.Hour), Took: time.Millisecond, State: LibraryHung, Detail: "detail", Code: -15,
		Driver: "570.124.06", NVML: "12.570.124.06", CUDA: "12.8", Simulated: true,
		Devices: []Device{{
			UUID: "MIG-1", Parent: "GPU-1", State: StateError, Detail: "detail", Busy: time.Minute, Call: "nvmlDeviceGetPowerUsage",
			Info: Info{
				Name: "NVIDIA H100 80GB HBM3", Index: 7, Minor: -1, Serial: "1", PCIBusID: "00000000:3B:00.0", VBIOS: "96.00", Architecture: "Hopper",
				Brand: "NVIDIA", Capability: "9.0", Profile: "1g.10gb", GPUInstance: 3, ComputeInstance: -1, MIGMode: true, Virtual: "vgpu",
			},
			Readings:       []Reading{Gauge(PowerInstant, 0, 312.5), Count(PCIeErrors, 10, math.MaxUint64), Gauge(Temperature, SensorMemory, 0)},
			Absent:         []Absence{{ID: FanSpeed, Code: 3, Detail: "nvmlDeviceGetFanSpeed"}},
			Processes:      []Process{process},
			OtherProcesses: process,
			OtherCount:     5,
		}},
		MissingSymbols: []string{"nvmlGpmMetricsGet"}, EventsLost: 1, EventsOff: "not permitted", Calls: 2, CallErrors: 3,
	}
}

// TestStream sends everything that the two ends say to each other through one gob stream each way.
func TestStream(t *testing.T) {
	var in, out bytes.Buffer
	hello := Hello{
		Version: Version, Library: "/usr/lib/libnvidia-ml.so.1", Sampling: 100 * time.Millisecond, Want: GroupsAll, Events: true, MaxProcesses: 64,
		Release: true,
	}
	toHelper := gob.NewEncoder(&in)
	require.NoError(t, toHelper.Encode(hello))
	require.NoError(t, toHelper.Encode(Request{Seq: 1, Deadline: time.Second}))
	fromReceiver := gob.NewDecoder(&in)
	var gotHello Hello
	var gotRequest Request
	require.NoError(t, fromReceiver.Decode(&gotHello))
	require.NoError(t, fromReceiver.Decode(&gotRequest))
	assert.Equal(t, hello, gotHello)
	assert.Equal(t, Request{Seq: 1, Deadline: time.Second}, gotRequest)

	event := Event{Time: time.Unix(1, 2).UTC(), UUID: "GPU-1", Kind: EventRecoveryAction, Data: 79, Count: 3, GPUInstance: 1, ComputeInstance: -1}
	messages := []Message{
		{Snapshot: fullSnapshot()},
		{Events: []Event{event, {}}},
		{Snapshot: &Snapshot{}}, // all zero, and yet a snapshot
		{Fault: &Fault{State: LibraryInitFailed, Code: 9, Detail: "driver not loaded"}},
		{Fault: &Fault{}},
	}
	assert.Empty(t, zeroFields(event))
	toReceiver := gob.NewEncoder(&out)
	fromHelper := gob.NewDecoder(&out)
	for i, sent := range messages {
		require.NoError(t, toReceiver.Encode(sent))
		var got Message
		require.NoError(t, fromHelper.Decode(&got), "message %d", i)
		assert.Equal(t, sent, got, "message %d", i)
	}
	assert.ErrorIs(t, fromHelper.Decode(new(Message)), io.EOF)
}

// TestFullSnapshot sees to it that fullSnapshot leaves no field out: what is zero would be compared with zero.
func TestFullSnapshot(t *testing.T) {
	s := fullSnapshot()
	d := s.Devices[0]
	assert.Empty(t, zeroFields(*s))
	assert.Empty(t, zeroFields(d))
	assert.Empty(t, zeroFields(d.Info))
	assert.Empty(t, zeroFields(d.Processes[0]))
	assert.Empty(t, zeroFields(d.Absent[0]))
	assert.Equal(t, []string{"SM"}, zeroFields(Process{PID: 1, Kind: 1, Memory: 1, Encoder: 1, Decoder: 1, MemoryController: 1, GPUInstance: 1, ComputeInstance: 1}))
}

func zeroFields(v any) (names []string) {
	value := reflect.ValueOf(v)
	for i := range value.NumField() {
		if value.Field(i).IsZero() {
			names = append(names, value.Type().Field(i).Name)
		}
	}
	return names
}
