// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package series

import (
	"time"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Key tells the counters of one device apart.
type Key struct {
	ID  nvmlwire.ReadingID
	Sub uint16
}

// counter is what is remembered of one series.
type counter struct {
	value uint64
	zero  time.Time // the zero that its source named
	start time.Time
	seen  time.Time
}

// Counters are the counters of one device. The zero value is ready. Who calls Start bounds the keys.
type Counters struct {
	counters map[Key]counter
}

// Start says since when value, read at now, counts. zero is when its source began to count, as far as the source tells. A value below
// the last one, or another zero, is a reset: the series then starts when it was last seen, or at the new zero where that is later.
func (c *Counters) Start(key Key, value uint64, zero, now time.Time) time.Time {
	last, known := c.counters[key]
	next := counter{value: value, zero: zero, start: zero, seen: now}
	if known {
		next.start = last.start
		if value < last.value || !zero.Equal(last.zero) {
			next.start = later(last.seen, zero)
		}
	}
	if c.counters == nil {
		c.counters = map[Key]counter{}
	}
	c.counters[key] = next
	return next.start
}

// Restart makes every next value a reset, whatever it is.
func (c *Counters) Restart() {
	for key, last := range c.counters {
		last.value = ^uint64(0)
		c.counters[key] = last
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
