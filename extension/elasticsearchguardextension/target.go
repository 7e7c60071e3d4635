// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/inferwatch/inferwatch/internal/elasticsearch"
)

const (
	// maxLearned bounds the names that answers taught about one target.
	maxLearned = 64
	// A name that an answer taught is forgotten when no answer repeats it for so many check intervals.
	learnedIntervals = 10
)

// Why requests are held: values of the attribute of the same name.
const (
	reasonMissing     = "missing_template"
	reasonCheckFailed = "check_failed"
)

// verdict is what a check came to.
type verdict struct {
	// hold is why nothing may be sent, empty when it may.
	hold string
	// missing are the data streams without a template: configured ones, and ones that answers to requests named.
	missing []string
	// unchecked tells that Elasticsearch does not let us look.
	unchecked bool
	// text says all this in a line, empty when all is well.
	text string
}

// flight is a check under way, for which others wait.
type flight struct {
	done    chan struct{}
	ctx     context.Context
	verdict verdict
	err     error
}

// target is what is known about one cluster, as one address shows it.
type target struct {
	guard        *guard
	url, address string
	// used is guarded by the guard's mutex.
	used time.Time

	mu      sync.Mutex
	verdict verdict
	// checked is when the verdict was made, due when it must be made again.
	checked, due time.Time
	flight       *flight
	learned      map[string]time.Time
	warnDue      time.Time
}

func newTarget(g *guard, url, address string) *target {
	return &target{guard: g, url: url, address: address, learned: map[string]time.Time{}}
}

// ensure returns a verdict that is not older than the configuration allows. One request checks while the others wait for it.
// An error means that the cluster could not be reached; nothing is known then, and nothing is remembered.
func (t *target) ensure(req *http.Request, base http.RoundTripper) (verdict, error) {
	for {
		t.mu.Lock()
		if t.guard.now().Before(t.due) {
			defer t.mu.Unlock()
			return t.verdict, nil
		}
		f := t.flight
		if f == nil {
			f = &flight{done: make(chan struct{}), ctx: req.Context()}
			t.flight = f
			t.mu.Unlock()
			return t.fly(f, req, base)
		}
		t.mu.Unlock()
		select {
		case <-req.Context().Done():
			return verdict{}, req.Context().Err()
		case <-f.done:
		}
		// The end of somebody else's request says nothing about the cluster.
		if f.err == nil || f.ctx.Err() == nil {
			return f.verdict, f.err
		}
	}
}

// fly makes the check for all who wait.
func (t *target) fly(f *flight, req *http.Request, base http.RoundTripper) (verdict, error) {
	defer func() {
		t.mu.Lock()
		t.flight = nil
		t.mu.Unlock()
		close(f.done)
	}()
	found, err := t.list(req, base)
	if err != nil {
		f.err = err
		return verdict{}, err
	}
	f.verdict = t.conclude(found)
	return f.verdict, nil
}

// conclude turns what was found into the verdict that holds from now on, and tells of changes.
func (t *target) conclude(found listing) verdict {
	t.mu.Lock()
	now := t.guard.now()
	before := t.verdict
	next := t.judge(found, now)
	interval := t.guard.cfg.CheckInterval
	switch {
	case found.failure != "":
		interval = 0
	case len(next.missing) > 0:
		interval = t.guard.cfg.RecheckInterval
	}
	t.verdict, t.checked, t.due = next, now, now.Add(interval)
	t.mu.Unlock()
	t.announce(before, next)
	return next
}

func (t *target) judge(found listing, now time.Time) verdict {
	if found.failure != "" {
		// What was missing counts as missing until somebody can look again.
		return verdict{hold: reasonCheckFailed, missing: t.verdict.missing, text: t.failedText(found)}
	}
	t.forget(found, now)
	names := t.learnedNames()
	if found.refusal != "" {
		v := verdict{missing: names, unchecked: true, text: t.uncheckedText(found)}
		if len(names) > 0 {
			v.text = t.missingText(v)
		}
		return v
	}
	v := verdict{missing: elasticsearch.Missing(found.templates, t.guard.cfg.DataStreams)}
	if len(v.missing) > 0 {
		v.hold = reasonMissing
	}
	v.missing = append(v.missing, names...)
	if len(v.missing) > 0 {
		v.text = t.missingText(v)
	}
	return v
}

// forget drops the learned names for which there is a template now, and those that no answer named for long.
func (t *target) forget(found listing, now time.Time) {
	for name, seen := range t.learned {
		there := found.refusal == "" && len(elasticsearch.Missing(found.templates, []string{name})) == 0
		if there || now.Sub(seen) > learnedIntervals*t.guard.cfg.CheckInterval {
			delete(t.learned, name)
		}
	}
}

// learnedNames returns the learned names that are not among the configured ones.
func (t *target) learnedNames() []string {
	var names []string
	for name := range t.learned {
		if !slices.Contains(t.guard.cfg.DataStreams, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// learn takes in the names of what Elasticsearch did not find, and has the next request check soon.
func (t *target) learn(names []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.guard.now()
	for _, name := range names {
		if _, known := t.learned[name]; !known {
			if len(t.learned) >= maxLearned {
				continue
			}
			if soon := t.checked.Add(t.guard.cfg.RecheckInterval); soon.Before(t.due) {
				t.due = soon
			}
		}
		t.learned[name] = now
	}
}

// mayWarn tells whether it is time again to log what happens with every request.
func (t *target) mayWarn() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.guard.now()
	if now.Before(t.warnDue) {
		return false
	}
	t.warnDue = now.Add(t.guard.cfg.CheckInterval)
	return true
}

// fault returns what is wrong with the target, empty where nothing is known to be.
func (t *target) fault() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.verdict.unchecked && len(t.verdict.missing) == 0 {
		return ""
	}
	return t.verdict.text
}
