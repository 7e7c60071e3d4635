// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/inferwatch/inferwatch/extension/elasticsearchguardextension/internal/metadatatest"
)

const (
	missingBoth = "Elasticsearch at URL has no index template for data stream logs-a.otel-default, logs-b.otel-default; all that is meant for it is held until there is one: run \"inferwatchctl es install --url URL\""
	missingB    = "Elasticsearch at URL has no index template for data stream logs-b.otel-default; all that is meant for it is held until there is one: run \"inferwatchctl es install --url URL\""
	missingNew  = "Elasticsearch at URL has no index template for data stream logs-stray.otel-default; requests with documents for it are sent again and again until there is one: run \"inferwatchctl es install --url URL\""
	back        = "INFO Elasticsearch has the index templates that it needs; data is sent"
	refused     = "WARN Elasticsearch refused documents that it may take later; the whole request will be sent again"
	forbidden   = "Elasticsearch at URL does not say whether it has the index templates: the credentials need the cluster privilege monitor, on older releases manage_index_templates (403); data is sent unchecked, and what is refused for want of a template is sent again"
	failed503   = "Elasticsearch at URL could not say whether it has the index templates: it answered 503; all that is meant for it is held until it can"
)

// step is one bulk request, and all that must follow from it.
type step struct {
	name    string
	after   time.Duration
	prepare func(*harness)
	status  int
	body    string
	// requests are those that reach Elasticsearch.
	requests       []string
	logs, statuses []string
}

func passes(after time.Duration, requests ...string) step {
	return step{name: "passes", after: after, status: 200, body: created, requests: requests}
}

func TestGuard(t *testing.T) {
	bothThere := func(h *harness) { h.have(streamA, streamB) }
	answer := func(request string, status int, body string) func(*harness) {
		return func(h *harness) { h.server.Fix(request, status, body) }
	}
	heldBoth := `{"error":{"reason":"Elasticsearch at URL has no index template for data stream logs-a.otel-default, logs-b.otel-default; all that is meant for it is held until there is one: run \"inferwatchctl es install --url URL\"","type":"missing_template [logs-a.otel-default, logs-b.otel-default]"},"status":503}`
	for name, steps := range map[string][]step{
		"templates are there": {
			{name: "first", prepare: bothThere, status: 200, body: created, requests: []string{check, bulk}},
			passes(29*time.Second, bulk),
			passes(time.Second, check, bulk),
			passes(0, bulk),
		},
		"templates are missing, one after the other is installed": {
			{name: "both missing", status: 503, body: heldBoth, requests: []string{check}, logs: []string{"ERROR " + missingBoth}, statuses: []string{"StatusRecoverableError " + missingBoth}},
			{name: "not asked again", after: 4 * time.Second, status: 503, body: heldBoth},
			{name: "asked again, said once", after: time.Second, status: 503, body: heldBoth, requests: []string{check}},
			{name: "one is there", after: 5 * time.Second, prepare: func(h *harness) { h.have(streamA) }, status: 503, requests: []string{check}, logs: []string{"ERROR " + missingB}, statuses: []string{"StatusRecoverableError " + missingB}},
			{name: "both are there", after: 5 * time.Second, prepare: bothThere, status: 200, body: created, requests: []string{check, bulk}, logs: []string{back}, statuses: []string{"StatusOK"}},
			passes(29*time.Second, bulk),
		},
		"a template is taken away": {
			{name: "first", prepare: bothThere, status: 200, requests: []string{check, bulk}},
			{name: "gone", after: 30 * time.Second, prepare: func(h *harness) { h.server.Delete("_index_template", streamB) }, status: 503, requests: []string{check}, logs: []string{"ERROR " + missingB}, statuses: []string{"StatusRecoverableError " + missingB}},
		},
		"a template without data stream wins": {
			{name: "held", prepare: func(h *harness) {
				bothThere(h)
				h.server.Put("_index_template", "mine", `{"index_patterns":"logs-b.*","priority":7}`)
			}, status: 503, requests: []string{check}, logs: []string{"ERROR " + missingB}, statuses: []string{"StatusRecoverableError " + missingB}},
		},
		"the credentials may not look": {
			{name: "unchecked", prepare: answer(check, 403, `{}`), status: 200, requests: []string{check, bulk}, logs: []string{"WARN " + forbidden}},
			passes(29*time.Second, bulk),
			passes(time.Second, check, bulk),
			{name: "refused", prepare: answer(bulk, 200, noIndex), status: 503, requests: []string{bulk}, logs: []string{refused}},
			{name: "named", after: 5 * time.Second, status: 503, requests: []string{check, bulk}, logs: []string{"ERROR " + missingNew}, statuses: []string{"StatusRecoverableError " + missingNew}},
			{name: "forgotten", after: 301 * time.Second, prepare: answer(bulk, 0, ""), status: 200, requests: []string{check, bulk}, logs: []string{"WARN " + forbidden}, statuses: []string{"StatusOK"}},
			{name: "may look now", after: 30 * time.Second, prepare: func(h *harness) { bothThere(h); h.server.Fix(check, 0, "") }, status: 200, requests: []string{check, bulk}, logs: []string{back}},
		},
		"Elasticsearch is not able to answer": {
			{name: "held", prepare: answer(check, 503, `{}`), status: 503, body: `{"error":{"reason":"` + failed503 + `","type":"check_failed"},"status":503}`, requests: []string{check}, logs: []string{"WARN " + failed503}, statuses: []string{"StatusRecoverableError " + failed503}},
			{name: "asked again at once, said once", status: 503, requests: []string{check}},
			{name: "able", prepare: func(h *harness) { bothThere(h); h.server.Fix(check, 0, "") }, status: 200, requests: []string{check, bulk}, logs: []string{back}, statuses: []string{"StatusOK"}},
		},
		"what was missing is remembered while nobody can look": {
			{name: "missing", prepare: func(h *harness) { h.have(streamA) }, status: 503, requests: []string{check}, logs: []string{"ERROR " + missingB}, statuses: []string{"StatusRecoverableError " + missingB}},
			{
				name: "cannot look", after: 5 * time.Second, prepare: answer(check, 429, ""), status: 503, requests: []string{check},
				body:     `{"error":{"reason":"Elasticsearch at URL could not say whether it has the index templates: it answered 429; all that is meant for it is held until it can","type":"check_failed [logs-b.otel-default]"},"status":503}`,
				logs:     []string{"WARN Elasticsearch at URL could not say whether it has the index templates: it answered 429; all that is meant for it is held until it can"},
				statuses: []string{"StatusRecoverableError Elasticsearch at URL could not say whether it has the index templates: it answered 429; all that is meant for it is held until it can"},
			},
		},
		"a proxy's page": {
			{
				name: "held", prepare: answer(check, 200, "<html>"), status: 503, requests: []string{check},
				logs:     []string{"WARN Elasticsearch at URL could not say whether it has the index templates: reading the list of index templates: invalid character '<' looking for beginning of value; all that is meant for it is held until it can"},
				statuses: []string{"StatusRecoverableError Elasticsearch at URL could not say whether it has the index templates: reading the list of index templates: invalid character '<' looking for beginning of value; all that is meant for it is held until it can"},
			},
		},
		"a data stream that nobody configured": {
			{name: "first", prepare: bothThere, status: 200, requests: []string{check, bulk}},
			{name: "refused", prepare: answer(bulk, 200, noIndex), status: 503, body: `{"error":{"reason":"no such index [logs-stray.otel-default]","type":"refused_documents [404 index_not_found_exception logs-stray.otel-default, 1 of 1]"},"status":503}`, requests: []string{bulk}, logs: []string{refused}},
			{name: "named soon, the rest goes on", after: 5 * time.Second, status: 503, requests: []string{check, bulk}, logs: []string{"ERROR " + missingNew}, statuses: []string{"StatusRecoverableError " + missingNew}},
			{name: "said once", after: 5 * time.Second, status: 503, requests: []string{check, bulk}},
			{name: "template installed", after: 5 * time.Second, prepare: func(h *harness) { h.have("logs-stray.otel-default"); h.server.Fix(bulk, 0, "") }, status: 200, requests: []string{check, bulk}, logs: []string{back}, statuses: []string{"StatusOK"}},
			passes(29*time.Second, bulk),
		},
		"refused for the time being": {
			{name: "429", prepare: func(h *harness) {
				bothThere(h)
				h.server.Fix(bulk, 200, `{"items":[{"create":{"status":201}},{"create":{"_index":"logs-a","status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}}]}`)
			}, status: 503, body: `{"error":{"reason":"full","type":"refused_documents [429 es_rejected_execution_exception logs-a, 1 of 2]"},"status":503}`, requests: []string{check, bulk}, logs: []string{refused}},
			{name: "logged once in a while", after: 29 * time.Second, status: 503, requests: []string{bulk}},
			{name: "logged again", after: time.Second, status: 503, requests: []string{check, bulk}, logs: []string{refused}},
		},
		"poison and conflicts are the exporter's": {
			{name: "passes as it is", prepare: func(h *harness) {
				bothThere(h)
				h.server.Fix(bulk, 200, `{"items":[{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"x"}}},{"create":{"status":409}}]}`)
			}, status: 200, body: `{"items":[{"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"x"}}},{"create":{"status":409}}]}`, requests: []string{check, bulk}},
		},
		"faults of the whole request are the exporter's": {
			{name: "413", prepare: func(h *harness) { bothThere(h); h.server.Fix(bulk, 413, "too large") }, status: 413, body: "too large", requests: []string{check, bulk}},
			{name: "200 without JSON", prepare: answer(bulk, 200, "<html>"), status: 200, body: "<html>", requests: []string{bulk}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			for _, s := range steps {
				h.play(s)
			}
		})
	}
}

func (h *harness) play(s step) {
	h.t.Helper()
	h.clock.advance(s.after)
	if s.prepare != nil {
		s.prepare(h)
	}
	h.server.Requests()
	status, body := h.send()
	assert.Equal(h.t, s.status, status, s.name)
	if s.body != "" {
		assert.Equal(h.t, s.body, body, s.name)
	}
	assert.Equal(h.t, s.requests, h.server.Requests(), s.name)
	assert.Equal(h.t, s.logs, h.newLogs(), s.name)
	assert.Equal(h.t, s.statuses, h.newStatuses(), s.name)
}

func TestMetrics(t *testing.T) {
	h := newHarness(t)
	address := attribute.String("server.address", h.server.Listener.Addr().String())
	missing := func(name string, value int64) metricdata.DataPoint[int64] {
		return metricdata.DataPoint[int64]{Value: value, Attributes: attribute.NewSet(attribute.String("data_stream", name), address)}
	}
	counted := func(value int64, attrs ...attribute.KeyValue) []metricdata.DataPoint[int64] {
		return []metricdata.DataPoint[int64]{{Value: value, Attributes: attribute.NewSet(append(attrs, address)...)}}
	}
	ignore := metricdatatest.IgnoreTimestamp()

	h.have(streamA)
	h.send()
	h.send()
	metadatatest.AssertEqualExtensionElasticsearchGuardMissingTemplates(t, h.telemetry, []metricdata.DataPoint[int64]{missing(streamA, 0), missing(streamB, 1)}, ignore)
	metadatatest.AssertEqualExtensionElasticsearchGuardHeldRequests(t, h.telemetry, counted(2, attribute.String("reason", reasonMissing)), ignore)

	h.have(streamB)
	h.server.Fix(bulk, 200, noIndex)
	h.clock.advance(5 * time.Second)
	h.send()
	h.clock.advance(5 * time.Second)
	h.send()
	metadatatest.AssertEqualExtensionElasticsearchGuardMissingTemplates(t, h.telemetry, []metricdata.DataPoint[int64]{missing(streamA, 0), missing(streamB, 0), missing("logs-stray.otel-default", 1)}, ignore)
	metadatatest.AssertEqualExtensionElasticsearchGuardRetriedRequests(t, h.telemetry,
		counted(2, attribute.Int("http.response.status_code", 404), attribute.String("error.type", "index_not_found_exception")), ignore)

	h.have("logs-stray.otel-default")
	h.clock.advance(5 * time.Second)
	h.send()
	metadatatest.AssertEqualExtensionElasticsearchGuardMissingTemplates(t, h.telemetry, []metricdata.DataPoint[int64]{missing(streamA, 0), missing(streamB, 0), missing("logs-stray.otel-default", 0)}, ignore)
}

func TestKnownErrorTypes(t *testing.T) {
	assert.Equal(t, "security_exception", knownErrorType("security_exception"))
	assert.Equal(t, "_OTHER", knownErrorType("whatever_exception"))
	assert.Equal(t, "_OTHER", knownErrorType(""))
}

// The status of the component is about all clusters that the guard sees.
func TestStatusOfTwoClusters(t *testing.T) {
	h := newHarness(t)
	other := newHarness(t)
	h.have(streamA, streamB)
	h.send()
	assert.Empty(t, h.newStatuses())
	there := h.server
	h.server = other.server
	h.send()
	assert.Equal(t, []string{"StatusRecoverableError " + missingBoth}, h.newStatuses())
	h.server = there
	h.clock.advance(30 * time.Second)
	h.send()
	assert.Empty(t, h.newStatuses())
	h.server = other.server
	h.have(streamA, streamB)
	h.send()
	assert.Equal(t, []string{"StatusOK"}, h.newStatuses())
}

func TestTargetsAreBounded(t *testing.T) {
	h := newHarness(t)
	for i := range 3 * maxTargets {
		h.clock.advance(time.Second)
		req := h.request(context.Background())
		req.URL.Path = "/" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "/_bulk"
		resp, err := h.client.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
	}
	assert.Len(t, h.guard.targets, maxTargets)
}

func TestLearnedNamesAreBounded(t *testing.T) {
	h := newHarness(t)
	target := newTarget(h.guard, "u", "a")
	for i := range 3 * maxLearned {
		target.learn([]string{string(rune('a'+i%26)) + string(rune('a'+i/26))})
	}
	assert.Len(t, target.learned, maxLearned)
}

func TestStartAndShutdownTwice(t *testing.T) {
	h := newHarness(t)
	ctx := context.Background()
	require.NoError(t, h.guard.Shutdown(ctx))
	require.NoError(t, h.guard.Start(ctx, componenttest.NewNopHost()))
	require.NoError(t, h.guard.Start(ctx, h.host))
	require.NoError(t, h.guard.Shutdown(ctx))
	require.NoError(t, h.guard.Shutdown(ctx))
	// What still comes is treated as before, but nobody is told any more.
	status, _ := h.send()
	assert.Equal(t, 503, status)
	assert.Empty(t, h.newStatuses())
}
