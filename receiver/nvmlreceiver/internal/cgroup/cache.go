// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"

import (
	"sync"
	"time"
)

// State is what Cache knows about a PID.
type State int

// The states of a PID.
const (
	// Unknown: never read, or too long ago.
	Unknown State = iota
	// Known: read, and the entry is at hand.
	Known
	// Missing: a read failed a short while ago, so another one is not worth its cost yet.
	Missing
)

// CacheConfig bounds a Cache. Every field must be set.
type CacheConfig struct {
	// MaxEntries bounds the entries, known and missing together.
	MaxEntries int
	// MissingFor is how long a failed read is remembered.
	MissingFor time.Duration
	// MaxAge is how long an entry counts that could not be verified again.
	MaxAge time.Duration
	// Reread is after how long a process that lives on is read anew, for it may have been moved to another cgroup.
	Reread time.Duration
	// Now is the clock.
	Now func() time.Time
}

// Entry is a process with what the cache knows about it. It never changes.
type Entry struct {
	Process
	// FirstSeen is when this very process (PID and start time) was first put in.
	FirstSeen time.Time
}

// record is what is kept of a PID; without an entry it remembers a failure.
type record struct {
	entry          *Entry
	read, verified time.Time
}

// Cache keeps processes by PID. All methods may be called at the same time and none blocks on I/O.
type Cache struct {
	cfg     CacheConfig
	mu      sync.Mutex
	records map[uint32]record
	stats   CacheStats
}

// CacheStats counts since the cache was made.
type CacheStats struct {
	// Entries now.
	Entries int
	// Overflows are entries refused because the cache was full.
	Overflows uint64
	// Reused are PIDs found to name another process than before.
	Reused uint64
	// MissingHits are look-ups answered by a remembered failure.
	MissingHits uint64
}

// NewCache makes an empty cache.
func NewCache(cfg CacheConfig) *Cache {
	return &Cache{cfg: cfg, records: make(map[uint32]record)}
}

// Get looks a PID up. An entry not verified within MaxAge is Unknown. The entry is nil unless the state is Known.
func (c *Cache) Get(pid uint32) (*Entry, State) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.records[pid]
	if !ok {
		return nil, Unknown
	}
	age := c.cfg.Now().Sub(r.verified)
	switch {
	case r.entry == nil && age < c.cfg.MissingFor:
		c.stats.MissingHits++
		return nil, Missing
	case r.entry == nil, age > c.cfg.MaxAge:
		return nil, Unknown
	}
	return r.entry, Known
}

// Verify tells whether the process of this start time is known and needs no new reading; then its entry counts as verified now.
func (c *Cache) Verify(pid uint32, start uint64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, ok := c.records[pid]
	now := c.cfg.Now()
	if !ok || r.entry == nil || r.entry.StartTime != start || now.Sub(r.read) > c.cfg.Reread {
		return false
	}
	r.verified = now
	c.records[pid] = r
	return true
}

// Put keeps what was read of a process.
func (c *Cache) Put(pid uint32, p Process) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.cfg.Now()
	e := &Entry{Process: p, FirstSeen: now}
	if old := c.records[pid].entry; old != nil {
		if old.StartTime == p.StartTime {
			e.FirstSeen = old.FirstSeen
		} else {
			c.stats.Reused++
		}
	}
	c.put(pid, record{entry: e, read: now, verified: now})
}

// PutMissing remembers that a read failed.
func (c *Cache) PutMissing(pid uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(pid, record{verified: c.cfg.Now()})
}

func (c *Cache) put(pid uint32, r record) {
	if _, ok := c.records[pid]; !ok && len(c.records) >= c.cfg.MaxEntries {
		c.stats.Overflows++
		return
	}
	c.records[pid] = r
}

// Retain drops every PID for which keep is false: a process that is on no GPU any more leaves at once.
func (c *Cache) Retain(keep func(pid uint32) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for pid := range c.records {
		if !keep(pid) {
			delete(c.records, pid)
		}
	}
}

// Stats gives the counters.
func (c *Cache) Stats() CacheStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.stats
	s.Entries = len(c.records)
	return s
}
