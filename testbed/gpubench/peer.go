// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"time"
)

// peerResult is ours and Google's nvmlreceiver beside each other, for what both have: utilisation and memory.
type peerResult struct {
	ours, theirs       times
	oursCPU, theirsCPU share // ours with the helper
	oursM, theirsM     memory
	helperM            memory
}

// peerInterval is that of both. They are started half of it apart, so that neither finds the other at work.
const peerInterval = 200 * time.Millisecond

func measurePeer(s setup, driver string, length time.Duration) (*peerResult, error) {
	if err := s.play(latencyRealistic); err != nil {
		return nil, err
	}
	ours, err := start(s, s.self, receiverArguments(s, peerInterval, 0, sharedMetrics)...)
	if err != nil {
		return nil, err
	}
	r := &peerResult{}
	err = r.against(s, ours, driver, length)
	return r, errors.Join(err, ours.stop())
}

func (r *peerResult) against(s setup, ours *party, driver string, length time.Duration) error {
	for range warmUp {
		if _, err := ours.next(); err != nil {
			return err
		}
	}
	helper, err := childOf(ours.pid())
	if err != nil {
		return err
	}
	time.Sleep(peerInterval / 2)
	theirs, err := start(s, driver, peerInterval.String())
	if err != nil {
		return err
	}
	for range warmUp {
		if _, err = theirs.next(); err != nil {
			return errors.Join(err, theirs.stop())
		}
	}
	err = r.collect(ours, theirs, helper, length)
	return errors.Join(err, theirs.stop())
}

func (r *peerResult) collect(ours, theirs *party, helper int, length time.Duration) error {
	counts := int(length / peerInterval)
	done := make(chan error, 2)
	for party, into := range map[*party]*times{ours: &r.ours, theirs: &r.theirs} {
		go func() {
			for range counts {
				took, err := party.next()
				if err != nil {
					done <- err
					return
				}
				*into = append(*into, took)
			}
			done <- nil
		}()
	}
	taken, err := shares(length, ours.pid(), helper, theirs.pid())
	err = errors.Join(err, <-done, <-done)
	if err != nil {
		return err
	}
	r.oursCPU, r.theirsCPU = taken[0]+taken[1], taken[2]
	var errs [3]error
	r.oursM, errs[0] = memoryOf(ours.pid())
	r.helperM, errs[1] = memoryOf(helper)
	r.theirsM, errs[2] = memoryOf(theirs.pid())
	return errors.Join(errs[:]...)
}
