// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/inferwatch/inferwatch/internal/elasticsearch/elasticsearchtest"
)

const (
	streamA = "logs-a.otel-default"
	streamB = "logs-b.otel-default"

	check = "GET /_index_template"
	bulk  = "POST /_bulk"

	created = `{"items":[{"create":{"_index":".ds-x","status":201}}]}`
	noIndex = `{"items":[{"create":{"_index":"logs-stray.otel-default","status":404,"error":{"type":"index_not_found_exception","reason":"no such index [logs-stray.otel-default]"}}}]}`
)

// harness is a guard before a stand-in for Elasticsearch, with a clock that the test sets.
type harness struct {
	t         *testing.T
	server    *elasticsearchtest.Server
	guard     *guard
	client    http.RoundTripper
	telemetry *componenttest.Telemetry
	logs      *observer.ObservedLogs
	host      *statusHost
	clock     *clock
}

func newHarness(t *testing.T, change ...func(*Config)) *harness {
	cfg := createDefaultConfig().(*Config)
	cfg.DataStreams = []string{streamA, streamB}
	for _, c := range change {
		c(cfg)
	}
	h := &harness{t: t, server: elasticsearchtest.NewServer(t), host: &statusHost{Host: componenttest.NewNopHost()}, clock: &clock{now: time.Unix(1_700_000_000, 0)}}
	h.telemetry = componenttest.NewTelemetry()
	core, logs := observer.New(zap.DebugLevel)
	h.logs = logs
	set := h.telemetry.NewTelemetrySettings()
	set.Logger = zap.New(core)
	var err error
	h.guard, err = newGuard(set, cfg)
	require.NoError(t, err)
	h.guard.now = h.clock.get
	require.NoError(t, h.guard.Start(context.Background(), h.host))
	base := http.DefaultTransport.(*http.Transport).Clone()
	h.client = h.wrap(base)
	t.Cleanup(func() {
		assert.NoError(t, h.guard.Shutdown(context.Background()))
		base.CloseIdleConnections()
		assert.NoError(t, h.telemetry.Shutdown(context.Background()))
	})
	return h
}

func (h *harness) wrap(base http.RoundTripper) http.RoundTripper {
	wrap, err := h.guard.GetHTTPRoundTripper(context.Background())
	require.NoError(h.t, err)
	client, err := wrap(context.Background(), base)
	require.NoError(h.t, err)
	return client
}

// have gives the cluster a template for each of the data streams.
func (h *harness) have(streams ...string) {
	for _, name := range streams {
		h.server.Put("_index_template", name, `{"index_patterns":["`+name+`"],"priority":1,"data_stream":{}}`)
	}
}

func (h *harness) request(ctx context.Context) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.server.URL+"/_bulk?filter_path=items.*.status", strings.NewReader("{}\n{}\n"))
	require.NoError(h.t, err)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "ApiKey a2V5")
	req.Header.Set("X-Elastic-Event-Count", "1")
	return req
}

// send sends a bulk request and returns the status and the body of the answer, in which the address is replaced by URL.
func (h *harness) send() (int, string) {
	resp, err := h.client.RoundTrip(h.request(context.Background()))
	require.NoError(h.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	require.NoError(h.t, resp.Body.Close())
	return resp.StatusCode, strings.ReplaceAll(string(body), h.server.URL, "URL")
}

// newLogs returns the lines logged since the last call.
func (h *harness) newLogs() []string {
	var lines []string
	for _, entry := range h.logs.TakeAll() {
		lines = append(lines, entry.Level.CapitalString()+" "+strings.ReplaceAll(entry.Message, h.server.URL, "URL"))
	}
	return lines
}

// newStatuses returns the component statuses reported since the last call.
func (h *harness) newStatuses() []string {
	h.host.mu.Lock()
	defer h.host.mu.Unlock()
	var lines []string
	for _, event := range h.host.events {
		line := event.Status().String()
		if event.Err() != nil {
			line += " " + strings.ReplaceAll(event.Err().Error(), h.server.URL, "URL")
		}
		lines = append(lines, line)
	}
	h.host.events = nil
	return lines
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) get() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type statusHost struct {
	component.Host
	mu     sync.Mutex
	events []*componentstatus.Event
}

func (h *statusHost) Report(event *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, event)
}
