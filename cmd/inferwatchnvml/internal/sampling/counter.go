package sampling

import "time"

// Counter makes a counter that only grows from one that wraps at its width, as PCIe's byte counters do.
type Counter struct {
	total  uint64
	last   uint64
	lastAt time.Time
	wide   bool
}

// Add adds a reading; wide tells that it has 64 bits. A 32-bit reading that fell is taken as wrapped, once: the caller samples often
// enough. A 64-bit one that fell was reset, and what it counts since is added.
func (c *Counter) Add(v uint64, wide bool, at time.Time) {
	gap := at.Sub(c.lastAt)
	known := !c.lastAt.IsZero() && wide == c.wide
	switch {
	case !known:
	case wide && v >= c.last:
		c.total += v - c.last
	case wide:
		c.total += v
	case gap <= LongestGap:
		c.total += uint64(uint32(v) - uint32(c.last))
	}
	c.last, c.lastAt, c.wide = v, at, wide
}

// Total is what was counted since the first reading, and whether there was one.
func (c *Counter) Total() (uint64, bool) { return c.total, !c.lastAt.IsZero() }
