//go:build linux && cgo

package reading

import (
	"math"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// rare is a reading that hardly ever changes: taken when the device is learned, reported in every collection.
type rare struct {
	origin Origin
	id     nvmlwire.ReadingID
	sub    uint16
	value  float64
}

// limitsLow and limitsHigh bound a temperature limit, in degrees Celsius.
const limitsLow, limitsHigh = 20, 200

func (g *GPU) readRare() {
	g.rare, g.rareAgain = g.rare[:0], false
	failures := g.failures
	if g.options.Want.Has(nvmlwire.GroupPower) {
		g.readPowerLimits()
	}
	if g.options.Want.Has(nvmlwire.GroupTemperature) {
		g.readTemperatureLimits()
	}
	g.rareAgain = g.rareAgain || g.failures > failures
}

func (g *GPU) emitRare() {
	if g.fatal != nvml.SUCCESS {
		return
	}
	for i := range g.rare {
		r := &g.rare[i]
		g.gauge(&g.out, r.origin, r.id, r.sub, r.value)
	}
}

func (g *GPU) keep(call library.Call, id nvmlwire.ReadingID, sub uint16, value, low, high float64) {
	origin := Origin{Call: call}
	if value < low || value > high {
		g.implausible(origin, id)
		g.rareAgain = true
		return
	}
	g.rare = append(g.rare, rare{origin, id, sub, value})
}

func (g *GPU) readPowerLimits() {
	const id = nvmlwire.PowerLimit
	if g.may(library.CallDefaultLimit, 0, id) {
		if mw, ret := g.device.GetPowerManagementDefaultLimit(); g.done(library.CallDefaultLimit, 0, id, ret) {
			g.keep(library.CallDefaultLimit, id, nvmlwire.LimitDefault, float64(mw)*milliwatt, milliwatt, highestPower)
		}
	}
	if g.may(library.CallLimitConstraints, 0, id) {
		if low, high, ret := g.device.GetPowerManagementLimitConstraints(); g.done(library.CallLimitConstraints, 0, id, ret) {
			g.keep(library.CallLimitConstraints, id, nvmlwire.LimitMin, float64(low)*milliwatt, milliwatt, highestPower)
			g.keep(library.CallLimitConstraints, id, nvmlwire.LimitMax, float64(high)*milliwatt, milliwatt, highestPower)
		}
	}
}

// temperatureLimits are the limits by both ways to ask for them.
var temperatureLimits = [...]struct {
	sub       nvmlwire.Limit
	threshold nvml.TemperatureThresholds
	field     uint16
}{
	{nvmlwire.LimitShutdown, nvml.TEMPERATURE_THRESHOLD_SHUTDOWN, nvml.FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT},
	{nvmlwire.LimitSlowdown, nvml.TEMPERATURE_THRESHOLD_SLOWDOWN, nvml.FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT},
	{nvmlwire.LimitMemoryMax, nvml.TEMPERATURE_THRESHOLD_MEM_MAX, nvml.FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT},
	{nvmlwire.LimitGPUMax, nvml.TEMPERATURE_THRESHOLD_GPU_MAX, nvml.FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT},
}

// readTemperatureLimits asks for the limits as temperatures. Boards that no longer give those give margins: at how many degrees left to
// the board's own limit each of them begins. With the margin left now, and the temperature now, a margin is a temperature.
func (g *GPU) readTemperatureLimits() {
	const call, id = library.CallTemperatureThreshold, nvmlwire.TemperatureLimit
	var have [len(temperatureLimits)]bool
	all := true
	for i := range temperatureLimits {
		l := &temperatureLimits[i]
		if g.may(call, i, id) {
			if t, ret := g.device.GetTemperatureThreshold(l.threshold); g.done(call, i, id, ret) {
				g.keep(call, id, l.sub, float64(t), limitsLow, limitsHigh)
				have[i] = true
			}
		}
		all = all && have[i]
	}
	if !all {
		g.readMargins(have)
	}
}

func (g *GPU) readMargins(have [len(temperatureLimits)]bool) {
	const id = nvmlwire.TemperatureLimit
	if !g.may(library.CallMarginTemperature, 0, id) {
		return
	}
	margin, ret := g.device.GetMarginTemperature()
	if !g.done(library.CallMarginTemperature, 0, id, ret) || !g.may(library.CallTemperature, 0, id) {
		return
	}
	now, ret := temperature(g.device)
	if !g.done(library.CallTemperature, 0, id, ret) || !g.may(library.CallFieldValues, 0, id) {
		return
	}
	var values [len(temperatureLimits)]nvml.FieldValue
	for i := range temperatureLimits {
		values[i].FieldId = uint32(temperatureLimits[i].field)
	}
	if g.meter.End(g.device.GetFieldValues(values[:])) != nvml.SUCCESS {
		return
	}
	zero := float64(now) + float64(margin.MarginTemperature)
	for i := range values {
		n, ok := decode(nvml.ValueType(values[i].ValueType), values[i].Value)
		if have[i] || values[i].NvmlReturn != 0 || !ok {
			continue
		}
		// The margin is signed; some drivers give it as an unsigned number.
		left := n.float
		if left > math.MaxInt32 {
			left = float64(int32(uint32(n.bits)))
		}
		g.keep(library.CallMarginTemperature, id, temperatureLimits[i].sub, zero-left, limitsLow, limitsHigh)
	}
}
