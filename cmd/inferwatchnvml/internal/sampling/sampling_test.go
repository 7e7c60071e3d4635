package sampling_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/sampling"
)

var start = time.Unix(1_700_000_000, 0)

func TestMean(t *testing.T) {
	var m sampling.Mean
	_, ok := m.Take()
	assert.False(t, ok, "nothing was added")
	m.Add(1)
	m.Add(0)
	mean, ok := m.Take()
	assert.True(t, ok)
	assert.InDelta(t, 0.5, mean, 1e-12)
	_, ok = m.Take()
	assert.False(t, ok, "a mean is of one interval")
}

func TestPowerIntegratesTrapezoids(t *testing.T) {
	var p sampling.Power
	_, ok := p.Joules()
	assert.False(t, ok)
	for i := range 11 { // a ramp from 100 W to 200 W over 1 s
		p.Add(100+10*float64(i), start.Add(time.Duration(i)*100*time.Millisecond))
	}
	joules, ok := p.Joules()
	assert.True(t, ok)
	assert.InDelta(t, 150, joules, 1e-9)
	peak, ok := p.TakePeak()
	assert.True(t, ok)
	assert.InDelta(t, 200, peak, 0)
	_, ok = p.TakePeak()
	assert.False(t, ok)
}

func TestPowerMakesNothingUpOverAGap(t *testing.T) {
	var p sampling.Power
	p.Add(500, start)
	p.Add(500, start.Add(time.Minute))
	joules, _ := p.Joules()
	assert.Zero(t, joules)
	p.Add(500, start.Add(time.Minute-time.Second)) // a clock that went back
	joules, _ = p.Joules()
	assert.Zero(t, joules)
}

func TestCounter(t *testing.T) {
	type reading struct {
		v     uint64
		wide  bool
		after time.Duration
	}
	cases := map[string]struct {
		readings []reading
		want     uint64
	}{
		"first reading is the zero":        {[]reading{{v: 1000}}, 0},
		"grows":                            {[]reading{{v: 1000}, {v: 1500, after: time.Second}}, 500},
		"32 bits wrap":                     {[]reading{{v: math.MaxUint32 - 9}, {v: 10, after: time.Second}}, 20},
		"wraps twice":                      {[]reading{{v: 1 << 31}, {v: 0, after: time.Second}, {v: 1 << 31, after: time.Second}, {v: 0, after: time.Second}}, 3 << 31},
		"32 bits over a gap are not known": {[]reading{{v: 1}, {v: 5, after: time.Minute}}, 0},
		"64 bits over a gap are known":     {[]reading{{v: 1, wide: true}, {v: 5, wide: true, after: time.Minute}}, 4},
		"64 bits fall: reset":              {[]reading{{v: 1 << 40, wide: true}, {v: 7, wide: true, after: time.Second}}, 7},
		"another width is another counter": {[]reading{{v: 10}, {v: 1 << 40, wide: true, after: time.Second}, {v: 1<<40 + 1, wide: true, after: time.Second}}, 1},
		"same instant counts all the same": {[]reading{{v: 1}, {v: 3}}, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var c sampling.Counter
			at := start
			for _, r := range tc.readings {
				at = at.Add(r.after)
				c.Add(r.v, r.wide, at)
			}
			total, ok := c.Total()
			assert.True(t, ok)
			assert.Equal(t, tc.want, total)
		})
	}
}

func FuzzCounterNeverFalls(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint64(0), true)
	f.Add(uint64(math.MaxUint32), uint64(0), uint64(math.MaxUint64), false)
	f.Fuzz(func(t *testing.T, a, b, c uint64, wide bool) {
		var counter sampling.Counter
		before, at := uint64(0), start
		for _, v := range []uint64{a, b, c} {
			if wide {
				v >>= 2 // three of them together stay below 2^64
			}
			counter.Add(v, wide, at)
			total, _ := counter.Total()
			if total < before {
				t.Fatalf("counter fell from %d to %d", before, total)
			}
			before, at = total, at.Add(time.Second)
		}
	})
}
