// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	historyLength = 10 * time.Minute
	historyStep   = 15 * time.Second
	// halfTime is late enough that an instant query at the end still sees the series that ended then.
	halfTime = 7 * time.Minute
	// lookback is how long Prometheus takes a series' last sample for its present value.
	lookback = 5 * time.Minute
)

// history is what two nodes reported over ten minutes.
type history struct {
	start, end time.Time
	present    map[string]bool // series that an instant query at the end sees, by any unique text
}

// write sends the history to the agent, oldest first, as fast as it takes it.
func (h *history) write(t *testing.T, endpoint string, data metadata) {
	t.Helper()
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	client := pmetricotlp.NewGRPCClient(conn)
	for at := h.start; !at.After(h.end); at = at.Add(historyStep) {
		for _, n := range fleet() {
			h.send(t, client, h.collection(t, data, n, at))
			h.send(t, client, h.selfReport(t, data, n, at))
		}
	}
}

func (h *history) send(t *testing.T, client pmetricotlp.GRPCClient, metrics pmetric.Metrics) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	answer, err := client.Export(ctx, pmetricotlp.NewExportRequestFromMetrics(metrics))
	if err != nil {
		t.Fatal(err)
	}
	if rejected := answer.PartialSuccess().RejectedDataPoints(); rejected != 0 {
		t.Fatalf("the agent refuses %d points: %s", rejected, answer.PartialSuccess().ErrorMessage())
	}
}

// collection is what the receiver makes of one reading of a node's GPUs.
func (h *history) collection(t *testing.T, data metadata, n node, at time.Time) pmetric.Metrics {
	t.Helper()
	since := at.Sub(h.start)
	half := since >= halfTime
	b := newBatch(h, at, map[string]string{"host.name": n.name})
	for _, name := range slices.Sorted(maps.Keys(data.Metrics)) {
		m := data.Metrics[name]
		if !m.Enabled {
			continue
		}
		add := b.metric(name, m.Unit, m)
		for _, d := range n.devices() {
			if !d.reports(name, m, !half) {
				continue
			}
			for _, l := range points(t, data, name, m, d, half && n.upgraded) {
				add(l, d.value(name, m, l, since, half))
			}
		}
	}
	return b.metrics
}

// selfReport is what the agent scrapes from its own page: names with otelcol_, and no units.
func (h *history) selfReport(t *testing.T, data metadata, n node, at time.Time) pmetric.Metrics {
	t.Helper()
	b := newBatch(h, at, map[string]string{"host.name": n.name, "service.name": "inferwatch-agent", "service.instance.id": n.name})
	for _, name := range slices.Sorted(maps.Keys(data.Telemetry.Metrics)) {
		m := data.Telemetry.Metrics[name]
		add := b.metric("otelcol_"+name, "", m)
		for _, l := range expand(t, data, name, m, nil) {
			text := fmt.Sprint(l)
			value := one(strings.Contains(text, "ready") || strings.Contains(text, "condition:ok"))
			if m.counter() {
				value = at.Sub(h.start).Seconds()
			}
			add(l, value)
		}
	}
	return b.metrics
}

// batch is one resource's metrics of one time.
type batch struct {
	history *history
	at      time.Time
	metrics pmetric.Metrics
	scope   pmetric.ScopeMetrics
	owner   string
}

func newBatch(h *history, at time.Time, resource map[string]string) *batch {
	b := &batch{history: h, at: at, metrics: pmetric.NewMetrics(), owner: fmt.Sprint(resource)}
	r := b.metrics.ResourceMetrics().AppendEmpty()
	for key, value := range resource {
		r.Resource().Attributes().PutStr(key, value)
	}
	b.scope = r.ScopeMetrics().AppendEmpty()
	return b
}

// metric begins a metric and returns what adds a point to it.
func (b *batch) metric(name, unit string, m metric) func(labels, float64) {
	to := b.scope.Metrics().AppendEmpty()
	to.SetName(name)
	to.SetUnit(unit)
	var numbers pmetric.NumberDataPointSlice
	switch {
	case m.Histogram != nil:
		histogram := to.SetEmptyHistogram()
		histogram.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		return func(l labels, _ float64) {
			b.histogram(histogram.DataPoints().AppendEmpty(), l, m.Histogram.Boundaries)
		}
	case m.Sum != nil:
		sum := to.SetEmptySum()
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		sum.SetIsMonotonic(m.Sum.Monotonic)
		numbers = sum.DataPoints()
	default:
		numbers = to.SetEmptyGauge().DataPoints()
	}
	return func(l labels, value float64) {
		point := numbers.AppendEmpty()
		point.SetStartTimestamp(pcommon.NewTimestampFromTime(b.history.start))
		point.SetTimestamp(pcommon.NewTimestampFromTime(b.at))
		point.SetDoubleValue(value)
		put(point.Attributes(), l)
		b.note(name, l)
	}
}

// histogram: one collection each step, all of them in the third bucket.
func (b *batch) histogram(point pmetric.HistogramDataPoint, l labels, boundaries []float64) {
	count := uint64(b.at.Sub(b.history.start)/historyStep) + 1
	buckets := make([]uint64, len(boundaries)+1)
	buckets[2] = count
	point.SetStartTimestamp(pcommon.NewTimestampFromTime(b.history.start))
	point.SetTimestamp(pcommon.NewTimestampFromTime(b.at))
	point.SetCount(count)
	point.SetSum(float64(count) * boundaries[2])
	point.ExplicitBounds().FromRaw(boundaries)
	point.BucketCounts().FromRaw(buckets)
	put(point.Attributes(), l)
}

func (b *batch) note(name string, l labels) {
	if b.at.After(b.history.end.Add(-lookback)) {
		b.history.present[b.owner+name+fmt.Sprint(l)] = true
	}
}

func put(to pcommon.Map, l labels) {
	for key, value := range l {
		if err := to.PutEmpty(key).FromRaw(value); err != nil {
			panic(err) // a type that attributes_test.go must not use
		}
	}
}
