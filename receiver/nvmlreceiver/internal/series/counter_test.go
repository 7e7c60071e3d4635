// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package series

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

func at(second int) time.Time { return time.Unix(int64(second), 0) }

func TestStart(t *testing.T) {
	type step struct{ value, zero, now, start int }
	for name, steps := range map[string][]step{
		"grows":              {{5, 1, 10, 1}, {5, 1, 20, 1}, {9, 1, 30, 1}},
		"reset":              {{5, 1, 10, 1}, {9, 1, 20, 1}, {2, 1, 30, 20}, {4, 1, 40, 20}},
		"two resets":         {{5, 1, 10, 1}, {0, 1, 20, 10}, {7, 1, 30, 10}, {3, 1, 40, 30}},
		"away, then reset":   {{5, 1, 10, 1}, {2, 1, 90, 10}},
		"wrap of 32 bits":    {{1<<32 - 1, 1, 10, 1}, {3, 1, 20, 10}},
		"new zero":           {{5, 1, 10, 1}, {9, 15, 20, 15}, {12, 15, 30, 15}},
		"new zero, old time": {{5, 1, 10, 1}, {9, 0, 20, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			var counters Counters
			for i, s := range steps {
				start := counters.Start(Key{ID: nvmlwire.EnergyMeter}, uint64(s.value), at(s.zero), at(s.now))
				assert.Equal(t, at(s.start), start, "step %d", i)
			}
		})
	}
}

func TestRestartMakesALargerValueAReset(t *testing.T) {
	var counters Counters
	key := Key{ID: nvmlwire.ECCCorrected}
	counters.Start(key, 5, at(1), at(10))
	counters.Restart()
	assert.Equal(t, at(10), counters.Start(key, 6, at(1), at(20)), "the driver was replaced, so 6 is not one more than 5")
	assert.Equal(t, at(10), counters.Start(key, 7, at(1), at(30)))
}

func TestKeysAreApart(t *testing.T) {
	var counters Counters
	counters.Start(Key{ID: nvmlwire.ThrottleTime, Sub: 1}, 5, at(1), at(10))
	assert.Equal(t, at(1), counters.Start(Key{ID: nvmlwire.ThrottleTime, Sub: 2}, 3, at(1), at(20)))
}
