package gpureader

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestGolden has a scenario and the snapshot of it per board: testdata/<board>/scenario and snapshot.txt. The stand-in's time stands still,
// so that every reading is the same in each run but for what the helper integrates over its own time.
func TestGolden(t *testing.T) {
	scenarios, err := filepath.Glob("testdata/*/scenario")
	require.NoError(t, err)
	require.NotEmpty(t, scenarios)
	for _, path := range scenarios {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			// Two collections, at 59 s and at 60 s of a time that stands still. 60 s is about now, where samples are looked for.
			head := fmt.Sprintf("epoch %d\n", time.Now().Unix()-60)
			at := func(seconds int) string { return head + fmt.Sprintf("clock fixed %d\n", seconds) + string(text) }
			r := start(t, at(59), func(h *nvmlwire.Hello) {
				if strings.HasSuffix(dir, "_old_driver") {
					h.Library = programs.Old
				}
			})
			collect(t, r)
			require.NoError(t, r.Scenario(at(60)))
			time.Sleep(250 * time.Millisecond)
			got := describe(collect(t, r))
			golden := filepath.Join(dir, "snapshot.txt")
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o600))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		})
	}
}

// describe writes a snapshot as text, without what time alone decides.
func describe(s *nvmlwire.Snapshot) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "library %s driver %s nvml %s cuda %s simulated %t events off %q\n", s.State, s.Driver, s.NVML, s.CUDA, s.Simulated, s.EventsOff)
	for i := range s.Devices {
		d := &s.Devices[i]
		fmt.Fprintf(&b, "\n%s parent %q %s %q\n  %+v\n", d.UUID, d.Parent, d.State, d.Detail, d.Info)
		for _, r := range d.Readings {
			fmt.Fprintf(&b, "  %-22s %2d  %s\n", name(r.ID), r.Sub, number(r))
		}
		for _, a := range d.Absent {
			fmt.Fprintf(&b, "  absent %-15s %d %s\n", name(a.ID), a.Code, a.Detail)
		}
		processes := append([]nvmlwire.Process(nil), d.Processes...)
		sort.Slice(processes, func(i, j int) bool { return processes[i].PID < processes[j].PID })
		for _, p := range processes {
			fmt.Fprintf(&b, "  process %d %s memory %d instance %d %d\n", p.PID, p.Kind, p.Memory, p.GPUInstance, p.ComputeInstance)
		}
	}
	return b.Bytes()
}

// number is a reading's value as text.
func number(r nvmlwire.Reading) string {
	switch r.ID {
	case nvmlwire.EnergyFromPower:
		return "(helper's time)"
	case nvmlwire.EnergyMeter, nvmlwire.ThrottleTime, nvmlwire.ECCCorrected, nvmlwire.ECCUncorrected, nvmlwire.PCIeReplay, nvmlwire.PCIeReplayRoll,
		nvmlwire.PCIeErrors, nvmlwire.NVLinkErrors, nvmlwire.PCIeSent, nvmlwire.PCIeReceived, nvmlwire.NVLinkSent, nvmlwire.NVLinkReceived:
		return fmt.Sprintf("%d", r.Bits)
	default:
		return fmt.Sprintf("%.6g", r.Float())
	}
}

var names = [nvmlwire.ReadingCount]string{
	nvmlwire.UtilizationGPU: "UtilizationGPU", nvmlwire.UtilizationEncoder: "UtilizationEncoder", nvmlwire.UtilizationDecoder: "UtilizationDecoder",
	nvmlwire.UtilizationMemory: "UtilizationMemory", nvmlwire.MemoryUsed: "MemoryUsed", nvmlwire.MemoryTotal: "MemoryTotal",
	nvmlwire.MemoryReserved: "MemoryReserved", nvmlwire.MemoryFree: "MemoryFree", nvmlwire.EnergyMeter: "EnergyMeter",
	nvmlwire.EnergyFromPower: "EnergyFromPower", nvmlwire.PowerInstant: "PowerInstant", nvmlwire.PowerPeak: "PowerPeak", nvmlwire.PowerLimit: "PowerLimit",
	nvmlwire.Temperature: "Temperature", nvmlwire.TemperatureLimit: "TemperatureLimit", nvmlwire.FanSpeed: "FanSpeed", nvmlwire.Clock: "Clock",
	nvmlwire.ThrottleTime: "ThrottleTime", nvmlwire.ThrottleActive: "ThrottleActive", nvmlwire.ECCCorrected: "ECCCorrected",
	nvmlwire.ECCUncorrected: "ECCUncorrected", nvmlwire.PCIeReplay: "PCIeReplay", nvmlwire.PCIeReplayRoll: "PCIeReplayRoll",
	nvmlwire.PCIeErrors: "PCIeErrors", nvmlwire.NVLinkErrors: "NVLinkErrors", nvmlwire.RemappedRows: "RemappedRows", nvmlwire.RemapPending: "RemapPending",
	nvmlwire.RemapFailure: "RemapFailure", nvmlwire.RetiredPages: "RetiredPages", nvmlwire.RetirementPending: "RetirementPending",
	nvmlwire.PCIeSent: "PCIeSent", nvmlwire.PCIeReceived: "PCIeReceived", nvmlwire.PCIeLinkGeneration: "PCIeLinkGeneration",
	nvmlwire.PCIeLinkWidth: "PCIeLinkWidth", nvmlwire.NVLinkSent: "NVLinkSent", nvmlwire.NVLinkReceived: "NVLinkReceived",
	nvmlwire.NVLinkState: "NVLinkState", nvmlwire.SMUtilization: "SMUtilization", nvmlwire.SMOccupancy: "SMOccupancy", nvmlwire.PipeBusy: "PipeBusy",
	nvmlwire.PerformanceState: "PerformanceState", nvmlwire.RecoveryAction: "RecoveryAction",
}

func name(id nvmlwire.ReadingID) string { return names[id] }
