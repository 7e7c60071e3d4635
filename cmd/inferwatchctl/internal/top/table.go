// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// row is one device as cells, and as the shares that its bars show.
type row struct {
	index, name, uuid, state            string
	percent, memory, power, temp, clock string
	util, memoryShare                   float64
	style                               style // of state
}

func deviceRow(d *Device) row {
	r := row{
		name: strings.TrimPrefix(d.Name, "NVIDIA "), uuid: shortID(d.ID), state: string(d.State), style: d.State.style(),
		util: d.Utilization, percent: percent(d.Utilization),
		memoryShare: d.MemoryShare, memory: usage(d.MemoryUsed, d.MemorySize),
		power: pair(d.Power, d.PowerLimit, "W"), temp: number(d.Temperature, "%.0fC"), clock: number(d.Clock/1e6, "%.0f"),
	}
	if r.index = none; d.Index >= 0 {
		r.index = number(float64(d.Index), "%.0f")
	}
	if d.Parent != "" {
		r.index, r.name, r.power, r.temp, r.clock = "", "  MIG "+d.Profile, "", "", ""
	}
	if r.state == "" {
		r.state = none
	}
	if d.Parent != "" && d.State == StateNone {
		r.state = ""
	}
	return r
}

// shortID is the first group of a UUID.
func shortID(id string) string {
	_, uuid, found := strings.Cut(id, "-")
	if !found {
		uuid = id
	}
	group, _, _ := strings.Cut(uuid, "-")
	return group
}

// columns are the widths of a table, in columns of the terminal.
type columns struct {
	index, name, uuid, state, bar, percent, memoryBar, memory, power, temp, clock int
}

const (
	leastName = 11
	mostName  = 28
	leastBar  = 4
	mostBar   = 12
)

// fit gives each column what its widest cell needs; names and bars share what is left of width. longest is the text of the longest
// process, which stands under the columns on the left.
func fit(rows []row, longest, width int, bars bool) columns {
	c := columns{index: 3, uuid: 8}
	for _, r := range append(rows, titles()) {
		grow(&c.index, r.index)
		grow(&c.name, r.name)
		grow(&c.uuid, r.uuid)
		grow(&c.state, r.state)
		grow(&c.percent, r.percent)
		grow(&c.memory, r.memory)
		grow(&c.power, r.power)
		grow(&c.temp, r.temp)
		grow(&c.clock, r.clock)
	}
	c.percent = max(c.percent, len("100%"))
	c.uuid = min(c.uuid, 12)
	const gaps = 8
	room := width - gaps - c.index - c.uuid - c.state - c.percent - c.memory - c.power - c.temp - c.clock
	if !bars {
		c.name = min(max(c.name, longest-c.left()+c.name), max(leastName, room))
		return c
	}
	c.name = min(c.name, max(leastName, min(mostName, room-2*leastBar-2)))
	c.bar = min(mostBar, max(0, (room-c.name-2)/2))
	if c.memoryBar = c.bar; c.bar < leastBar {
		c.bar, c.memoryBar = max(0, room-c.name-1), 0
	}
	// What a wide terminal has beyond the widest bars goes to the names of processes.
	if spare := room - c.name - c.bar - c.memoryBar - 2; spare > 0 {
		c.name += min(spare, max(0, longest-c.left()))
	}
	return c
}

// left is the width of all that stands before the figure of utilisation.
func (c columns) left() int {
	left := c.index + c.name + c.uuid + c.state + 3
	if c.bar > 0 {
		left += c.bar + 1
	}
	return left
}

func grow(width *int, cell string) { *width = max(*width, utf8.RuneCountInString(cell)) }

func titles() row {
	return row{
		index: "GPU", name: "NAME", uuid: "UUID", state: "STATE", percent: "UTIL", memory: "MEMORY", power: "POWER", temp: "TEMP", clock: "MHz",
		util: nan(), memoryShare: nan(),
	}
}

func (c columns) render(r row, unicode bool) line {
	l := line{{padLeft(r.index, c.index) + " " + padRight(r.name, c.name) + " " + padRight(r.uuid, c.uuid) + " ", plain}}
	l.add(padRight(r.state, c.state), r.style)
	l.add(" ", plain)
	c.tail(&l, r, unicode)
	l.add(" "+padLeft(r.power, c.power)+" "+padLeft(r.temp, c.temp)+" "+padLeft(r.clock, c.clock), plain)
	return l
}

// tail adds utilisation and memory.
func (c columns) tail(l *line, r row, unicode bool) {
	if c.bar > 0 {
		l.add(bar(r.util, c.bar, unicode)+" ", plain)
	}
	l.add(padLeft(r.percent, c.percent)+" ", plain)
	if c.memoryBar > 0 {
		l.add(bar(r.memoryShare, c.memoryBar, unicode)+" ", plain)
	}
	l.add(padLeft(r.memory, c.memory), plain)
}

// process renders a process: its names from the left to where utilisation begins, its shares below those of its GPU.
func (c columns) process(p Process, indent int) line {
	l := line{{padRight(strings.Repeat(" ", indent)+p.label(), c.left()) + " ", dim}}
	l.add(padLeft(percent(p.SM), c.percent)+" ", dim)
	if c.memoryBar > 0 {
		l.add(strings.Repeat(" ", c.memoryBar+1), plain)
	}
	l.add(padLeft(gibibytes(p.Memory), c.memory), dim)
	return l
}

// label is all that names a process.
func (p Process) label() string {
	words := slices.DeleteFunc([]string{p.PID, p.Executable, p.Container}, func(word string) bool { return word == "" })
	return strings.Join(words, " ")
}
