//go:build linux && cgo

package reading

import (
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/process"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// readProcesses lists the processes of a GPU. One in MIG mode has none of its own: its slices list them.
func (g *GPU) readProcesses(now time.Time) {
	if !g.options.Want.Has(nvmlwire.GroupProcesses) || g.fatal != nvml.SUCCESS || len(g.slices) > 0 {
		return
	}
	samples, known := g.processUse(now)
	faults := g.merger.Faults
	if g.processLists(g.device, &g.merger, known) {
		g.merger.Use(samples)
		g.merger.End(&g.out, g.options.MaxProcesses)
	}
	for range g.merger.Faults - faults {
		g.meter.Fault()
	}
}

// processLists reads all lists of processes of a device; false where there is none at all.
func (a *asker) processLists(device nvml.Device, into *process.Merger, use bool) bool {
	into.Begin(use)
	listed := false
	if a.may(library.CallMPSProcesses, 0, 0) {
		infos, ret := device.GetMPSComputeRunningProcesses()
		if a.done(library.CallMPSProcesses, 0, 0, ret) {
			into.Add(nvmlwire.ProcessMPS, infos)
			listed = true
		}
	}
	if a.may(library.CallComputeProcesses, 0, 0) {
		infos, ret := device.GetComputeRunningProcesses()
		if a.done(library.CallComputeProcesses, 0, 0, ret) {
			into.Add(nvmlwire.ProcessCompute, infos)
			listed = true
		}
	}
	if a.may(library.CallGraphicsProcesses, 0, 0) {
		infos, ret := device.GetGraphicsRunningProcesses()
		if a.done(library.CallGraphicsProcesses, 0, 0, ret) {
			into.Add(nvmlwire.ProcessGraphics, infos)
			listed = true
		}
	}
	return listed
}

// processUse reads the use by process since the last collection; false where the driver does not tell. No samples means that all idled.
// The time of the newest sample is kept per device, as NVML asks.
func (g *GPU) processUse(now time.Time) ([]nvml.ProcessUtilizationSample, bool) {
	const call = library.CallProcessUtilization
	if !g.may(call, 0, 0) {
		return nil, false
	}
	samples, ret := g.device.GetProcessUtilization(g.processSeen)
	if ret == nvml.ERROR_INSUFFICIENT_SIZE && len(samples) == 0 {
		ret = nvml.SUCCESS // go-nvml's answer where there is none
	}
	if !g.done(call, 0, 0, ret) {
		return nil, ret == nvml.ERROR_NOT_FOUND || ret == nvml.ERROR_NO_DATA
	}
	latest := microseconds(now.Add(farthest))
	seen, kept := g.processSeen, samples[:0]
	for _, s := range samples {
		if s.TimeStamp <= g.processSeen || s.TimeStamp > latest {
			continue
		}
		seen = max(seen, s.TimeStamp)
		kept = append(kept, s)
	}
	g.processSeen = seen
	return kept, true
}
