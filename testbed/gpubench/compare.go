// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// comparison is ours and the bare loop, collection by collection.
type comparison struct {
	reading, pipe, whole times // ours: NVML alone, to the snapshot over the pipe, to the metrics
	readingLoop          times // the loop's of each of reading and pipe
	wholeLoop            times // of each of whole
	calls, loopCalls     uint64
	equal, pairs         int
	leftOut              map[string]int // collections that call what the loop has not, by function
}

// pace is between collections. Every second pair begins with the loop, so that neither always finds warm caches.
const pace = 100 * time.Millisecond

// wanted are the groups that the receiver's default metrics need.
const wanted = nvmlwire.GroupsAll &^ nvmlwire.GroupPCIeLink

// compare makes count pairs.
func compare(s setup, l latency, count int) (*comparison, error) {
	if err := s.play(l); err != nil {
		return nil, err
	}
	c := &comparison{leftOut: map[string]int{}}
	loop, err := start(s.loopTally(), s.loop, s.library)
	if err != nil {
		return nil, err
	}
	err = errors.Join(c.readings(s, loop, count), c.collections(s, loop, count))
	if err = errors.Join(err, loop.stop()); err != nil {
		return nil, err
	}
	if len(c.reading) < count*9/10 || len(c.whole) < count*9/10 {
		return nil, fmt.Errorf("too few pairs, as the loop lacks functions: %v", c.leftOut)
	}
	return c, nil
}

// readings compares inferwatchnvml, asked directly.
func (c *comparison) readings(s setup, loop *party, count int) error {
	r, err := startReader(s, nvmlwire.Hello{Want: wanted})
	if err != nil {
		return err
	}
	var last tally
	for i := range count + 1 {
		time.Sleep(pace)
		first := i%2 == 1 && last != nil
		var before time.Duration
		if first {
			if before, err = loop.run(last.plan()); err != nil {
				return errors.Join(err, r.stop())
			}
		}
		made, snapshot, took, err := c.collectOnce(s, r)
		if err != nil {
			return errors.Join(err, r.stop())
		}
		theirs := before
		if !first {
			if theirs, err = c.mirror(s, loop, made); err != nil {
				return errors.Join(err, r.stop())
			}
		}
		if i > 0 && theirs > 0 {
			c.reading, c.pipe, c.readingLoop = append(c.reading, snapshot.Took), append(c.pipe, took), append(c.readingLoop, theirs)
		}
		if theirs > 0 {
			last = made
		}
	}
	return r.stop()
}

func (c *comparison) collectOnce(s setup, r *reader) (tally, *nvmlwire.Snapshot, time.Duration, error) {
	before, err := readTally(s.calls)
	if err != nil {
		return nil, nil, 0, err
	}
	snapshot, took, err := r.collect()
	if err != nil {
		return nil, nil, 0, err
	}
	after, err := readTally(s.calls)
	return after.since(before).collected(), snapshot, took, err
}

// mirror lets the loop make the same calls, and sees by the library's own count that it did. 0 where it lacks one.
func (c *comparison) mirror(s setup, loop *party, made tally) (time.Duration, error) {
	before, err := readTally(s.loopTally().calls)
	if err != nil {
		return 0, err
	}
	took, err := loop.run(made.plan())
	var unknown unknownCall
	if errors.As(err, &unknown) {
		c.leftOut[string(unknown)]++
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	after, err := readTally(s.loopTally().calls)
	if err != nil {
		return 0, err
	}
	mirrored := after.since(before).collected()
	c.pairs++
	c.calls += made.calls()
	c.loopCalls += mirrored.calls()
	if differences := made.differences(mirrored); len(differences) > 0 {
		return 0, fmt.Errorf("the loop did not make the same calls: %v", differences)
	}
	c.equal++
	return took, nil
}

// collections compares the receiver as a whole: from the tick to the metrics.
func (c *comparison) collections(s setup, loop *party, count int) error {
	receiver, err := start(s, s.self, receiverArguments(s, pace, 0, defaultMetrics)...)
	if err != nil {
		return err
	}
	for range warmUp {
		if _, err := receiver.next(); err != nil {
			return errors.Join(err, receiver.stop())
		}
	}
	before, err := readTally(s.calls)
	for i := 0; i < count && err == nil; i++ {
		err = c.wholeOnce(s, receiver, loop, &before)
	}
	return errors.Join(err, receiver.stop())
}

func (c *comparison) wholeOnce(s setup, receiver, loop *party, before *tally) error {
	took, err := receiver.next()
	if err != nil {
		return err
	}
	after, err := readTally(s.calls)
	if err != nil {
		return err
	}
	theirs, err := c.mirror(s, loop, after.since(*before).collected())
	if err != nil {
		return err
	}
	if theirs > 0 {
		c.whole, c.wholeLoop = append(c.whole, took), append(c.wholeLoop, theirs)
	}
	*before, err = readTally(s.calls)
	return err
}
