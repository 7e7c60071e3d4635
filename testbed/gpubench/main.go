// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// options are the command line.
type options struct {
	helper, library, peer, report string
	role, metrics                 string
	interval, sampling            time.Duration
	short                         bool
}

func main() {
	var o options
	flag.StringVar(&o.helper, "helper", "", "path of inferwatchnvml; bin/inferwatchnvml of the checkout if empty")
	flag.StringVar(&o.peer, "peer", "", "driver of Google's nvmlreceiver; see docs/proof/gpu-bench.md for how to build it")
	flag.StringVar(&o.report, "report", "", "write the report to this file, too")
	flag.BoolVar(&o.short, "short", false, "a few collections and seconds of each: to see that it works, not for figures")
	flag.StringVar(&o.role, "role", "", "of a child: receiver")
	flag.StringVar(&o.library, "library", "", "of a child")
	flag.DurationVar(&o.interval, "interval", 0, "of a child")
	flag.DurationVar(&o.sampling, "sampling", 0, "of a child")
	flag.StringVar(&o.metrics, "metrics", "", "of a child")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "gpubench:", err)
		os.Exit(1)
	}
}

func (o *options) run() error {
	if o.role == "receiver" {
		return runReceiver(o.library, o.helper, o.interval, o.sampling, metricSet(o.metrics))
	}
	folder, err := os.MkdirTemp("", "gpubench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	s, err := prepare(folder, o.helper)
	if err != nil {
		return err
	}
	s.calls = filepath.Join(folder, "calls")
	found, err := measure(s, o)
	if err != nil {
		return err
	}
	text := found.markdown()
	fmt.Print(text)
	if o.report == "" {
		return nil
	}
	return os.WriteFile(o.report, []byte(text), 0o600)
}

// results are all figures of a run.
type results struct {
	pairs     int
	watched   time.Duration
	compared  map[latency]*comparison
	costs     []cost
	samplings map[latency][]share
	inside    map[latency]*inside
	loop      memory
	peer      *peerResult
}

// measure makes everything, one after the other.
func measure(s setup, o *options) (*results, error) {
	r := &results{pairs: 200, watched: 30 * time.Second, compared: map[latency]*comparison{}, samplings: map[latency][]share{}, inside: map[latency]*inside{}}
	if o.short {
		r.pairs, r.watched = 20, 2*time.Second
	}
	for _, l := range []latency{latencyNone, latencyRealistic} {
		var errs [4]error
		r.compared[l], errs[0] = compare(s, l, r.pairs)
		if errs[0] != nil {
			return nil, errs[0]
		}
		r.inside[l], errs[1] = measureInside(s, l, r.pairs/2)
		c, err := measureCost(s, l, r.watched)
		r.costs, errs[2] = append(r.costs, c), err
		r.samplings[l], errs[3] = compareSamplings(s, l, r.watched/2)
		if err := errors.Join(errs[:]...); err != nil {
			return nil, err
		}
	}
	var err error
	if r.loop, err = measureLoop(s); err != nil {
		return nil, err
	}
	if o.peer != "" {
		r.peer, err = measurePeer(s, o.peer, r.watched)
	}
	return r, err
}

// measureLoop is what the library takes in a program that is no more than it.
func measureLoop(s setup) (memory, error) {
	loop, err := start(s, s.loop, s.library)
	if err != nil {
		return memory{}, err
	}
	_, err = loop.run("nvmlDeviceGetTemperature=8")
	m, err2 := memoryOf(loop.pid())
	return m, errors.Join(err, err2, loop.stop())
}
