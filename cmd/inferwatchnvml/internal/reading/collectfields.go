//go:build linux && cgo

package reading

import (
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// sum is one asSum reading, over links.
type sum struct {
	total  uint64
	origin Origin
}

// The sums: NVLinkErrors by LinkError, and the two directions.
const (
	sumErrors   = int(nvmlwire.LinkEffective) + 1
	sumSent     = sumErrors
	sumReceived = sumErrors + 1
	sumCount    = sumErrors + 2
)

func sumOf(f *field) int {
	switch f.id {
	case nvmlwire.NVLinkSent:
		return sumSent
	case nvmlwire.NVLinkReceived:
		return sumReceived
	default:
		return int(f.sub)
	}
}

// fill makes the batches of all that is wanted.
func (g *GPU) fill() {
	g.full.clear()
	g.tick.clear()
	for i := range fields {
		f := &fields[i]
		if !g.options.Want.Has(f.group) {
			continue
		}
		g.full.add(f, f.scope)
		if f.sampled {
			g.tick.add(f, f.scope)
		}
	}
	g.links = 0
	if g.options.Want&(nvmlwire.GroupNVLink|nvmlwire.GroupErrors|nvmlwire.GroupLinkState) != 0 {
		g.fillLinks()
	}
}

// fillLinks asks for the number of links, and which way of counting this board has. NVLink 5 counts link by link; where it does, the
// sums of older boards would count the same bytes twice.
func (g *GPU) fillLinks() {
	probe := [3]nvml.FieldValue{
		{FieldId: nvml.FI_DEV_NVLINK_LINK_COUNT},
		{FieldId: nvml.FI_DEV_NVLINK_COUNT_XMIT_BYTES},
		{FieldId: nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, ScopeId: allLinks},
	}
	if !g.may(library.CallFieldValues, 0, 0) {
		return
	}
	if g.meter.End(g.device.GetFieldValues(probe[:])) != nvml.SUCCESS || probe[0].NvmlReturn != 0 {
		return
	}
	if n, ok := decode(nvml.ValueType(probe[0].ValueType), probe[0].Value); ok && n.within(0, nvml.NVLINK_MAX_LINKS) {
		g.links = int(n.bits)
	}
	if probe[1].NvmlReturn != 0 {
		return
	}
	for i := range linkFields {
		f := &linkFields[i]
		if !g.options.Want.Has(f.group) || (f.group == nvmlwire.GroupNVLink && probe[2].NvmlReturn == 0) {
			continue
		}
		for link := range g.links {
			g.full.add(f, uint32(link))
		}
	}
}

// readFields asks for all fields at once.
func (g *GPU) readFields(now time.Time) {
	if !g.full.ask(&g.asker) {
		for _, f := range g.full.fields {
			g.absent(f.id, g.why[0])
		}
		return
	}
	g.sums = [sumCount]sum{}
	for i, f := range g.full.fields {
		g.take(&g.full, i, f, now, &g.out)
	}
	for i := range g.sums {
		if s := &g.sums[i]; s.origin.Call != library.CallNone {
			switch i {
			case sumSent:
				g.count(&g.out, s.origin, nvmlwire.NVLinkSent, 0, s.total)
			case sumReceived:
				g.count(&g.out, s.origin, nvmlwire.NVLinkReceived, 0, s.total)
			default:
				g.count(&g.out, s.origin, nvmlwire.NVLinkErrors, uint16(i), s.total)
			}
		}
	}
	if g.full.gone {
		g.full.compact()
	}
}

// take takes one field's value. out is nil at a tick.
func (g *GPU) take(b *batch, i int, f *field, now time.Time, out *nvmlwire.Device) {
	value := &b.values[i]
	origin := Origin{Call: library.CallFieldValues, Field: f.field}
	if ret := nvml.Return(value.NvmlReturn); ret != nvml.SUCCESS {
		g.note(origin, ret, f.id)
		switch {
		case library.ClassOf(ret) == library.ClassUnsupported:
			b.fields[i], b.gone = nil, true
		case f.form == asSum && b.last[i] > 0:
			g.add(origin, f, b.last[i])
		}
		return
	}
	n, ok := decode(nvml.ValueType(value.ValueType), value.Value)
	if !ok {
		g.implausible(origin, f.id)
		return
	}
	g.answers++
	switch f.form {
	case asGauge, asFlag:
		g.takeGauge(origin, f, n, out)
	case asPower:
		g.takePower(origin, n.float, now)
	default:
		if !n.countable() {
			g.implausible(origin, f.id)
			return
		}
		g.takeCount(b, i, origin, f, n, now)
	}
}

func (g *GPU) takeGauge(origin Origin, f *field, n number, out *nvmlwire.Device) {
	switch {
	case n.ones || !n.within(f.low, f.high):
		g.implausible(origin, f.id)
	case f.form == asFlag:
		g.gauge(out, origin, f.id, f.sub, n.float)
	default:
		g.gauge(out, origin, f.id, f.sub, n.float*f.unit)
	}
}

// takeCount takes a counter. Field 75, any thermal reason, is of boards that do not tell its two kinds apart.
func (g *GPU) takeCount(b *batch, i int, origin Origin, f *field, n number, now time.Time) {
	switch f.form {
	case asCounter:
		if f.field == fieldThermal && g.has(nvmlwire.ThrottleTime, nvmlwire.ReasonSWThermal) {
			b.fields[i], b.gone = nil, true
			return
		}
		g.count(&g.out, origin, f.id, f.sub, n.bits)
	case asSum:
		b.last[i] = n.bits
		g.add(origin, f, n.bits)
	case asEnergy:
		if !g.energy.accept(n.bits, g.limit, now) {
			g.implausible(origin, f.id)
			return
		}
		g.count(&g.out, origin, f.id, f.sub, n.bits)
	case asTraffic:
		g.takeTraffic(origin, f, n, now)
	default:
	}
}

func (g *GPU) add(origin Origin, f *field, v uint64) {
	s := &g.sums[sumOf(f)]
	s.total += v * uint64(f.unit)
	s.origin = origin
}

// has tells whether a reading was taken in this collection.
func (g *GPU) has(id nvmlwire.ReadingID, sub uint16) bool {
	for i := range g.out.Readings {
		if r := &g.out.Readings[i]; r.ID == id && r.Sub == sub {
			return true
		}
	}
	return false
}

// readScalars makes the calls of the table.
func (g *GPU) readScalars() {
	for i := range scalars {
		s := &scalars[i]
		if !g.options.Want.Has(s.group) || (s.fallback && g.read(s.id)) || !g.may(s.call, s.argument, s.id) {
			continue
		}
		v, ret := s.read(g.device)
		if !g.done(s.call, s.argument, s.id, ret) {
			continue
		}
		origin := Origin{Call: s.call}
		switch {
		case s.unit == 0 && v >= 0:
			g.count(&g.out, origin, s.id, s.sub, uint64(v))
		case s.unit == 0 || v < s.low || v > s.high:
			g.implausible(origin, s.id)
		default:
			g.gauge(&g.out, origin, s.id, s.sub, float64(v)*s.unit)
			if s.id == nvmlwire.PowerLimit {
				g.limit = float64(v) * s.unit
			}
		}
	}
}
