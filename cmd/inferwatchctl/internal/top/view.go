// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"slices"
	"time"
	"unicode/utf8"
)

// View lays a Host out as lines of a terminal.
type View struct {
	Width  int // columns
	Height int // lines; 0 for as many as it takes
	Color  bool
	// Bars draws bars and lines of history. Without it there are numbers only.
	Bars bool
	// Unicode draws with block elements, else with ASCII.
	Unicode bool
}

// detail is how much is shown. What does not fit goes in this order: processes, details, slices.
type detail struct {
	processes    int // of each device
	history, mig bool
}

const (
	mostProcesses = 5
	processIndent = 4
)

func levels() []detail {
	return []detail{
		{mostProcesses, true, true}, {2, true, true}, {1, true, true}, {1, false, true}, {0, false, true}, {0, false, false},
	}
}

// Lines renders what is known of a host at now.
func (v View) Lines(h *Host, now time.Time) []string {
	lines := v.compose(h, levels()[0], now)
	if v.Height > 0 && len(lines) > v.Height {
		lines = v.squeeze(h, len(lines), now)
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l.render(v.Width, v.Color)
	}
	return out
}

// squeeze shows less until it fits, and says how many of all lines are not there.
func (v View) squeeze(h *Host, all int, now time.Time) []line {
	room := max(0, v.Height-1)
	var lines []line
	for _, d := range levels()[1:] {
		if lines = v.compose(h, d, now); len(lines) <= room {
			break
		}
	}
	lines = lines[:min(len(lines), room)]
	missing := all - len(lines)
	return append(lines, line{{fmt.Sprintf("… %d more %s in a taller window, or with --gpu", missing, plural(missing, "line")), dim}})
}

func (v View) compose(h *Host, d detail, now time.Time) []line {
	lines := v.heading(h, now)
	if len(h.GPUs) == 0 {
		return append(lines, wrap("No GPU: "+h.absence()+".", warning, v.Width)...)
	}
	var rows []row
	longest := 0
	for _, gpu := range h.GPUs {
		for _, device := range slices.Concat([]*Device{gpu}, gpu.Slices) {
			rows = append(rows, deviceRow(device))
			for _, p := range device.Processes[:min(len(device.Processes), d.processes)] {
				longest = max(longest, utf8.RuneCountInString(p.label())+processIndent+2)
			}
		}
	}
	c := fit(rows, longest, v.Width, v.Bars)
	title := c.render(titles(), v.Unicode)
	for i := range title {
		title[i].style = bold
	}
	lines = append(lines, nil, title)
	for _, gpu := range h.GPUs {
		lines = append(lines, v.gpu(gpu, h, c, d, now)...)
	}
	return lines
}

func (v View) gpu(gpu *Device, h *Host, c columns, d detail, now time.Time) []line {
	lines := []line{c.render(deviceRow(gpu), v.Unicode)}
	if items := alerts(gpu, h, now); len(items) > 0 {
		lines = append(lines, list("    ! ", items, ", ", v.Width))
	}
	if d.history {
		if l := v.history(gpu, h, now); len(l) > 0 {
			lines = append(lines, l)
		}
	}
	lines = append(lines, processes(gpu.Processes, c, d.processes, processIndent)...)
	if !d.mig {
		return lines
	}
	for _, slice := range gpu.Slices {
		lines = append(lines, c.render(deviceRow(slice), v.Unicode))
		lines = append(lines, processes(slice.Processes, c, d.processes, processIndent+2)...)
	}
	return lines
}

func processes(held []Process, c columns, most, indent int) []line {
	var lines []line
	for _, p := range held[:min(len(held), most)] {
		lines = append(lines, c.process(p, indent))
	}
	if rest := len(held) - most; rest > 0 && most == mostProcesses {
		lines = append(lines, line{{fmt.Sprintf("%*s… %d more", indent, "", rest), dim}})
	}
	return lines
}

// history is the line of the past minute, and of what else is known.
func (v View) history(d *Device, h *Host, now time.Time) line {
	const head = "    "
	var items []piece
	if v.Bars && len(d.History) > 0 {
		end := now
		if !h.At.IsZero() {
			end = h.At
		}
		items = append(items, piece{sparkline(d.History, end, 20, v.Unicode), plain})
	}
	items = append(items, traffic("pcie", d.Rates, metricPCIe)...)
	items = append(items, traffic("nvlink", d.Rates, metricNVLink)...)
	for _, share := range []struct {
		name  string
		value float64
	}{{"enc", d.Encoder}, {"dec", d.Decoder}, {"mem busy", d.MemoryBusy}, {"fan", d.Fan}} {
		if share.value > 0 {
			items = append(items, piece{share.name + " " + percent(share.value), dim})
		}
	}
	if !math.IsNaN(d.MemoryTemperature) {
		items = append(items, piece{"mem " + number(d.MemoryTemperature, "%.0fC"), dim})
	}
	if len(items) == 0 {
		return nil
	}
	return list(head, items, "  ", v.Width)
}

func traffic(name string, rates map[counter]float64, metric string) []piece {
	receive, transmit := valueAt(rates, counter{metric, "receive"}), valueAt(rates, counter{metric, "transmit"})
	if math.IsNaN(receive) || math.IsNaN(transmit) {
		return nil
	}
	return []piece{{fmt.Sprintf("%s rx %s tx %s", name, bytesPerSecond(receive), bytesPerSecond(transmit)), plain}}
}

func nan() float64 { return math.NaN() }
