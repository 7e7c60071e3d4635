// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	// otherError stands for the error types of a GPU beyond the bound on them.
	otherError = "_OTHER"
	// maxGPUs bounds the GPUs whose XIDs are counted. A machine has at most 64.
	maxGPUs = 256
)

// XIDs counts XID errors by GPU and code. Events come in at any time, a collection reports them.
type XIDs struct {
	mu    sync.Mutex
	limit int
	gpus  map[string][]xidCount
}

type xidCount struct {
	kind  string // error.type
	count int64
	start time.Time // zero until it was reported once
}

// NewXIDs makes an empty count that keeps at most limit codes of each GPU apart, and sums the rest.
func NewXIDs(limit int) *XIDs {
	return &XIDs{limit: limit, gpus: map[string][]xidCount{}}
}

// Add counts n XIDs of the GPU with this hw.id, and tells whether there was room for them.
func (x *XIDs) Add(id string, code, n uint64) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	counts, known := x.gpus[id]
	if !known && len(x.gpus) >= maxGPUs {
		return false
	}
	kind := "xid_" + strconv.FormatUint(code, 10)
	i := indexOf(counts, kind)
	if i < 0 && len(counts) >= x.limit {
		kind = otherError
		i = indexOf(counts, kind)
	}
	if i < 0 {
		counts = append(counts, xidCount{kind: kind})
		i = len(counts) - 1
	}
	counts[i].count += int64(n) //nolint:gosec // events are not that many
	x.gpus[id] = counts
	return true
}

func indexOf(counts []xidCount, kind string) int {
	return slices.IndexFunc(counts, func(c xidCount) bool { return c.kind == kind })
}

// Forget drops what was counted of a GPU.
func (x *XIDs) Forget(id string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.gpus, id)
}

// report calls point for each series of a GPU. A series that is new begins at previous, where first is true.
func (x *XIDs) report(id string, previous time.Time, point func(c xidCount, first bool)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range x.gpus[id] {
		c := &x.gpus[id][i]
		first := c.start.IsZero()
		if first {
			c.start = previous
		}
		point(*c, first)
	}
}

// recordXIDs reports a new series first as 0 at the time of the previous collection: a rate over it then has its first error, which
// would otherwise be no increase. What the receiver has counted does not depend on the GPU: XID 79 says that it is gone.
func (c *Converter) recordXIDs(d *device) {
	c.xids.report(d.id, c.previous, func(x xidCount, first bool) {
		c.from(x.start)
		if first {
			c.mb.RecordHwErrorsDataPoint(c.start, 0, d.id, gpu, d.name, x.kind, d.own...)
		}
		c.mb.RecordHwErrorsDataPoint(c.now, x.count, d.id, gpu, d.name, x.kind, d.own...)
	})
}
