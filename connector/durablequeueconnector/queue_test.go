// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package durablequeueconnector

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/inferwatch/inferwatch/connector/durablequeueconnector/internal/metadata"
	"github.com/inferwatch/inferwatch/connector/durablequeueconnector/internal/metadatatest"
)

func testConfig(edit func(*Config)) *Config {
	cfg := createDefaultConfig().(*Config)
	cfg.NumConsumers = 1
	cfg.Batch = BatchConfig{FlushTimeout: time.Millisecond}
	cfg.RetryOnFailure.InitialInterval = time.Millisecond
	cfg.RetryOnFailure.MaxInterval = 5 * time.Millisecond
	edit(cfg)
	return cfg
}

func logsOf(bodies ...string) plog.Logs {
	ld := plog.NewLogs()
	records := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
	for _, body := range bodies {
		records.AppendEmpty().Body().SetStr(body)
	}
	return ld
}

// backEnd is the pipeline behind the queue: it answers what the test says and keeps what it accepted.
type backEnd struct {
	consumertest.LogsSink

	mu       sync.Mutex
	answer   error
	attempts int
}

func (b *backEnd) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.attempts++
	if b.answer != nil {
		return b.answer
	}
	return b.LogsSink.ConsumeLogs(ctx, ld)
}

func (b *backEnd) set(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = err
}

func (b *backEnd) tried() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.attempts
}

func (b *backEnd) bodies() []string {
	var bodies []string
	for _, ld := range b.AllLogs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, record := range sl.LogRecords().All() {
					bodies = append(bodies, record.Body().Str())
				}
			}
		}
	}
	return bodies
}

func startLogs(t *testing.T, set connector.Settings, cfg *Config, host component.Host, next *backEnd) connector.Logs {
	t.Helper()
	conn, err := NewFactory().CreateLogsToLogs(t.Context(), set, cfg, next)
	require.NoError(t, err)
	require.NoError(t, conn.Start(t.Context(), host))
	t.Cleanup(func() { assert.NoError(t, conn.Shutdown(context.WithoutCancel(t.Context()))) })
	return conn
}

func TestRetryableErrorIsRetriedUntilItPasses(t *testing.T) {
	next := &backEnd{answer: errors.New("503")}
	conn := startLogs(t, connectortest.NewNopSettings(metadata.Type), testConfig(func(*Config) {}), componenttest.NewNopHost(), next)

	require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("a")), "queued, whatever the back-end says")
	require.Eventually(t, func() bool { return next.tried() >= 3 }, 5*time.Second, time.Millisecond)
	next.set(nil)
	require.Eventually(t, func() bool { return len(next.bodies()) == 1 }, 5*time.Second, time.Millisecond)
}

// changing is a pipeline whose first processor changes what it gets and whose exporter then fails.
type changing struct{ backEnd }

func (c *changing) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	body := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body()
	body.SetStr(body.Str() + "!")
	return c.backEnd.ConsumeLogs(ctx, ld)
}

func TestEachAttemptGetsTheOriginal(t *testing.T) {
	next := &changing{backEnd{answer: errors.New("503")}}
	conn, err := NewFactory().CreateLogsToLogs(t.Context(), connectortest.NewNopSettings(metadata.Type), testConfig(func(*Config) {}), next)
	require.NoError(t, err)
	require.NoError(t, conn.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, conn.Shutdown(context.WithoutCancel(t.Context()))) })

	require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("a")))
	require.Eventually(t, func() bool { return next.tried() >= 3 }, 5*time.Second, time.Millisecond)
	next.set(nil)
	require.Eventually(t, func() bool { return len(next.bodies()) == 1 }, 5*time.Second, time.Millisecond)
	assert.Equal(t, []string{"a!"}, next.bodies())
}

func TestPermanentErrorIsNotRetriedAndDoesNotHoldUpTheRest(t *testing.T) {
	next := &backEnd{answer: consumererror.NewPermanent(errors.New("400"))}
	conn := startLogs(t, connectortest.NewNopSettings(metadata.Type), testConfig(func(*Config) {}), componenttest.NewNopHost(), next)

	require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("poison")))
	require.Eventually(t, func() bool { return next.tried() == 1 }, 5*time.Second, time.Millisecond)
	next.set(nil)
	require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("good")))
	require.Eventually(t, func() bool { return len(next.bodies()) == 1 }, 5*time.Second, time.Millisecond)
	assert.Equal(t, []string{"good"}, next.bodies())
}

// hanging is a back-end that answers nothing until it wakes up, and an exporter that calls its time-out permanent.
type hanging struct {
	backEnd
	awake chan struct{}
}

func (h *hanging) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	select {
	case <-h.awake:
		return h.backEnd.ConsumeLogs(ctx, ld)
	case <-ctx.Done():
		return consumererror.NewPermanent(ctx.Err())
	}
}

func TestAttemptThatTimesOutIsMadeAgain(t *testing.T) {
	next := &hanging{awake: make(chan struct{})}
	conn, err := NewFactory().CreateLogsToLogs(t.Context(), connectortest.NewNopSettings(metadata.Type),
		testConfig(func(cfg *Config) { cfg.Timeout = 5 * time.Millisecond }), next)
	require.NoError(t, err)
	require.NoError(t, conn.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { assert.NoError(t, conn.Shutdown(context.WithoutCancel(t.Context()))) })

	require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("a")))
	time.Sleep(30 * time.Millisecond)
	close(next.awake)
	require.Eventually(t, func() bool { return len(next.bodies()) == 1 }, 5*time.Second, time.Millisecond)
}

// fill puts one record into the queue, which then has no room for another while the back-end refuses.
func fill(t *testing.T, conn connector.Logs) {
	t.Helper()
	require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("first")))
}

func smallQueue(policy OverflowPolicy) *Config {
	return testConfig(func(cfg *Config) {
		cfg.QueueSize = int64((&plog.ProtoMarshaler{}).LogsSize(logsOf("first", "b")))
		cfg.OnOverflow = policy
	})
}

func TestFullQueueRejects(t *testing.T) {
	next := &backEnd{answer: errors.New("503")}
	conn := startLogs(t, connectortest.NewNopSettings(metadata.Type), smallQueue(OverflowReject), componenttest.NewNopHost(), next)
	fill(t, conn)

	err := conn.ConsumeLogs(t.Context(), logsOf("more"))
	require.ErrorIs(t, err, exporterhelper.ErrQueueIsFull)
	assert.False(t, consumererror.IsPermanent(err), "the sender is to try again")
}

func TestFullQueueBlocksUntilThereIsRoom(t *testing.T) {
	next := &backEnd{answer: errors.New("503")}
	conn := startLogs(t, connectortest.NewNopSettings(metadata.Type), smallQueue(OverflowBlock), componenttest.NewNopHost(), next)
	fill(t, conn)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, conn.ConsumeLogs(ctx, logsOf("later")), context.DeadlineExceeded)

	done := make(chan error, 1)
	go func() { done <- conn.ConsumeLogs(t.Context(), logsOf("more")) }()
	next.set(nil)
	require.NoError(t, <-done)
	require.Eventually(t, func() bool { return len(next.bodies()) == 2 }, 5*time.Second, time.Millisecond)
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	t.Cleanup(func() { assert.NoError(t, telemetry.Shutdown(context.WithoutCancel(t.Context()))) })
	set := metadatatest.NewSettings(telemetry)
	set.ID = component.NewIDWithName(metadata.Type, "tempo")
	next := &backEnd{answer: errors.New("503")}
	conn := startLogs(t, set, smallQueue(OverflowDrop), componenttest.NewNopHost(), next)
	fill(t, conn)

	require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("b", "c")), "the sender must not repeat it to the other back-ends")
	require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("d")))
	require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("a request larger than the whole queue could ever take in")))

	point := func(reason string, n int64) metricdata.DataPoint[int64] {
		return metricdata.DataPoint[int64]{Value: n, Attributes: attribute.NewSet(
			attribute.String("connector", "durable_queue/tempo"), attribute.String("reason", reason))}
	}
	metadatatest.AssertEqualConnectorDurableQueueDroppedItems(t, telemetry,
		[]metricdata.DataPoint[int64]{point("queue_full", 3), point("too_large", 1)}, metricdatatest.IgnoreTimestamp())
}

func TestRequestThatCanNeverFitIsPermanent(t *testing.T) {
	conn := startLogs(t, connectortest.NewNopSettings(metadata.Type), smallQueue(OverflowReject), componenttest.NewNopHost(), &backEnd{})
	err := conn.ConsumeLogs(t.Context(), logsOf("a request larger than the whole queue could ever take in"))
	require.ErrorContains(t, err, "larger than `queue_size`")
	assert.True(t, consumererror.IsPermanent(err))
}

func TestEverySignalPasses(t *testing.T) {
	cfg, set := testConfig(func(*Config) {}), connectortest.NewNopSettings(metadata.Type)
	traces, metrics := new(consumertest.TracesSink), new(consumertest.MetricsSink)
	tq, err := NewFactory().CreateTracesToTraces(t.Context(), set, cfg, traces)
	require.NoError(t, err)
	mq, err := NewFactory().CreateMetricsToMetrics(t.Context(), set, cfg, metrics)
	require.NoError(t, err)
	for _, c := range []component.Component{tq, mq} {
		require.NoError(t, c.Start(t.Context(), componenttest.NewNopHost()))
		t.Cleanup(func() { assert.NoError(t, c.Shutdown(context.WithoutCancel(t.Context()))) })
	}

	td, md := ptrace.NewTraces(), pmetric.NewMetrics()
	td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty().SetName("s")
	md.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics().AppendEmpty().SetEmptyGauge().DataPoints().AppendEmpty().SetIntValue(1)
	require.NoError(t, tq.ConsumeTraces(t.Context(), td))
	require.NoError(t, mq.ConsumeMetrics(t.Context(), md))
	assert.Eventually(t, func() bool { return traces.SpanCount() == 1 && metrics.DataPointCount() == 1 }, 5*time.Second, time.Millisecond)
}

func TestStartAndShutdownTwice(t *testing.T) {
	conn, err := NewFactory().CreateLogsToLogs(t.Context(), connectortest.NewNopSettings(metadata.Type), testConfig(func(*Config) {}), &backEnd{})
	require.NoError(t, err)
	require.NoError(t, conn.Shutdown(t.Context()), "before Start")
	for range 2 {
		require.NoError(t, conn.Start(t.Context(), componenttest.NewNopHost()))
	}
	for range 2 {
		require.NoError(t, conn.Shutdown(t.Context()))
	}
}

func BenchmarkOffer(b *testing.B) {
	next := new(consumertest.LogsSink)
	for name, records := range map[string]int{"1_record": 1, "100_records": 100} {
		b.Run(name, func(b *testing.B) {
			conn, err := NewFactory().CreateLogsToLogs(b.Context(), connectortest.NewNopSettings(metadata.Type), testConfig(func(cfg *Config) { cfg.OnOverflow = OverflowBlock }), next)
			require.NoError(b, err)
			require.NoError(b, conn.Start(b.Context(), componenttest.NewNopHost()))
			ld := logsOf(make([]string, records)...)
			b.ReportAllocs()
			for b.Loop() {
				if err := conn.ConsumeLogs(b.Context(), ld); err != nil {
					b.Fatal(err)
				}
				next.Reset()
			}
			require.NoError(b, conn.Shutdown(context.WithoutCancel(b.Context())))
		})
	}
}
