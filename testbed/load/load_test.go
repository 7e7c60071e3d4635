// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package load_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"

	"github.com/inferwatch/inferwatch/testbed/load"
)

// receiver takes OTLP of all signals; refuse may be set to make it refuse.
type receiver struct {
	plogotlp.UnimplementedGRPCServer
	mu      sync.Mutex
	refuse  error
	logs    []plog.LogRecord
	spans   []ptrace.Span
	samples []pmetric.NumberDataPoint
}

func (r *receiver) setRefuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refuse = err
}

func (r *receiver) take(keep func()) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse == nil {
		keep()
	}
	return r.refuse
}

func (r *receiver) takeLogs(logs plog.Logs) error {
	return r.take(func() {
		for _, record := range logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
			r.logs = append(r.logs, record)
		}
	})
}

func (r *receiver) takeTraces(traces ptrace.Traces) error {
	return r.take(func() {
		for _, span := range traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
			r.spans = append(r.spans, span)
		}
	})
}

func (r *receiver) takeMetrics(metrics pmetric.Metrics) error {
	return r.take(func() {
		metric := metrics.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0)
		for _, sample := range metric.Gauge().DataPoints().All() {
			r.samples = append(r.samples, sample)
		}
	})
}

func (r *receiver) Export(_ context.Context, request plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	return plogotlp.NewExportResponse(), r.takeLogs(request.Logs())
}

type traceServer struct {
	ptraceotlp.UnimplementedGRPCServer
	*receiver
}

func (s *traceServer) Export(_ context.Context, request ptraceotlp.ExportRequest) (ptraceotlp.ExportResponse, error) {
	return ptraceotlp.NewExportResponse(), s.takeTraces(request.Traces())
}

type metricServer struct {
	pmetricotlp.UnimplementedGRPCServer
	*receiver
}

func (s *metricServer) Export(_ context.Context, request pmetricotlp.ExportRequest) (pmetricotlp.ExportResponse, error) {
	return pmetricotlp.NewExportResponse(), s.takeMetrics(request.Metrics())
}

// serveGRPC listens on address; its result ends it.
func (r *receiver) serveGRPC(t *testing.T, address string) (string, func()) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server := grpc.NewServer()
	plogotlp.RegisterGRPCServer(server, r)
	ptraceotlp.RegisterGRPCServer(server, &traceServer{receiver: r})
	pmetricotlp.RegisterGRPCServer(server, &metricServer{receiver: r})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String(), server.Stop
}

func (r *receiver) serveHTTP(t *testing.T) string {
	t.Helper()
	mux := http.NewServeMux()
	handle := func(path string, take func([]byte) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, request *http.Request) {
			body, err := io.ReadAll(request.Body)
			if err = errors.Join(err, take(body)); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
			}
		})
	}
	handle("/v1/logs", func(body []byte) error {
		request := plogotlp.NewExportRequest()
		return errors.Join(request.UnmarshalProto(body), r.takeLogs(request.Logs()))
	})
	handle("/v1/traces", func(body []byte) error {
		request := ptraceotlp.NewExportRequest()
		return errors.Join(request.UnmarshalProto(body), r.takeTraces(request.Traces()))
	})
	handle("/v1/metrics", func(body []byte) error {
		request := pmetricotlp.NewExportRequest()
		return errors.Join(request.UnmarshalProto(body), r.takeMetrics(request.Metrics()))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func generate(t *testing.T, cfg load.Config) *load.Generator {
	t.Helper()
	generator, err := load.New(cfg)
	require.NoError(t, err)
	return generator
}

func set(n int) map[int]struct{} {
	all := map[int]struct{}{}
	for i := range n {
		all[i] = struct{}{}
	}
	return all
}

func TestEachSignalByEachProtocol(t *testing.T) {
	for _, protocol := range []load.Protocol{load.GRPC, load.HTTP} {
		t.Run(string(protocol), func(t *testing.T) {
			r := &receiver{}
			endpoint := r.serveHTTP(t)
			if protocol == load.GRPC {
				endpoint, _ = r.serveGRPC(t, "127.0.0.1:0")
			}
			for _, signal := range []load.Signal{load.Logs, load.Traces, load.Metrics} {
				generator := generate(t, load.Config{
					Run: "run", Signal: signal, Protocol: protocol, Endpoint: endpoint, Rate: 1000, Items: 25,
					Attributes: map[string]string{"log.class": "audit"},
				})
				generator.Start(t.Context())
				result := generator.Wait(t.Context())
				assert.Equal(t, load.Result{Sent: set(25), Accepted: set(25), Resent: set(0)}, result)
				assert.Equal(t, 25, result.Bound())
			}
			checkLogs(t, r.logs)
			checkSpans(t, r.spans)
			checkSamples(t, r.samples)
		})
	}
}

func checkLogs(t *testing.T, logs []plog.LogRecord) {
	t.Helper()
	require.Len(t, logs, 25)
	for _, record := range logs {
		n := number(t, record.Attributes())
		assert.Equal(t, fmt.Sprintf("item %d", n), record.Body().Str())
		assert.Equal(t, load.TraceID("run", n), record.TraceID())
		assert.Equal(t, load.SpanID("run", n), record.SpanID())
		assert.Equal(t, "audit", text(record.Attributes(), "log.class"))
	}
}

func checkSpans(t *testing.T, spans []ptrace.Span) {
	t.Helper()
	require.Len(t, spans, 25)
	for _, span := range spans {
		n := number(t, span.Attributes())
		assert.Equal(t, load.TraceID("run", n), span.TraceID())
		assert.Equal(t, load.SpanID("run", n), span.SpanID())
		assert.Equal(t, ptrace.SpanKindServer, span.Kind())
		assert.NotEmpty(t, text(span.Attributes(), "http.route"))
		assert.NotEmpty(t, text(span.Attributes(), "gen_ai.request.model"))
	}
}

// Prometheus takes a series' samples in the order of their times, which it keeps in milliseconds.
func checkSamples(t *testing.T, samples []pmetric.NumberDataPoint) {
	t.Helper()
	require.Len(t, samples, 25)
	last := map[string]int64{}
	for _, sample := range samples {
		worker := text(sample.Attributes(), "worker")
		at := sample.Timestamp().AsTime().UnixMilli()
		assert.Greater(t, at, last[worker])
		last[worker] = at
		assert.Equal(t, "run", text(sample.Attributes(), "run"))
	}
}

func number(t *testing.T, attributes pcommon.Map) int {
	t.Helper()
	n, ok := load.Number("run", text(attributes, "http.request.id"))
	require.True(t, ok)
	value, _ := attributes.Get("item.number")
	assert.EqualValues(t, n, value.Int())
	return n
}

func text(attributes pcommon.Map, name string) string {
	value, _ := attributes.Get(name)
	return value.AsString()
}

func TestRefusedBatchIsSentAgain(t *testing.T) {
	r := &receiver{refuse: errors.New("full")}
	endpoint, _ := r.serveGRPC(t, "127.0.0.1:0")
	generator := generate(t, load.Config{
		Run: "run", Signal: load.Logs, Endpoint: endpoint, Rate: 1000, Items: 20, RetryPause: 10 * time.Millisecond,
	})
	generator.Start(t.Context())
	assert.Eventually(t, func() bool { return generator.Result().Rejected > 4 }, 5*time.Second, time.Millisecond)
	assert.Empty(t, generator.Result().Accepted)
	r.setRefuse(nil)
	result := generator.Wait(t.Context())
	assert.Equal(t, set(20), result.Accepted)
	assert.Equal(t, set(20), result.Resent)
	require.ErrorContains(t, result.LastErr, "full")
	checkEachOnce(t, r.logs, 20)
}

func TestOutageDelaysButLosesNothing(t *testing.T) {
	r := &receiver{}
	address, stop := r.serveGRPC(t, "127.0.0.1:0")
	generator := generate(t, load.Config{Run: "run", Signal: load.Logs, Endpoint: address, Rate: 200})
	generator.Start(t.Context())
	assert.Eventually(t, func() bool { return len(generator.Result().Accepted) > 0 }, 5*time.Second, time.Millisecond)
	stop()
	assert.Eventually(t, func() bool { return generator.Result().Rejected > 0 }, 5*time.Second, time.Millisecond)
	time.Sleep(time.Second)
	before := generator.Result()
	r.serveGRPC(t, address)
	assert.Eventually(t, func() bool { return len(generator.Result().Accepted) > len(before.Accepted)+150 }, 5*time.Second, time.Millisecond,
		"what became due meanwhile is sent at once")
	result := generator.Stop(5 * time.Second)
	assert.Len(t, result.Sent, result.Bound(), "no number is left out")
	assert.Len(t, result.Accepted, result.Bound())
	require.ErrorContains(t, result.LastErr, "Unavailable")
}

func TestStopGivesUpAfterItsGrace(t *testing.T) {
	r := &receiver{refuse: errors.New("full")}
	endpoint, _ := r.serveGRPC(t, "127.0.0.1:0")
	generator := generate(t, load.Config{Signal: load.Logs, Endpoint: endpoint, Rate: 1000})
	generator.Start(t.Context())
	assert.Eventually(t, func() bool { return generator.Result().Rejected > 0 }, 5*time.Second, time.Millisecond)
	stopping := time.Now()
	result := generator.Stop(300 * time.Millisecond)
	assert.InDelta(t, 0.3, time.Since(stopping).Seconds(), 0.25)
	assert.NotEmpty(t, result.Sent)
	assert.Empty(t, result.Accepted)
}

func TestRateIsKept(t *testing.T) {
	r := &receiver{}
	endpoint, _ := r.serveGRPC(t, "127.0.0.1:0")
	generator := generate(t, load.Config{Signal: load.Logs, Endpoint: endpoint, Rate: 100, Items: 100})
	started := time.Now()
	generator.Start(t.Context())
	generator.Wait(t.Context())
	assert.InDelta(t, 1, time.Since(started).Seconds(), 0.3)
}

func TestPartialSuccessIsNotAccepted(t *testing.T) {
	answer := plogotlp.NewExportResponse()
	answer.PartialSuccess().SetRejectedLogRecords(1)
	answer.PartialSuccess().SetErrorMessage("too long")
	body, err := answer.MarshalProto()
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(body) }))
	defer server.Close()
	generator := generate(t, load.Config{Signal: load.Logs, Protocol: load.HTTP, Endpoint: server.URL, Items: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	generator.Start(t.Context())
	result := generator.Wait(ctx)
	assert.Empty(t, result.Accepted)
	require.EqualError(t, result.LastErr, "1 items of the batch were refused: too long")
}

func TestNewReportsAllFaults(t *testing.T) {
	_, err := load.New(load.Config{Signal: "profiles", Protocol: "udp", Rate: 2000})
	require.EqualError(t, err, "`Signal` must be \"logs\", \"traces\" or \"metrics\", found \"profiles\"\n"+
		"`Protocol` must be \"grpc\" or \"http\", found \"udp\"\n"+
		"`Rate` must be at most 1000, found 2000")
}

func TestNumberIsTheOppositeOfRequestID(t *testing.T) {
	n, ok := load.Number("run", load.RequestID("run", 12))
	assert.True(t, ok)
	assert.Equal(t, 12, n)
	for _, other := range []string{"", "item-run-", "item-ru-12", "item-run-x", load.RequestID("run-1", 2)} {
		_, ok := load.Number("run", other)
		assert.False(t, ok, other)
	}
}

func TestRunsAreRandomUnlessNamed(t *testing.T) {
	first, second := generate(t, load.Config{Signal: load.Logs}), generate(t, load.Config{Signal: load.Logs})
	assert.NotEqual(t, first.Run(), second.Run())
}

func checkEachOnce(t *testing.T, logs []plog.LogRecord, n int) {
	t.Helper()
	seen := map[int]int{}
	for _, record := range logs {
		seen[number(t, record.Attributes())]++
	}
	assert.Len(t, seen, n)
	for item, times := range seen {
		assert.Equal(t, 1, times, "item %d", item)
	}
}
