//go:build linux && cgo

package reading

import (
	"math"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Tick samples between collections: power and traffic in one call, and utilisation where the driver keeps no samples of it.
func (g *GPU) Tick(now time.Time) {
	if g.device == nil || g.collections == 0 {
		return // not learned yet
	}
	g.powerNow = false
	if g.tick.gone {
		g.tick.compact()
	}
	if g.tick.ask(&g.asker) {
		for i, f := range g.tick.fields {
			g.take(&g.tick, i, f, now, nil)
		}
	}
	if !g.powerNow && g.options.Want.Has(nvmlwire.GroupPower) {
		g.powerUsage(now)
	}
	if g.use.poll {
		g.pollRates()
	}
}

// takePower takes a sample of power in mW.
func (g *GPU) takePower(origin Origin, milliwatts float64, now time.Time) {
	watts := milliwatts * milliwatt
	if watts < 0 || watts > powerCeiling(g.limit) {
		g.implausible(origin, nvmlwire.PowerInstant)
		return
	}
	g.power.Add(watts, now)
	g.powerNow, g.powerOrigin = true, origin
}

// powerUsage asks for power where the field does not give it.
func (g *GPU) powerUsage(now time.Time) {
	if !g.may(library.CallPowerUsage, 0, nvmlwire.PowerInstant) {
		return
	}
	if mw, ret := g.device.GetPowerUsage(); g.done(library.CallPowerUsage, 0, nvmlwire.PowerInstant, ret) {
		g.takePower(Origin{Call: library.CallPowerUsage}, float64(mw), now)
	}
}

// emitPower reports power, its peak, and energy by the meter, or by power over time where there is none.
func (g *GPU) emitPower(now time.Time) {
	if !g.options.Want.Has(nvmlwire.GroupPower) {
		return
	}
	if !g.powerNow {
		g.powerUsage(now)
	}
	if g.powerNow {
		g.gauge(&g.out, g.powerOrigin, nvmlwire.PowerInstant, 0, g.power.Last())
		if peak, ok := g.power.TakePeak(); ok {
			g.gauge(&g.out, g.powerOrigin, nvmlwire.PowerPeak, 0, peak)
		}
	}
	if g.read(nvmlwire.EnergyMeter) {
		return
	}
	g.readMeter(now)
	if joules, ok := g.power.Joules(); ok && g.meterless() {
		g.gauge(&g.out, g.powerOrigin, nvmlwire.EnergyFromPower, 0, joules)
	}
}

// meterless tells whether the board has no meter. One that did not answer just now is a meter all the same.
func (g *GPU) meterless() bool {
	why := &g.why[nvmlwire.EnergyMeter]
	return g.energy.at.IsZero() && !g.read(nvmlwire.EnergyMeter) && why.origin.Call != library.CallNone &&
		(why.code == 0 || library.ClassOf(nvml.Return(why.code)) == library.ClassUnsupported)
}

func (g *GPU) readMeter(now time.Time) {
	const id = nvmlwire.EnergyMeter
	if !g.may(library.CallEnergy, 0, id) {
		return
	}
	mj, ret := g.device.GetTotalEnergyConsumption()
	if !g.done(library.CallEnergy, 0, id, ret) {
		return
	}
	origin := Origin{Call: library.CallEnergy}
	if mj >= math.MaxInt64 || !g.energy.accept(mj, g.limit, now) {
		g.implausible(origin, id)
		return
	}
	g.count(&g.out, origin, id, 0, mj)
}

// takeTraffic takes a PCIe counter. One of 32 bits wraps within a second under load: it can only be counted where it is sampled. One
// of 64 bits need not be.
func (g *GPU) takeTraffic(origin Origin, f *field, n number, now time.Time) {
	if !n.wide && g.options.Sampling == 0 {
		g.absent(f.id, reason{origin: origin, code: int32(nvml.ERROR_NOT_SUPPORTED)})
		return
	}
	direction := int(f.id - nvmlwire.PCIeSent)
	g.traffic[direction].Add(n.bits, n.wide, now)
	g.trafficOrigin[direction] = origin
	if n.wide {
		for i, sampled := range g.tick.fields {
			if sampled == f {
				g.tick.fields[i], g.tick.gone = nil, true
			}
		}
	}
}

// emitTraffic reports what was counted.
func (g *GPU) emitTraffic() {
	for direction, id := range [...]nvmlwire.ReadingID{nvmlwire.PCIeSent, nvmlwire.PCIeReceived} {
		origin := g.trafficOrigin[direction]
		if total, ok := g.traffic[direction].Total(); ok && g.fatal == nvml.SUCCESS && origin.Call != library.CallNone {
			g.count(&g.out, origin, id, 0, total)
			g.trafficOrigin[direction] = Origin{}
		}
	}
}
