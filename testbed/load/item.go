// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

const (
	// MetricName is the gauge whose samples are the items of a metrics run; labels run and worker tell its series apart.
	MetricName = "testbed_item"

	scopeName    = "github.com/inferwatch/inferwatch/testbed/load"
	itemDuration = 5 * time.Millisecond
)

// RequestID is the http.request.id of item n of the run, on its log record and on its span.
func RequestID(run string, n int) string { return RequestIDPrefix(run) + strconv.Itoa(n) }

// RequestIDPrefix is what the request ids of all items of the run begin with.
func RequestIDPrefix(run string) string { return "item-" + run + "-" }

// Number is the opposite of RequestID: it tells which item of the run has that id.
func Number(run, requestID string) (int, bool) {
	digits, ok := strings.CutPrefix(requestID, RequestIDPrefix(run))
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(digits)
	return n, err == nil
}

// TraceID is the trace of item n of the run, the same for its log record and its span.
func TraceID(run string, n int) pcommon.TraceID {
	sum := sha256.Sum256([]byte("trace " + RequestID(run, n)))
	return pcommon.TraceID(sum[:16])
}

// SpanID is the span of item n of the run, the same for its log record and its span.
func SpanID(run string, n int) pcommon.SpanID {
	sum := sha256.Sum256([]byte("span " + RequestID(run, n)))
	return pcommon.SpanID(sum[:8])
}

// batch is the items of one request. Each item's time is when it was due, so a resent item is the same item.
type batch struct {
	run        string
	worker     int
	numbers    []int
	due        func(n int) time.Time
	attributes map[string]string
}

func (b *batch) resource(r pcommon.Resource) {
	r.Attributes().PutStr("service.name", "testbed")
	r.Attributes().PutStr("service.instance.id", b.run)
}

func (b *batch) describe(to pcommon.Map, n int) {
	to.PutInt("item.number", int64(n))
	to.PutStr("http.request.id", RequestID(b.run, n))
	b.describeRun(to)
}

func (b *batch) describeRun(to pcommon.Map) {
	for key, value := range b.attributes {
		to.PutStr(key, value)
	}
}

func (b *batch) logs() plog.Logs {
	logs := plog.NewLogs()
	resource := logs.ResourceLogs().AppendEmpty()
	b.resource(resource.Resource())
	scope := resource.ScopeLogs().AppendEmpty()
	scope.Scope().SetName(scopeName)
	for _, n := range b.numbers {
		record := scope.LogRecords().AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(b.due(n)))
		record.SetSeverityNumber(plog.SeverityNumberInfo)
		record.SetSeverityText("INFO")
		record.Body().SetStr(fmt.Sprintf("item %d", n))
		record.SetTraceID(TraceID(b.run, n))
		record.SetSpanID(SpanID(b.run, n))
		b.describe(record.Attributes(), n)
	}
	return logs
}

func (b *batch) traces() ptrace.Traces {
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	b.resource(resource.Resource())
	scope := resource.ScopeSpans().AppendEmpty()
	scope.Scope().SetName(scopeName)
	for _, n := range b.numbers {
		span := scope.Spans().AppendEmpty()
		span.SetName("POST /v1/chat/completions")
		span.SetKind(ptrace.SpanKindServer)
		span.SetTraceID(TraceID(b.run, n))
		span.SetSpanID(SpanID(b.run, n))
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(b.due(n)))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(b.due(n).Add(itemDuration)))
		span.Attributes().PutStr("http.request.method", "POST")
		span.Attributes().PutStr("http.route", "/v1/chat/completions")
		span.Attributes().PutInt("http.response.status_code", 200)
		span.Attributes().PutStr("gen_ai.request.model", "testbed-model")
		b.describe(span.Attributes(), n)
	}
	return traces
}

func (b *batch) metrics() pmetric.Metrics {
	metrics := pmetric.NewMetrics()
	resource := metrics.ResourceMetrics().AppendEmpty()
	b.resource(resource.Resource())
	scope := resource.ScopeMetrics().AppendEmpty()
	scope.Scope().SetName(scopeName)
	metric := scope.Metrics().AppendEmpty()
	metric.SetName(MetricName)
	points := metric.SetEmptyGauge().DataPoints()
	for _, n := range b.numbers {
		point := points.AppendEmpty()
		point.SetTimestamp(pcommon.NewTimestampFromTime(b.due(n)))
		point.SetIntValue(int64(n))
		point.Attributes().PutStr("run", b.run)
		point.Attributes().PutStr("worker", strconv.Itoa(b.worker))
		b.describeRun(point.Attributes())
	}
	return metrics
}
