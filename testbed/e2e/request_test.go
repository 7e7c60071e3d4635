// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/query"
	"github.com/inferwatch/inferwatch/testbed/stack"
)

const patience = time.Minute

// quick makes derived metrics come after a second instead of fifteen.
var quick = stack.Options{Env: map[string]string{"INFERWATCH_SPAN_METRICS_INTERVAL": "1s"}}

// TestOneRequestInAllThreeBackEnds is the promise: a request id leads to its logs, its trace and its series.
func TestOneRequestInAllThreeBackEnds(t *testing.T) {
	backends := stack.StartBackends(t)
	backends.InstallTemplates(t)
	gateway := backends.StartGateway(t, "gateway-1", quick)
	agent := stack.StartAgent(t, []*stack.Gateway{gateway}, quick)
	api := startExample(t, agent)

	if got := api.chat(t, "req-e2e-1", "demo-key", map[string]any{"model": "demo-small", "message": "the secret word is abracadabra"}); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	if got := api.chat(t, "req-e2e-2", "demo-key", map[string]any{"model": "demo-small", "message": "abracadabra", "stream": true}); got != http.StatusOK {
		t.Fatalf("status of the streamed answer %d", got)
	}
	if got := api.chat(t, "req-e2e-3", "demo-key", map[string]any{"model": "demo-error", "message": "abracadabra"}); got != http.StatusBadGateway {
		t.Fatalf("status of the failing model %d", got)
	}
	if got := api.chat(t, "req-e2e-4", "wrong", map[string]any{"model": "demo-small", "message": "abracadabra"}); got != http.StatusUnauthorized {
		t.Fatalf("status with a wrong key %d", got)
	}

	var traceID string
	t.Run("Tempo has its trace by TraceQL", func(t *testing.T) { traceID = traceOf(t, backends, "req-e2e-1") })
	t.Run("Tempo has the streamed one too", func(t *testing.T) { traceOf(t, backends, "req-e2e-2") })
	t.Run("Elasticsearch has each library's record", func(t *testing.T) { everyLibrary(t, backends, "req-e2e-1", traceID) })
	t.Run("Elasticsearch tells the classes apart", func(t *testing.T) { everyClass(t, backends) })
	t.Run("Elasticsearch has the logs of the system", func(t *testing.T) { systemLogs(t, backends, agent) })
	t.Run("Elasticsearch has its spans", func(t *testing.T) { spansOf(t, backends, "req-e2e-1", traceID) })
	t.Run("Prometheus has rate, errors and latency, with its exemplar", func(t *testing.T) { seriesOf(t, backends, traceID) })
	t.Run("nobody has the prompt", func(t *testing.T) { noPrompt(t, backends, traceID) })
	t.Run("no statement of a transform failed", func(t *testing.T) {
		for _, log := range []string{agent.Log(), gateway.Log()} {
			if at := strings.Index(log, "failed to execute statement"); at >= 0 {
				t.Error(log[at:min(len(log), at+500)])
			}
		}
	})
}

func traceOf(t *testing.T, b *stack.Backends, requestID string) string {
	var id string
	query.Eventually(t, patience, func() error {
		found, err := b.InTempo().Search(t.Context(), fmt.Sprintf(`{ span.http.request.id = %q }`, requestID))
		if err != nil {
			return err
		}
		if len(found) != 1 {
			return fmt.Errorf("%d traces with http.request.id %s, want 1", len(found), requestID)
		}
		id = found[0].TraceID
		return nil
	})
	if len(id) < 32 {
		id = strings.Repeat("0", 32-len(id)) + id
	}
	return id
}

// search returns the documents of one request.
func search(ctx context.Context, b *stack.Backends, index, requestID string) ([]query.Hit, error) {
	if err := b.InElasticsearch().Refresh(ctx, index); err != nil {
		return nil, err
	}
	found, err := b.InElasticsearch().Search(ctx, index, map[string]any{
		"size":  100,
		"query": map[string]any{"term": map[string]any{"attributes.http.request.id": requestID}},
	})
	return found.Hits, err
}

func everyLibrary(t *testing.T, b *stack.Backends, requestID, traceID string) {
	for _, library := range []string{"logging", "loguru", "structlog", "picologging", "logbook"} {
		query.Eventually(t, patience, func() error {
			hits, err := search(t.Context(), b, "logs-request.otel-default", requestID)
			if err != nil {
				return err
			}
			for _, hit := range hits {
				if attribute(hit, "log.file.name") == library+".log" && hit.Source["trace_id"] == traceID && hit.Source["span_id"] != "" {
					return severity(hit)
				}
			}
			return fmt.Errorf("no record of %s with request id %s and trace id %s among %d", library, requestID, traceID, len(hits))
		})
	}
}

func severity(hit query.Hit) error {
	if hit.Source["severity_text"] != "INFO" {
		return fmt.Errorf("severity_text is %v, want INFO", hit.Source["severity_text"])
	}
	return nil
}

func attribute(hit query.Hit, name string) any {
	attributes, _ := hit.Source["attributes"].(map[string]any)
	return attributes[name]
}

func everyClass(t *testing.T, b *stack.Backends) {
	for class, requestID := range map[string]string{"request": "req-e2e-1", "audit": "req-e2e-1", "security": "req-e2e-4"} {
		query.Eventually(t, patience, func() error {
			hits, err := search(t.Context(), b, "logs-"+class+".otel-default", requestID)
			if err != nil {
				return err
			}
			if len(hits) == 0 {
				return fmt.Errorf("no %s record of %s", class, requestID)
			}
			for _, hit := range hits {
				if attribute(hit, "log.class") != class {
					return fmt.Errorf("log.class is %v in the %s stream", attribute(hit, "log.class"), class)
				}
			}
			return nil
		})
	}
	query.Eventually(t, patience, func() error { return accessLog(t.Context(), b) })
}

// systemLogs writes what a node's own services write, and looks for it in the classes system and security.
func systemLogs(t *testing.T, b *stack.Backends, agent *stack.Agent) {
	dir := filepath.Join(agent.LogDir, "system")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, line := range map[string]string{
		"auth.log": "Nov 22 18:30:00 node-1 sshd[812]: Failed password for root from 10.0.0.9 port 51122 ssh2\n",
		"syslog":   "Nov 22 18:30:01 node-1 kernel: NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for class, words := range map[string]string{"security": "Failed password", "system": "fallen off the bus"} {
		query.Eventually(t, patience, func() error {
			index := "logs-" + class + ".otel-default"
			if err := b.InElasticsearch().Refresh(t.Context(), index); err != nil {
				return err
			}
			found, err := b.InElasticsearch().Search(t.Context(), index, map[string]any{
				"query": map[string]any{"match_phrase": map[string]any{"body.text": words}},
			})
			if err == nil && found.Total != 1 {
				err = fmt.Errorf("%d records with %q in %s, want 1", found.Total, words, index)
			}
			return err
		})
	}
}

// accessLog checks that the JSON access log became attributes with their standard names.
func accessLog(ctx context.Context, b *stack.Backends) error {
	hits, err := search(ctx, b, "logs-request.otel-default", "req-e2e-1")
	if err != nil {
		return err
	}
	access := slices.IndexFunc(hits, func(h query.Hit) bool { return attribute(h, "log.file.name") == "access.log" })
	if access < 0 {
		return fmt.Errorf("no access log line among %d records", len(hits))
	}
	for name, want := range map[string]any{"http.request.method": "POST", "http.response.status_code": 200.0, "url.path": "/v1/chat"} {
		if got := attribute(hits[access], name); got != want {
			return fmt.Errorf("%s is %v (%T), want %v", name, got, got, want)
		}
	}
	return nil
}

func spansOf(t *testing.T, b *stack.Backends, requestID, traceID string) {
	query.Eventually(t, patience, func() error {
		hits, err := search(t.Context(), b, "traces-*", requestID)
		if err != nil {
			return err
		}
		if len(hits) < 2 {
			return fmt.Errorf("%d spans, want the server's and the model call's", len(hits))
		}
		for _, hit := range hits {
			if hit.Source["trace_id"] != traceID {
				return fmt.Errorf("trace_id %v, want %s", hit.Source["trace_id"], traceID)
			}
		}
		return nil
	})
}

func seriesOf(t *testing.T, b *stack.Backends, traceID string) {
	prom := b.InPrometheus()
	for name, promQL := range map[string]string{
		"rate by route":    `sum by (http_route) (traces_span_metrics_calls_total{service_name="example-llm-api", http_route="/v1/chat"}) > 0`,
		"rate by model":    `sum by (gen_ai_request_model) (traces_span_metrics_calls_total{gen_ai_request_model="demo-small"}) > 0`,
		"errors":           `sum(traces_span_metrics_calls_total{service_name="example-llm-api", status_code="STATUS_CODE_ERROR"}) > 0`,
		"latency":          `histogram_quantile(0.95, sum by (le, http_route) (traces_span_metrics_duration_seconds_bucket{http_route="/v1/chat"})) > 0`,
		"host":             `system_cpu_load_average_1m{job="node"}`,
		"the agent itself": `otelcol_exporter_sent_spans_total{job="inferwatch-agent"} > 0`,
	} {
		query.Eventually(t, patience, func() error {
			series, err := prom.Query(t.Context(), promQL)
			if err == nil && len(series) == 0 {
				err = fmt.Errorf("%s: nothing for %s", name, promQL)
			}
			return err
		})
	}
	query.Eventually(t, patience, func() error {
		found, err := prom.Exemplars(t.Context(), `traces_span_metrics_duration_seconds_bucket{http_route="/v1/chat"}`,
			time.Now().Add(-10*time.Minute), time.Now().Add(time.Minute))
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(found, func(e query.Exemplar) bool { return e.Labels["trace_id"] == traceID }) {
			return fmt.Errorf("none of %d exemplars has trace id %s", len(found), traceID)
		}
		return nil
	})
}

// noPrompt looks for the word of the prompt in everything that the request left behind.
func noPrompt(t *testing.T, b *stack.Backends, traceID string) {
	found, err := b.InElasticsearch().Search(t.Context(), "logs-*,traces-*", map[string]any{"size": 1000, "query": map[string]any{"match_all": map[string]any{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, hit := range found.Hits {
		if strings.Contains(fmt.Sprint(hit.Source), "abracadabra") {
			t.Errorf("a prompt in %s: %v", hit.Index, hit.Source)
		}
	}
	trace, err := b.InTempo().Trace(t.Context(), traceID)
	if err != nil {
		t.Fatal(err)
	}
	for _, rs := range trace.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				if strings.Contains(fmt.Sprint(span.Attributes().AsRaw()), "abracadabra") {
					t.Errorf("a prompt in span %s", span.Name())
				}
			}
		}
	}
}
