// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package durablequeueconnector // import "github.com/inferwatch/inferwatch/connector/durablequeueconnector"

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Each signal's queue is the helper's consumer behind the overflow policy.

func copyTraces(from ptrace.Traces) ptrace.Traces {
	to := ptrace.NewTraces()
	from.CopyTo(to)
	return to
}

type tracesQueue struct {
	*lifecycle
	consumer.Traces
	queue *queue
	sizer ptrace.ProtoMarshaler
}

// ConsumeTraces returns once the spans are in the queue.
func (q *tracesQueue) ConsumeTraces(ctx context.Context, td ptrace.Traces) error {
	return q.queue.offer(ctx, q.sizer.TracesSize(td), td.SpanCount(), func() error { return q.Traces.ConsumeTraces(ctx, td) })
}

func copyMetrics(from pmetric.Metrics) pmetric.Metrics {
	to := pmetric.NewMetrics()
	from.CopyTo(to)
	return to
}

type metricsQueue struct {
	*lifecycle
	consumer.Metrics
	queue *queue
	sizer pmetric.ProtoMarshaler
}

// ConsumeMetrics returns once the data points are in the queue.
func (q *metricsQueue) ConsumeMetrics(ctx context.Context, md pmetric.Metrics) error {
	return q.queue.offer(ctx, q.sizer.MetricsSize(md), md.DataPointCount(), func() error { return q.Metrics.ConsumeMetrics(ctx, md) })
}

func copyLogs(from plog.Logs) plog.Logs {
	to := plog.NewLogs()
	from.CopyTo(to)
	return to
}

type logsQueue struct {
	*lifecycle
	consumer.Logs
	queue *queue
	sizer plog.ProtoMarshaler
}

// ConsumeLogs returns once the log records are in the queue.
func (q *logsQueue) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	return q.queue.offer(ctx, q.sizer.LogsSize(ld), ld.LogRecordCount(), func() error { return q.Logs.ConsumeLogs(ctx, ld) })
}

var (
	_ component.Component = (*tracesQueue)(nil)
	_ component.Component = (*metricsQueue)(nil)
	_ component.Component = (*logsQueue)(nil)
)
