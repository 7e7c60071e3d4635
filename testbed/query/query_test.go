// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package query_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/load"
	"github.com/inferwatch/inferwatch/testbed/query"
	"github.com/inferwatch/inferwatch/testbed/servers"
)

const patience = 20 * time.Second

// More documents than one search may return, in the shapes that the exporter's mapping modes give them.
func TestElasticsearchCountsEveryItem(t *testing.T) {
	es := query.Elasticsearch{URL: servers.StartElasticsearch(t).URL}
	const items = 12000
	shapes := []string{
		`{"attributes":{"http.request.id":%q}}`,
		`{"attributes":{"http":{"request":{"id":%q}}}}`,
		`{"http.request.id":%q}`,
		`{"http":{"request":{"id":%q}}}`,
	}
	var bulk strings.Builder
	add := func(index, run string, n int) {
		fmt.Fprintf(&bulk, `{"create":{"_index":%q}}`+"\n"+shapes[n%len(shapes)]+"\n", index, load.RequestID(run, n))
	}
	for n := range items {
		add("items-a", "run", n)
	}
	add("items-b", "run", 7)
	add("items-b", "run", 7)
	add("items-b", "other", 8)
	response, err := http.Post(es.URL+"/_bulk", "application/x-ndjson", strings.NewReader(bulk.String()))
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)

	numbers, err := es.ItemNumbers(t.Context(), "items-*", "run")
	require.NoError(t, err)
	require.Len(t, numbers, items)
	assert.Equal(t, 3, numbers[7])
	delete(numbers, 7)
	for n, count := range numbers {
		require.Equal(t, 1, count, "item %d", n)
	}
	other, err := es.ItemNumbers(t.Context(), "items-b", "other")
	require.NoError(t, err)
	assert.Equal(t, map[int]int{8: 1}, other)

	for _, missing := range []string{"nothing", "nothing-*"} {
		none, err := es.ItemNumbers(t.Context(), missing, "run")
		require.NoError(t, err)
		assert.Empty(t, none)
	}
	hits, err := es.Search(t.Context(), "items-*,nothing", map[string]any{"size": 2})
	require.NoError(t, err)
	assert.Equal(t, items+3, hits.Total)
	assert.Len(t, hits.Hits, 2)
}

func TestElasticsearchErrorCarriesTheAnswer(t *testing.T) {
	es := query.Elasticsearch{URL: servers.StartElasticsearch(t).URL}
	_, err := es.Search(t.Context(), "a", map[string]any{"query": map[string]any{"no_such_query": map[string]any{}}})
	require.ErrorContains(t, err, "400 Bad Request")
	require.ErrorContains(t, err, "unknown query [no_such_query]")
	require.ErrorIs(t, es.Do(t.Context(), http.MethodGet, "a/_doc/1", nil, nil), query.ErrNotFound)
}

func TestPrometheusCountsEveryItem(t *testing.T) {
	server := servers.StartPrometheus(t, servers.WithArgs("--web.enable-otlp-receiver"))
	prometheus := query.Prometheus{URL: server.URL}
	started := time.Now()
	generator, err := load.New(load.Config{
		Signal: load.Metrics, Protocol: load.HTTP, Endpoint: server.URL + "/api/v1/otlp", Rate: 1000, Items: 1500, Workers: 3,
	})
	require.NoError(t, err)
	generator.Start(t.Context())
	result := generator.Wait(t.Context())
	require.Len(t, result.Accepted, 1500, "last error: %v", result.LastErr)
	numbers, err := prometheus.ItemNumbers(t.Context(), generator.Run(), started.Add(-time.Second), time.Now().Add(time.Second))
	require.NoError(t, err)
	require.Len(t, numbers, 1500)
	for n, count := range numbers {
		require.Equal(t, 1, count, "item %d", n)
	}
	none, err := prometheus.ItemNumbers(t.Context(), "other", started, time.Now())
	require.NoError(t, err)
	assert.Empty(t, none)
}

func TestPrometheusErrorCarriesTheAnswer(t *testing.T) {
	prometheus := query.Prometheus{URL: servers.StartPrometheus(t).URL}
	_, err := prometheus.Query(t.Context(), "sum(")
	require.ErrorContains(t, err, "parse error")
	scalar, err := prometheus.Query(t.Context(), "1 + 1")
	require.NoError(t, err)
	assert.Equal(t, 2.0, scalar[0].Samples[0].Value)
}

func TestTempoCountsEveryItem(t *testing.T) {
	server := servers.StartTempo(t)
	tempo := query.Tempo{URL: server.URL}
	const run = "run"
	generator, err := load.New(load.Config{Run: run, Signal: load.Traces, Endpoint: server.OTLPGRPC, Rate: 1000, Items: 300})
	require.NoError(t, err)
	generator.Start(t.Context())
	require.Len(t, generator.Wait(t.Context()).Accepted, 300)
	for _, name := range []string{"by lookups, while it is new", "by search, later"} {
		query.Eventually(t, patience, func() error {
			numbers, err := tempo.ItemNumbers(t.Context(), run, 310)
			if err != nil || len(numbers) != 300 {
				return fmt.Errorf("%s: %d items, error %w", name, len(numbers), err)
			}
			for n, count := range numbers {
				if count != 1 {
					return fmt.Errorf("%s: item %d has %d spans", name, n, count)
				}
			}
			return nil
		})
		query.Eventually(t, patience, func() error {
			found, err := tempo.Search(t.Context(), fmt.Sprintf(`{span.http.request.id =~ "%s.*"}`, load.RequestIDPrefix(run)))
			if err != nil || len(found) != 300 {
				return fmt.Errorf("search finds %d, error %w", len(found), err)
			}
			return nil
		})
	}
	trace, err := tempo.Trace(t.Context(), load.TraceID(run, 5).String())
	require.NoError(t, err)
	span := trace.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
	assert.Equal(t, load.SpanID(run, 5), span.SpanID())
	_, err = tempo.Trace(t.Context(), load.TraceID("other", 5).String())
	require.ErrorIs(t, err, query.ErrNotFound)
	_, err = tempo.Search(t.Context(), "{")
	require.ErrorContains(t, err, "400 Bad Request")

	server.Stop()
	_, err = tempo.ItemNumbers(t.Context(), run, 310)
	require.ErrorContains(t, err, "connection refused")
}

// failing notes what a test would have been told.
type failing struct {
	testing.TB
	fatal string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.fatal = fmt.Sprintf(format, args...)
	panic(f)
}

func TestEventually(t *testing.T) {
	calls := 0
	query.Eventually(t, time.Minute, func() error {
		if calls++; calls < 3 {
			return errors.New("not yet")
		}
		return nil
	})
	assert.Equal(t, 3, calls)

	f := &failing{}
	assert.Panics(t, func() {
		query.Eventually(f, 100*time.Millisecond, func() error { return errors.New("2 of 3 are there") })
	})
	assert.Equal(t, "after 100ms still: 2 of 3 are there", f.fatal)
}
