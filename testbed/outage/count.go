// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/load"
	"github.com/inferwatch/inferwatch/testbed/query"
)

// delivery is one way that items go: a signal and the back-end where they are counted.
type delivery struct {
	signal  load.Signal
	backEnd string
	// showsRepeats is false for Prometheus and Tempo: they store one sample for a time and one span for an id, so a repeated
	// delivery leaves no trace there.
	showsRepeats bool
	count        func(ctx context.Context, run string, bound int) (map[int]int, error)
}

func (s *system) deliveries() []delivery {
	es, prom, tempo := s.backends.InElasticsearch(), s.backends.InPrometheus(), s.backends.InTempo()
	inES := func(index string) func(context.Context, string, int) (map[int]int, error) {
		return func(ctx context.Context, run string, _ int) (map[int]int, error) {
			return es.ItemNumbers(ctx, index, run)
		}
	}
	return []delivery{
		{signal: load.Logs, backEnd: "Elasticsearch", showsRepeats: true, count: inES("logs-*")},
		{signal: load.Traces, backEnd: "Elasticsearch", showsRepeats: true, count: inES("traces-*")},
		{signal: load.Traces, backEnd: "Tempo", count: tempo.ItemNumbers},
		{signal: load.Metrics, backEnd: "Prometheus", count: func(ctx context.Context, run string, _ int) (map[int]int, error) {
			return prom.ItemNumbers(ctx, run, s.began, time.Now().Add(time.Minute))
		}},
	}
}

// row is one line of the table.
type row struct {
	name     string
	delivery delivery
	result   load.Result

	delivered  int // accepted items that are in the back-end
	unaccepted int // items that are there although the sender never heard so
	repeated   int // documents beyond the first of an item
	unasked    int // of these, the ones that the sender did not cause by sending an item again
}

// tally compares what the sender was told with what is there, item by item.
func tally(name string, d delivery, result load.Result, found map[int]int) (row, []int) {
	r := row{name: name, delivery: d, result: result}
	var missing []int
	for n := range result.Accepted {
		if found[n] == 0 {
			missing = append(missing, n)
			continue
		}
		r.delivered++
	}
	for n, copies := range found {
		if _, ok := result.Accepted[n]; !ok {
			r.unaccepted++
		}
		r.repeated += copies - 1
		if _, resent := result.Resent[n]; !resent {
			r.unasked += copies - 1
		}
	}
	return r, missing
}

// await counts until every accepted item is there, and returns the row; what is still missing at the end fails the test.
func await(tb testing.TB, name string, d delivery, result load.Result, run string, patience time.Duration) row {
	tb.Helper()
	var r row
	query.Eventually(tb, patience, func() error {
		found, err := d.count(tb.Context(), run, result.Bound())
		if err != nil {
			return fmt.Errorf("%s in %s: %w", d.signal, d.backEnd, err)
		}
		var missing []int
		if r, missing = tally(name, d, result, found); len(missing) > 0 {
			return fmt.Errorf("%s: %d of %d accepted %s are not in %s, item %d for one",
				name, len(missing), len(result.Accepted), d.signal, d.backEnd, missing[0])
		}
		return nil
	})
	if len(result.Accepted) == 0 {
		tb.Fatal(errors.New("no item was accepted: the case shows nothing"))
	}
	if d.showsRepeats && r.unasked > 0 {
		tb.Errorf("%s: %d %s are more than once in %s although the sender sent them once", name, r.unasked, d.signal, d.backEnd)
	}
	return r
}
