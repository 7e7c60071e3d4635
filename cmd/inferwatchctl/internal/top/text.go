// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

const none = "-"

// number prints v, or none where the page has no value.
func number(v float64, format string) string {
	if math.IsNaN(v) {
		return none
	}
	return fmt.Sprintf(format, v)
}

func percent(share float64) string { return number(share*100, "%.0f%%") }

// gibibytes prints memory, which is counted in binary units.
func gibibytes(v float64) string {
	switch {
	case math.IsNaN(v):
		return none
	case v == 0:
		return "0"
	case v >= 99.95*(1<<30):
		return fmt.Sprintf("%.0fG", v/(1<<30))
	case v >= 1<<30:
		return fmt.Sprintf("%.1fG", v/(1<<30))
	}
	return fmt.Sprintf("%.0fM", v/(1<<20))
}

// usage prints used/size with the unit once.
func usage(used, size float64) string {
	if math.IsNaN(used) && math.IsNaN(size) {
		return none
	}
	if math.IsNaN(size) {
		return gibibytes(used)
	}
	u, s := gibibytes(used), gibibytes(size)
	if strings.HasSuffix(u, "G") && strings.HasSuffix(s, "G") {
		u = strings.TrimSuffix(u, "G")
	}
	return u + "/" + s
}

// bytesPerSecond prints traffic, which is counted in decimal units.
func bytesPerSecond(v float64) string {
	for _, unit := range []string{"B/s", "kB/s", "MB/s", "GB/s"} {
		if v < 999.5 || unit == "GB/s" {
			if v < 9.95 && unit != "B/s" {
				return fmt.Sprintf("%.1f %s", v, unit)
			}
			return fmt.Sprintf("%.0f %s", v, unit)
		}
		v /= 1000
	}
	return none
}

func energy(joules float64) string {
	switch wh := joules / 3600; {
	case wh >= 999.95e3:
		return fmt.Sprintf("%.2f MWh", wh/1e6)
	case wh >= 999.95:
		return fmt.Sprintf("%.1f kWh", wh/1e3)
	default:
		return fmt.Sprintf("%.0f Wh", wh)
	}
}

// age prints how long ago something was, in one unit.
func age(d time.Duration) string {
	switch d = max(d, 0); {
	case d < 100*time.Second:
		return fmt.Sprintf("%.0fs", d.Seconds())
	case d < 100*time.Minute:
		return fmt.Sprintf("%.0fm", d.Minutes())
	}
	return fmt.Sprintf("%.0fh", d.Hours())
}

// shorten cuts text to width columns, with a mark where something is missing.
func shorten(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	if width <= 0 {
		return ""
	}
	return string([]rune(text)[:width-1]) + "…"
}

func padRight(text string, width int) string {
	text = shorten(text, width)
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

func padLeft(text string, width int) string {
	text = shorten(text, width)
	return strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text))) + text
}

// printable keeps control characters, which a name could bring, off the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, text)
}

// bar draws a share. A blank one is of a share that is not known.
func bar(share float64, width int, unicode bool) string {
	if math.IsNaN(share) {
		return strings.Repeat(" ", max(0, width))
	}
	full, empty := "#", "."
	if unicode {
		full, empty = "█", "░"
	}
	n := int(math.Round(min(max(share, 0), 1) * float64(width)))
	return strings.Repeat(full, n) + strings.Repeat(empty, width-n)
}

// longestGap is how far apart two readings may be for the line between them to be drawn: twice the collection interval, by default.
const longestGap = 20 * time.Second

// sparkline draws the minute before end, oldest first, blank where nothing was read. A reading is the mean since the one before it, and
// so it covers the time between the two.
func sparkline(points []Point, end time.Time, width int, unicode bool) string {
	ramp := []rune("_.:-=+*#")
	if unicode {
		ramp = []rune("▁▂▃▄▅▆▇█")
	}
	sum, count := make([]float64, width), make([]int, width)
	last := -1
	for i, p := range points {
		cell := width - 1 - int(end.Sub(p.At)*time.Duration(width)/historyLength)
		first := cell
		if i > 0 && last < cell && p.At.Sub(points[i-1].At) <= longestGap {
			first = last + 1
		}
		for c := max(first, 0); c <= min(cell, width-1); c++ {
			sum[c] += p.Value
			count[c]++
		}
		last = cell
	}
	cells := []rune(strings.Repeat(" ", width))
	for i := range cells {
		if count[i] > 0 {
			level := int(min(max(sum[i]/float64(count[i]), 0), 1) * float64(len(ramp)))
			cells[i] = ramp[min(level, len(ramp)-1)]
		}
	}
	return string(cells)
}
