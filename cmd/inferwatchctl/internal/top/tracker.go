// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"maps"
	"math"
	"slices"
	"time"
)

const (
	// historyLength is what the line of past utilisation covers.
	historyLength = time.Minute
	// maxHistory bounds the points of one device.
	maxHistory = 240
	// recently is for how long an error counts as new.
	recently = 5 * time.Minute
)

// Tracker knows what was read before, and adds to a Host what follows from it: rates, history and what is new. It keeps what concerns the
// devices of the last page, and no others. It is not safe for concurrent use.
type Tracker struct {
	tracks map[string]*track
}

type track struct {
	last    Device    // the newest collection
	at      time.Time // its time, or when it was first seen
	rates   map[counter]float64
	history []Point
	recent  map[string]time.Time // by error.type, when it last grew
}

// Update takes a page read at now.
func (t *Tracker) Update(h *Host, now time.Time) {
	next := map[string]*track{}
	for _, gpu := range h.GPUs {
		for _, d := range slices.Concat([]*Device{gpu}, gpu.Slices) {
			if old := t.tracks[d.ID]; old != nil {
				old.update(d, now)
				next[d.ID] = old
			} else {
				next[d.ID] = newTrack(d, now)
			}
			next[d.ID].tell(d, now)
		}
	}
	t.tracks = next
	slices.SortFunc(h.GPUs, byIndex)
}

func newTrack(d *Device, now time.Time) *track {
	tr := &track{last: *d, at: timeAt(d, now), rates: map[counter]float64{}, recent: map[string]time.Time{}}
	tr.remember(d)
	return tr
}

func timeAt(d *Device, now time.Time) time.Time {
	if d.At.IsZero() {
		return now
	}
	return d.At
}

// update works out rates when the page holds another collection than before; a page may be read many times for each.
func (t *track) update(d *Device, now time.Time) {
	if d.Index < 0 {
		d.Index = t.last.Index
	}
	at := timeAt(d, now)
	seconds := at.Sub(t.at).Seconds()
	if seconds <= 0 || d.At.IsZero() && sameReadings(d, &t.last) {
		return
	}
	t.rates = map[counter]float64{}
	for c, value := range d.Counters {
		before, known := t.last.Counters[c]
		if grown := value - before; known && grown >= 0 {
			t.rates[c] = grown / seconds
		}
		if c.metric == metricErrors && value > before {
			t.recent[c.sub] = at
		}
	}
	t.last, t.at = *d, at
	t.remember(d)
}

func (t *track) remember(d *Device) {
	if !math.IsNaN(d.Utilization) {
		t.history = append(t.history, Point{At: t.at, Value: d.Utilization})
	}
	t.history = slices.DeleteFunc(t.history, func(p Point) bool { return t.at.Sub(p.At) > historyLength })
	t.history = t.history[max(0, len(t.history)-maxHistory):]
}

// tell gives a device what is known of it.
func (t *track) tell(d *Device, now time.Time) {
	maps.DeleteFunc(t.recent, func(_ string, at time.Time) bool { return now.Sub(at) > recently })
	d.Rates, d.Recent = maps.Clone(t.rates), maps.Clone(t.recent)
	d.History = slices.Clone(t.history)
}

// sameReadings tells whether two reads are of one collection, for pages without times.
func sameReadings(a, b *Device) bool {
	gauges := func(d *Device) []uint64 {
		return []uint64{
			math.Float64bits(d.Utilization), math.Float64bits(d.MemoryUsed), math.Float64bits(d.MemoryBusy), math.Float64bits(d.Power),
			math.Float64bits(d.Temperature), math.Float64bits(d.Clock),
		}
	}
	return slices.Equal(gauges(a), gauges(b)) && maps.Equal(a.Counters, b.Counters)
}
