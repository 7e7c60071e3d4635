// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func testCache(maxEntries int) (*Cache, *time.Time) {
	now := time.Unix(1_700_000_000, 0)
	return NewCache(CacheConfig{
		MaxEntries: maxEntries,
		MissingFor: 30 * time.Second,
		MaxAge:     time.Minute,
		Reread:     5 * time.Minute,
		Now:        func() time.Time { return now },
	}), &now
}

func state(c *Cache, pid uint32) State {
	_, s := c.Get(pid)
	return s
}

func TestCacheMissingIsRememberedForAWhile(t *testing.T) {
	c, now := testCache(10)
	assert.Equal(t, Unknown, state(c, 7))
	c.PutMissing(7)
	assert.Equal(t, Missing, state(c, 7))
	*now = now.Add(31 * time.Second)
	assert.Equal(t, Unknown, state(c, 7))
	assert.Equal(t, uint64(1), c.Stats().MissingHits)
}

func TestCacheUnverifiedEntryAges(t *testing.T) {
	c, now := testCache(10)
	c.Put(7, Process{StartTime: 1})
	for range 3 {
		*now = now.Add(59 * time.Second)
		assert.Equal(t, Known, state(c, 7))
		assert.True(t, c.Verify(7, 1))
	}
	*now = now.Add(61 * time.Second)
	assert.Equal(t, Unknown, state(c, 7), "never verified since: not to be trusted")
}

func TestCacheLongLivedProcessIsReadAgain(t *testing.T) {
	c, now := testCache(10)
	c.Put(7, Process{StartTime: 1})
	first, _ := c.Get(7)
	for range 6 {
		*now = now.Add(50 * time.Second)
		c.Verify(7, 1)
	}
	*now = now.Add(time.Second)
	assert.False(t, c.Verify(7, 1), "it may have been moved to another cgroup")
	c.Put(7, Process{StartTime: 1, Name: "moved"})
	again, _ := c.Get(7)
	assert.Equal(t, first.FirstSeen, again.FirstSeen, "it is the same process still")
	assert.Zero(t, c.Stats().Reused)
}

func TestCacheReusedPID(t *testing.T) {
	c, now := testCache(10)
	c.Put(7, Process{StartTime: 1, Name: "old"})
	*now = now.Add(time.Second)
	assert.False(t, c.Verify(7, 2))
	c.Put(7, Process{StartTime: 2, Name: "new"})
	e, s := c.Get(7)
	assert.Equal(t, Known, s)
	assert.Equal(t, "new", e.Name)
	assert.Equal(t, *now, e.FirstSeen)
	assert.Equal(t, uint64(1), c.Stats().Reused)
}

func TestCacheBoundAndRetain(t *testing.T) {
	c, _ := testCache(2)
	for pid := range uint32(4) {
		c.Put(pid, Process{StartTime: 1})
	}
	c.Put(0, Process{StartTime: 1})
	assert.Equal(t, CacheStats{Entries: 2, Overflows: 2}, c.Stats())
	c.Retain(func(pid uint32) bool { return pid == 1 })
	assert.Equal(t, Unknown, state(c, 0))
	assert.Equal(t, Known, state(c, 1))
	c.Put(3, Process{StartTime: 1})
	assert.Equal(t, Known, state(c, 3), "room again")
}
