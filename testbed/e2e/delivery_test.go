// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/load"
	"github.com/inferwatch/inferwatch/testbed/query"
	"github.com/inferwatch/inferwatch/testbed/stack"
)

// sendItems sends n items of a signal and waits until each is acknowledged.
func sendItems(t *testing.T, signal load.Signal, endpoint string, n int) *load.Generator {
	t.Helper()
	g, err := load.New(load.Config{Signal: signal, Endpoint: endpoint, Rate: 200, Items: n})
	if err != nil {
		t.Fatal(err)
	}
	waitAll(t, g, n)
	return g
}

// waitAll starts the generator and waits until n items are acknowledged.
func waitAll(t *testing.T, g *load.Generator, n int) load.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	g.Start(ctx)
	result := g.Wait(ctx)
	if len(result.Accepted) != n {
		t.Fatalf("%d of %d accepted, the last error: %v", len(result.Accepted), n, result.LastErr)
	}
	return result
}

// TestMissingTemplates: without them nothing is lost and nobody else waits; the message names what is missing.
func TestMissingTemplates(t *testing.T) {
	backends := stack.StartBackends(t)
	gateway := backends.StartGateway(t, "gateway-1", stack.Options{Env: map[string]string{"INFERWATCH_RETRY_MAX_INTERVAL": "2s"}})
	const n = 60
	logs := sendItems(t, load.Logs, gateway.OTLPGRPC, n)
	traces := sendItems(t, load.Traces, gateway.OTLPGRPC, n)
	metrics := sendItems(t, load.Metrics, gateway.OTLPGRPC, n)
	began := time.Now().Add(-time.Minute)

	t.Run("Tempo and Prometheus go on", func(t *testing.T) {
		query.Eventually(t, patience, func() error {
			return complete(n)(backends.InTempo().ItemNumbers(t.Context(), traces.Run(), n))
		})
		query.Eventually(t, patience, func() error {
			return complete(n)(backends.InPrometheus().ItemNumbers(t.Context(), metrics.Run(), began, time.Now()))
		})
	})
	t.Run("a metric, a status and a message say so", func(t *testing.T) {
		gateway.WaitMetric(patience, "otelcol_extension_elasticsearch_guard_missing_templates", nil, func(v float64) bool { return v > 0 })
		query.Eventually(t, patience, func() error { return contains(gateway.Log(), "logs-request.otel-default", "inferwatchctl es install") })
		query.Eventually(t, patience, func() error {
			status, err := get(t, gateway.HealthURL)
			if err != nil {
				return err
			}
			return contains(status, "StatusRecoverableError", "logs-request.otel-default", "inferwatchctl es install")
		})
	})
	t.Run("es check names them and fails", func(t *testing.T) {
		out, err := stack.Ctl(t, "es", "check", "--url", backends.Elasticsearch.URL)
		if err == nil {
			t.Errorf("es check succeeded:\n%s", out)
		}
		if err := contains(out, "logs-request.otel-default"); err != nil {
			t.Error(err)
		}
	})
	t.Run("all is delivered, once, when they are there", func(t *testing.T) {
		backends.InstallTemplates(t)
		for index, g := range map[string]*load.Generator{"logs-*": logs, "traces-*": traces} {
			query.Eventually(t, patience, func() error {
				return complete(n)(backends.InElasticsearch().ItemNumbers(t.Context(), index, g.Run()))
			})
		}
		gateway.WaitMetric(patience, "otelcol_extension_elasticsearch_guard_missing_templates", nil, func(v float64) bool { return v == 0 })
	})
}

// TestFullQueueOfOneBackEnd: it stops nobody else, and what is lost is counted to the item.
func TestFullQueueOfOneBackEnd(t *testing.T) {
	backends := stack.StartBackends(t)
	backends.InstallTemplates(t)
	backends.Elasticsearch.Stop()
	gateway := backends.StartGateway(t, "gateway-1", stack.Options{Env: map[string]string{
		"INFERWATCH_QUEUE_BYTES":        "600000", // the least that a batch of the default size fits into
		"INFERWATCH_RETRY_MAX_INTERVAL": "2s",
	}})
	const n = 8000
	g, err := load.New(load.Config{Signal: load.Traces, Endpoint: gateway.OTLPGRPC, Rate: 1000, Batch: 100, Items: n})
	if err != nil {
		t.Fatal(err)
	}
	if result := waitAll(t, g, n); len(result.Resent) != 0 {
		t.Fatalf("%d of %d were sent again: the sender felt one back-end's queue", len(result.Resent), n)
	}
	query.Eventually(t, 2*time.Minute, func() error {
		return complete(n)(backends.InTempo().ItemNumbers(t.Context(), g.Run(), n))
	})

	dropped, _ := gateway.Metric("otelcol_connector_durable_queue_dropped_items", map[string]string{
		"connector": "durable_queue/traces_elasticsearch", "reason": "queue_full",
	})
	if dropped == 0 {
		t.Fatal("the queue was never full: the case shows nothing")
	}
	backends.Elasticsearch.Start()
	query.Eventually(t, patience, func() error {
		found, err := backends.InElasticsearch().ItemNumbers(t.Context(), "traces-*", g.Run())
		if err == nil && len(found)+int(dropped) != n {
			err = fmt.Errorf("%d in Elasticsearch + %.0f counted as dropped, want %d", len(found), dropped, n)
		}
		return err
	})
	t.Logf("of %d spans Tempo has all; Elasticsearch, down, lost the %.0f that its full queue counted", n, dropped)
}

// complete is satisfied by items 0 to n-1, once each.
func complete(n int) func(map[int]int, error) error {
	return func(found map[int]int, err error) error {
		if err != nil {
			return err
		}
		if len(found) != n {
			return fmt.Errorf("%d of %d items", len(found), n)
		}
		for item, copies := range maps.All(found) {
			if copies != 1 {
				return fmt.Errorf("item %d is there %d times", item, copies)
			}
		}
		return nil
	}
}
