// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// fault is one row of the table.
type fault struct {
	kind string // as the table calls it
	// board and scenario say what there is before; the default is eight H100, one of them in MIG, with processes.
	scenario []string
	old      bool // begin with the library of the old driver
	// lasts is how long the fault is on, full in the long form.
	lasts, full time.Duration
	// atStart tells that the fault is on before the collector starts: what there is without it is then learnt afterwards.
	atStart bool
	// begin brings it about for the time from on to off, end does what ends it, where time alone does not.
	begin, end func(r *run)
	// midway, if not nil, looks at what the collector says of itself when half of the fault is over.
	midway func(r *run)
	// anew is how often NVML may be initialised anew, or by another process: GPM's means are between two samples, so that each costs
	// the means of one collection.
	anew int
	// may tells what the fault is allowed to take away. Nothing else may be missing in any collection.
	may func(r *run, s *series) bool
	// fresh tells which series may come that were not there before.
	fresh func(r *run, s *series) bool
	// gone tells which series do not come back, as the fault replaced them.
	gone func(r *run, s *series) bool
	// expect looks at what was reported, and quotes it.
	expect func(t *testing.T, r *run) []string
	within int // collections until all is back
	gap    time.Duration
}

// run is a fault on a node.
type run struct {
	fault
	history
	*node
	library    string // where the collector loads it
	newLibrary string // what an upgrade installs
	gpus       [8]string
	before     usages
	peak       usages
}

type usages struct{ collector, helper usage }

// row is what the table says of a fault.
type row struct {
	fault, reported, lost, recovery, process string
}

// lead is how long after it was written that a fault begins: later than every process has read the file.
const lead = 200 * time.Millisecond

func (f fault) run(t *testing.T, p programs, long bool) row {
	if long && f.full > 0 {
		f.lasts = f.full
	}
	r := &run{fault: f}
	r.prepare(t, p)
	if f.atStart {
		r.startUnder()
	} else {
		r.startBefore(t)
	}
	r.judge(t)
	return r.row(t)
}

func (r *run) prepare(t *testing.T, p programs) {
	r.library = t.TempDir() + "/libnvidia-ml.so.1"
	library := p.library
	if r.old {
		library = p.oldLibrary
	}
	scenario := r.scenario
	if scenario == nil {
		scenario = eightGPUs()
	}
	r.newLibrary = p.library
	install(t, library, r.library)
	r.node = prepare(t, p, r.library, scenario...)
}

// startBefore learns what there is, and then lets the fault come.
func (r *run) startBefore(t *testing.T) {
	r.start()
	r.baseline, r.from = r.steady(time.Time{})
	r.identify()
	r.before = r.measure(t)
	r.on = time.Now().Add(lead)
	r.off = r.on.Add(r.lasts)
	r.begin(r)
	r.last(t)
	r.await()
}

// startUnder starts the collector while the fault is on.
func (r *run) startUnder() {
	r.on = time.Now()
	r.off = r.on.Add(r.lasts + 2*time.Second) // for the start
	r.begin(r)
	r.start()
	r.until(r.off)
	if r.end != nil {
		r.end(r)
		r.off = time.Now()
	}
	r.baseline, r.from = r.steady(r.off)
	r.identify()
	r.await()
}

// last waits for the fault's end, and measures what the processes hold meanwhile.
func (r *run) last(t *testing.T) {
	half := r.on.Add(r.lasts / 2)
	for time.Now().Before(r.off) {
		if r.midway != nil && time.Now().After(half) {
			r.midway(r)
			r.midway = nil
		}
		r.until(time.Now().Add(min(interval, time.Until(r.off))))
		now := r.measure(t)
		r.peak.collector.rss = max(r.peak.collector.rss, now.collector.rss)
		r.peak.helper.rss = max(r.peak.helper.rss, now.helper.rss)
	}
	if r.end != nil {
		r.end(r)
		r.off = time.Now()
	}
}

func (r *run) measure(t *testing.T) usages {
	t.Helper()
	u, err := usageOf(r.pid)
	if err != nil {
		t.Fatal(err)
	}
	found := usages{collector: u}
	for _, child := range r.helpers() {
		if u, err := usageOf(child); err == nil { // else it ended meanwhile
			found.helper = u
		}
	}
	return found
}

// await waits until a collection after the fault has everything, and two more after it.
func (r *run) await() {
	r.tb.Helper()
	var missing []string
	r.eventually("a collection with all that there was before the fault", func() bool {
		collections, _ := r.sink.got()
		for _, c := range collections {
			if c.time.After(r.off) {
				if missing = r.missing(&c); len(missing) == 0 {
					r.back = c.time
					return true
				}
			}
		}
		return false
	}, func() string { return fmt.Sprintf("the last one lacks %d series: %v", len(missing), listed(missing)) })
	r.until(time.Now().Add(2*interval + lead))
	r.collections, r.records = r.sink.got()
}

func (r *run) missing(c *collection) []string {
	var found []string
	for key, s := range r.baseline {
		if !c.has(key) && !r.is(r.gone, &s) {
			found = append(found, key)
		}
	}
	return found
}

func (r *run) is(what func(*run, *series) bool, s *series) bool { return what != nil && what(r, s) }

func (r *run) identify() {
	for i := range r.gpus {
		r.gpus[i] = r.gpu(r.baseline, i)
	}
}

// judge is what holds for every fault.
func (r *run) judge(t *testing.T) {
	r.mustLive()
	if n := r.withoutMeans(); n > r.anew {
		t.Errorf("%d collections lack means of GPM, at most %d were expected", n, r.anew)
	}
	for _, problem := range r.lacks(func(s *series) bool { return r.is(r.may, s) || r.is(r.gone, s) || means(r, s) }) {
		t.Errorf("lost beside what the fault is about: %s", problem)
	}
	for _, problem := range r.strangers(func(s *series) bool { return r.is(r.fresh, s) }) {
		t.Errorf("a series changed its labels, or came from nowhere: %s", problem)
	}
	for _, problem := range r.misordered() {
		t.Error(problem)
	}
	if n := r.recovery(); n > r.within {
		t.Errorf("recovery took %d collections (%v), at most %d were expected", n, r.back.Sub(r.off), r.within)
	}
	longest := r.fault.gap
	if longest == 0 {
		longest = 2*interval + slack
	}
	if g := r.history.gap(); !r.atStart && g > longest {
		t.Errorf("there were %v between two collections, at most %v were expected", g, longest)
	}
}

// slack is what a machine that is busy with other things may add to a collection's time.
const slack = time.Second

// withoutMeans counts the collections that lack a mean of GPM that is not the fault's to take.
func (r *run) withoutMeans() int {
	count := 0
	for _, c := range r.collections {
		lacks := false
		for key, s := range r.baseline {
			lacks = lacks || means(r, &s) && !r.is(r.may, &s) && !c.has(key)
		}
		if lacks && !c.time.Before(r.from) {
			count++
		}
	}
	return count
}

func (r *run) row(t *testing.T) row {
	reported := r.expect(t, r)
	r.mustLive()
	if t.Failed() {
		for _, e := range r.records {
			t.Logf("event at %v of the fault: %s %s %s", e.time.Sub(r.on).Round(time.Millisecond), e.name, e.severity, e.body)
		}
	}
	return row{
		fault:    r.kind,
		reported: strings.Join(reported, "<br>"),
		lost:     r.losses(),
		recovery: fmt.Sprint(r.recovery()),
		process:  fmt.Sprintf("yes, %d; helper started %.0f×", r.pid, r.own("otelcol_receiver_nvml_helper_starts")),
	}
}
