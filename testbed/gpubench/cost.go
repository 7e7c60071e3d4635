// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// cost is what the receiver and its helper take while they run.
type cost struct {
	latency           latency
	helper, receiver  share
	helperM, receiveM memory
}

const (
	productionInterval = 10 * time.Second
	productionSampling = 100 * time.Millisecond
)

func receiverArguments(s setup, interval, sampling time.Duration, set metricSet) []string {
	return []string{
		"-role", "receiver", "-helper", s.helper, "-library", s.library, "-interval", interval.String(), "-sampling", sampling.String(),
		"-metrics", string(set),
	}
}

// measureCost runs the receiver as it comes: a collection every 10 s, samples ten times a second.
func measureCost(s setup, l latency, length time.Duration) (cost, error) {
	c := cost{latency: l}
	if err := s.play(l); err != nil {
		return c, err
	}
	s.calls = ""
	receiver, err := start(s, s.self, receiverArguments(s, productionInterval, productionSampling, defaultMetrics)...)
	if err != nil {
		return c, err
	}
	err = c.watch(receiver, length)
	return c, errors.Join(err, receiver.stop())
}

func (c *cost) watch(receiver *party, length time.Duration) error {
	if _, err := receiver.next(); err != nil { // the first collection, which learns what there is
		return err
	}
	time.Sleep(time.Second)
	helper, err := childOf(receiver.pid())
	if err != nil {
		return err
	}
	taken, err := shares(length, helper, receiver.pid())
	if err != nil {
		return err
	}
	c.helper, c.receiver = taken[0], taken[1]
	if c.helperM, err = memoryOf(helper); err != nil {
		return err
	}
	c.receiveM, err = memoryOf(receiver.pid())
	return err
}

// sampled is a way of sampling, and whether the helper waits for events.
type sampled struct {
	interval time.Duration
	events   bool
}

// samplings are what is compared. Those without events show what the stand-in's own waiting takes, which looks at its scenario 50 times
// a second; a driver's waits for an interrupt.
func samplings() []sampled {
	return []sampled{
		{50 * time.Millisecond, true},
		{100 * time.Millisecond, true},
		{200 * time.Millisecond, true},
		{500 * time.Millisecond, true},
		{time.Second, true},
		{0, true},
		{100 * time.Millisecond, false},
		{0, false},
	}
}

func (s sampled) String() string {
	name := s.interval.String()
	if s.interval == 0 {
		name = "off"
	}
	if !s.events {
		name += ", no events"
	}
	return name
}

// compareSamplings runs a reader for each beside each other, with no collection after the first ones, and gives their shares.
func compareSamplings(s setup, l latency, length time.Duration) ([]share, error) {
	if err := s.play(l); err != nil {
		return nil, err
	}
	s.calls = ""
	var readers []*reader
	var pids []int
	for _, sampling := range samplings() {
		r, err := startReader(s, nvmlwire.Hello{Want: wanted, Sampling: sampling.interval, Events: sampling.events})
		if err != nil {
			return nil, fmt.Errorf("sampling at %v: %w", sampling, err)
		}
		readers, pids = append(readers, r), append(pids, r.pid())
	}
	time.Sleep(time.Second)
	taken, err := shares(length, pids...)
	for _, r := range readers {
		err = errors.Join(err, r.stop())
	}
	return taken, err
}

// inside is NVML called by a Go process itself, instead of by a helper.
type inside struct {
	collection, loop times
	loaded, empty    memory
}

func measureInside(s setup, l latency, count int) (*inside, error) {
	if err := s.play(l); err != nil {
		return nil, err
	}
	r, err := startReader(s, nvmlwire.Hello{Want: wanted})
	if err != nil {
		return nil, err
	}
	time.Sleep(pace)
	made, _, _, err := new(comparison).collectOnce(s, r)
	if err = errors.Join(err, r.stop()); err != nil {
		return nil, err
	}
	loop, err := start(s, s.loop, s.library)
	if err != nil {
		return nil, err
	}
	in := &inside{}
	err = errors.Join(in.pairs(s, loop, made, count), loop.stop())
	return in, err
}

func (in *inside) pairs(s setup, loop *party, made tally, count int) error {
	loaded, err := start(s, s.inprocess, s.library)
	if err != nil {
		return err
	}
	for i := 0; i < count && err == nil; i++ {
		time.Sleep(pace / 2)
		var ours, theirs time.Duration
		if ours, err = loaded.run(made.plan()); err != nil {
			break
		}
		theirs, err = loop.run(made.plan())
		in.collection, in.loop = append(in.collection, ours), append(in.loop, theirs)
	}
	if err == nil {
		in.loaded, err = memoryOf(loaded.pid())
	}
	if err = errors.Join(err, loaded.stop()); err != nil {
		return err
	}
	empty, err := start(s, s.inprocess)
	if err != nil {
		return err
	}
	if _, err = empty.run("nothing"); err == nil {
		in.empty, err = memoryOf(empty.pid())
	}
	return errors.Join(err, empty.stop())
}
