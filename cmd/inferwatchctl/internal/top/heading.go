// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// heading is what concerns the whole host.
func (v View) heading(h *Host, now time.Time) []line {
	title := line{{"inferwatchctl top", bold}, {"  " + h.Name, plain}}
	if h.Simulated {
		title.add("  ", plain)
		title.add("SIMULATED", inverse)
	}
	title.add(fmt.Sprintf("  %d %s", len(h.GPUs), plural(len(h.GPUs), "GPU")), plain)
	if len(h.Drivers) > 0 {
		title.add("  driver "+strings.Join(h.Drivers, ", "), plain)
	}
	if len(h.CUDA) > 0 {
		title.add("  CUDA "+strings.Join(h.CUDA, ", "), plain)
	}
	clock := now.Format(time.TimeOnly)
	if room := v.Width - title.width() - len(clock); room >= 2 {
		title.add(strings.Repeat(" ", room)+clock, dim)
	}
	lines := []line{title}
	if len(h.GPUs) > 0 {
		lines = append(lines, v.totals(h))
	}
	if text := h.library(); text != "" && len(h.GPUs) > 0 {
		lines = append(lines, wrap("! "+text, alarm, v.Width)...)
	}
	if old := now.Sub(h.At); !h.At.IsZero() && old > pageStaleAfter {
		text := fmt.Sprintf("! the newest reading is %s old: inferwatch reads no GPU any more, or its clock and this one differ", age(old))
		lines = append(lines, wrap(text, alarm, v.Width)...)
	}
	return lines
}

// pageStaleAfter is when the newest reading is too old to be taken for now.
const pageStaleAfter = 2 * time.Minute

func (v View) totals(h *Host) line {
	power, limit, joules, mean := math.NaN(), math.NaN(), math.NaN(), math.NaN()
	states := map[State]int{}
	for _, d := range h.GPUs {
		power, joules = plus(power, d.Power), plus(joules, valueAt(d.Counters, counter{metricEnergy, ""}))
		limit, mean = plus(limit, d.PowerLimit), plus(mean, valueAt(d.Rates, counter{metricEnergy, ""}))
		if d.State != StateNone {
			states[d.State]++
		}
	}
	var items []piece
	if !math.IsNaN(power) {
		items = append(items, piece{"power " + pair(power, limit, "W"), plain})
	}
	if !math.IsNaN(joules) {
		items = append(items, piece{"energy " + energy(joules), plain})
	}
	if !math.IsNaN(mean) {
		items = append(items, piece{fmt.Sprintf("mean %.0fW", mean), plain})
	}
	for _, state := range []State{StateOK, StateDegraded, StateLost, StateHung, StateFailed, StateStale} {
		if n := states[state]; n > 0 {
			items = append(items, piece{fmt.Sprintf("%d %s", n, state), state.style()})
			delete(states, state)
		}
	}
	for _, state := range sortedStates(states) {
		items = append(items, piece{fmt.Sprintf("%d %s", states[state], state), alarm})
	}
	return list("", items, "  ", v.Width)
}

func sortedStates(states map[State]int) []State {
	var sorted []State
	for state := range states {
		sorted = append(sorted, state)
	}
	slices.Sort(sorted)
	return sorted
}

func (s State) style() style {
	switch s {
	case StateNone, StateOK:
		return plain
	case StateDegraded:
		return warning
	}
	return alarm
}

// plus adds what is known.
func plus(a, b float64) float64 {
	switch {
	case math.IsNaN(a):
		return b
	case math.IsNaN(b):
		return a
	}
	return a + b
}

func valueAt(values map[counter]float64, c counter) float64 {
	if v, ok := values[c]; ok {
		return v
	}
	return math.NaN()
}

// pair prints value/limit with the unit once.
func pair(value, limit float64, unit string) string {
	switch {
	case math.IsNaN(value) && math.IsNaN(limit):
		return none
	case math.IsNaN(limit):
		return number(value, "%.0f") + unit
	}
	return number(value, "%.0f") + "/" + number(limit, "%.0f") + unit
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
