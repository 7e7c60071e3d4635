//go:build linux && cgo

package reading

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/gpm"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// profilingIDs are the readings that only GPM gives.
var profilingIDs = [...]nvmlwire.ReadingID{nvmlwire.SMUtilization, nvmlwire.SMOccupancy, nvmlwire.PipeBusy}

// wantsGPM tells whether GPM is asked for: for its own metrics, and for the utilisation of a GPU in MIG mode, which nothing else gives.
func (g *GPU) wantsGPM() bool {
	return g.options.Want.Has(nvmlwire.GroupProfiling) || (g.options.Want.Has(nvmlwire.GroupUtilization) && g.info.MIGMode)
}

// readGPM reports pipes and occupancy where the board has GPM.
func (g *GPU) readGPM() {
	if !g.wantsGPM() || g.fatal != nvml.SUCCESS {
		return
	}
	if g.gpmQuery == nil {
		g.gpmQuery = new(gpm.Query)
		g.gpmBoard = g.gpmSupport()
	}
	why := g.gpmBoard
	if why.origin.Call == library.CallNone {
		why = g.gpmOff
	}
	if why.origin.Call != library.CallNone {
		g.gpmAbsent(&g.asker, why)
		return
	}
	call, ret := g.gpm.Read(g.device, -1, g.gpmQuery)
	if ret != nvml.SUCCESS {
		if library.ClassOf(ret) == library.ClassUnsupported {
			g.gpmOff = reason{origin: Origin{Call: call}, code: int32(ret)}
		}
		for _, id := range profilingIDs {
			g.note(Origin{Call: call}, ret, id)
		}
		return
	}
	g.answers++
	g.emitProfiling(&g.gpm, &g.out)
}

// gpmSupport asks whether the board has GPM, and gives the reason where it has not.
func (g *GPU) gpmSupport() reason {
	if missing, ok := gpm.Available(g.meter.Symbols, false); !ok {
		return reason{origin: Origin{Call: missing}}
	}
	const call = library.CallGPMSupport
	if !g.meter.Symbols.Has(call) {
		return reason{origin: Origin{Call: call}}
	}
	g.meter.Begin(call)
	support, ret := g.device.GpmQueryDeviceSupport()
	_ = g.meter.End(ret)
	switch {
	case ret != nvml.SUCCESS:
		return reason{origin: Origin{Call: call}, code: int32(ret)}
	case support.IsSupportedDevice == 0:
		return reason{origin: Origin{Call: call}, code: int32(nvml.ERROR_NOT_SUPPORTED)}
	default:
		return reason{}
	}
}

func (g *GPU) gpmAbsent(a *asker, why reason) {
	if !g.options.Want.Has(nvmlwire.GroupProfiling) {
		return
	}
	for _, id := range profilingIDs {
		a.absent(id, why)
	}
}

func (a *asker) emitGPM(s *gpm.Sampler, out *nvmlwire.Device, first, end int) {
	for i := first; i < end; i++ {
		if s.Has[i] && (gpm.Metrics[i].Reading == nvmlwire.PipeBusy || !a.read(gpm.Metrics[i].Reading)) {
			a.gauge(out, Origin{Call: library.CallGPMMetrics}, gpm.Metrics[i].Reading, gpm.Metrics[i].Sub, s.Share[i])
		}
	}
}

func (g *GPU) emitProfiling(s *gpm.Sampler, out *nvmlwire.Device) {
	if g.options.Want.Has(nvmlwire.GroupProfiling) {
		g.emitGPM(s, out, gpm.Utilization, len(gpm.Metrics))
	}
}

// emitGPMUtilization gives a GPU in MIG mode its utilisation, where the driver's buffers did not.
func (g *GPU) emitGPMUtilization() {
	if g.info.MIGMode && g.fatal == nvml.SUCCESS {
		g.emitGPM(&g.gpm, &g.out, 0, gpm.Utilization)
	}
}
