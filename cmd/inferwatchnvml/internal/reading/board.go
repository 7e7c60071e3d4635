//go:build linux && cgo

package reading

import (
	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const (
	mostFans   = 16
	fastestFan = 200 // percent of the fan's nominal speed, which it may exceed
)

// readFans reads the speed of each fan; boards that the server's fans cool have none.
func (g *GPU) readFans() {
	const id = nvmlwire.FanSpeed
	if !g.options.Want.Has(nvmlwire.GroupFan) {
		return
	}
	if g.may(library.CallFanCount, 0, id) {
		n, ret := g.device.GetNumFans()
		if known := g.done(library.CallFanCount, 0, id, ret); !known {
			n = 0
		} else if n == 0 {
			g.absent(id, reason{origin: Origin{Call: library.CallFanCount}, code: int32(nvml.ERROR_NOT_SUPPORTED)})
			return
		}
		for fan := range min(n, mostFans) {
			if !g.may(library.CallFanSpeedOf, 0, id) {
				break
			}
			speed, ret := g.device.GetFanSpeed_v2(fan)
			if g.done(library.CallFanSpeedOf, 0, id, ret) {
				g.fan(Origin{Call: library.CallFanSpeedOf}, fan, speed)
			}
		}
	}
	if g.read(id) || g.why[id].code == nvmlwire.CodeImplausible || !g.may(library.CallFanSpeed, 0, id) {
		return
	}
	if speed, ret := g.device.GetFanSpeed(); g.done(library.CallFanSpeed, 0, id, ret) {
		g.fan(Origin{Call: library.CallFanSpeed}, 0, speed)
	}
}

func (g *GPU) fan(origin Origin, fan int, percent uint32) {
	if percent > fastestFan {
		g.implausible(origin, nvmlwire.FanSpeed)
		return
	}
	g.gauge(&g.out, origin, nvmlwire.FanSpeed, uint16(fan), float64(percent)/100)
}

// throttleReasons are the bits of nvmlClocksEventReasons, by Reason.
const throttleReasons = int(nvmlwire.ReasonDisplayClocks) + 1

// readThrottle reads why clocks are held down now.
func (g *GPU) readThrottle() {
	const id = nvmlwire.ThrottleActive
	if !g.options.Want.Has(nvmlwire.GroupThrottle) {
		return
	}
	call := library.CallClockReasons
	if !g.meter.Symbols.Has(call) {
		call = library.CallThrottleReasons // its name before driver 535
	}
	if !g.may(call, 0, id) {
		return
	}
	var bits uint64
	var ret nvml.Return
	if call == library.CallClockReasons {
		bits, ret = g.device.GetCurrentClocksEventReasons()
	} else {
		bits, ret = g.device.GetCurrentClocksThrottleReasons()
	}
	if !g.done(call, 0, id, ret) {
		return
	}
	if bits>>32 != 0 {
		g.implausible(Origin{Call: call}, id) // no driver has as many reasons
		return
	}
	for bit := range throttleReasons {
		g.gauge(&g.out, Origin{Call: call}, id, uint16(bit), float64(bits>>bit&1))
	}
}

// readRemap asks for remapped rows by their own call, where the fields did not give them.
func (g *GPU) readRemap() {
	const call, id = library.CallRemappedRows, nvmlwire.RemappedRows
	if !g.options.Want.Has(nvmlwire.GroupRemap) || g.read(id) || !g.may(call, 0, id) {
		return
	}
	corrected, uncorrected, pending, failure, ret := g.device.GetRemappedRows()
	if !g.done(call, 0, id, ret) {
		return
	}
	origin := Origin{Call: call}
	if corrected < 0 || corrected > mostRows || uncorrected < 0 || uncorrected > mostRows {
		g.implausible(origin, id)
		return
	}
	g.gauge(&g.out, origin, id, nvmlwire.CorrectedErrors, float64(corrected))
	g.gauge(&g.out, origin, id, nvmlwire.UncorrectedErrors, float64(uncorrected))
	g.gauge(&g.out, origin, nvmlwire.RemapPending, 0, flag(pending))
	g.gauge(&g.out, origin, nvmlwire.RemapFailure, 0, flag(failure))
}

func flag(set bool) float64 {
	if set {
		return 1
	}
	return 0
}

// readLinks reads which NVLinks are up.
func (g *GPU) readLinks() {
	const call, id = library.CallNVLinkState, nvmlwire.NVLinkState
	if !g.options.Want.Has(nvmlwire.GroupLinkState) {
		return
	}
	links := g.links
	if links == 0 {
		links = nvml.NVLINK_MAX_LINKS // the number is not known: ask until there is none
	}
	for link := range links {
		if !g.may(call, 0, id) {
			return
		}
		state, ret := g.device.GetNvLinkState(link)
		_ = g.meter.End(ret)
		if ret != nvml.SUCCESS {
			if link == 0 && library.ClassOf(ret) == library.ClassUnsupported {
				g.learned[call][0] = uint8(ret)
			}
			g.note(Origin{Call: call}, ret, id)
			if g.links == 0 {
				return
			}
			continue
		}
		g.answers++
		if state < nvml.FEATURE_DISABLED || state > nvml.FEATURE_ENABLED {
			g.implausible(Origin{Call: call}, id)
			continue
		}
		g.gauge(&g.out, Origin{Call: call}, id, uint16(link), float64(state))
	}
}
