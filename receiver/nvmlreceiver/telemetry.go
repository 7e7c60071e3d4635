// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/convert"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// lossSource is the value of the attribute `loss.source`.
type lossSource string

const (
	lossNVML   lossSource = "nvml"
	lossKernel lossSource = "kernel"
)

// telemetry is what the receiver tells about itself.
type telemetry struct {
	builder  *metadata.TelemetryBuilder
	receiver attribute.KeyValue

	mu      sync.Mutex
	totals  map[string]uint64 // of counters that others keep, as they were last
	started time.Time         // of the helper whose totals these are
	lacking map[convert.Metric]bool
}

func newTelemetry(set receiver.Settings) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &telemetry{
		builder: builder, receiver: attribute.String("receiver", set.ID.String()), totals: map[string]uint64{}, lacking: map[convert.Metric]bool{},
	}, nil
}

func (t *telemetry) with(attributes ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributes(append(attributes, t.receiver)...)
}

// collection tells of one collection. starts is of the helper, so far.
func (t *telemetry) collection(took time.Duration, s *nvmlwire.Snapshot, starts uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ctx := context.Background()
	t.builder.ReceiverNvmlCollectionDuration.Record(ctx, took.Seconds(), t.with())
	if !s.Started.IsZero() && !s.Started.Equal(t.started) {
		// A fresh process counts from 0.
		t.started = s.Started
		for _, total := range []string{"calls", "call_errors", "events_lost"} {
			delete(t.totals, total)
		}
	}
	t.builder.ReceiverNvmlHelperStarts.Add(ctx, t.increase("starts", starts), t.with())
	if s.State == nvmlwire.LibraryReady {
		t.builder.ReceiverNvmlCalls.Add(ctx, t.increase("calls", s.Calls), t.with())
		t.builder.ReceiverNvmlCallErrors.Add(ctx, t.increase("call_errors", s.CallErrors), t.with())
		t.addLost(lossNVML, "queue_full", t.increase("events_lost", s.EventsLost))
	}
	t.states(s)
}

// increase is by how much a total has grown since the last time.
func (t *telemetry) increase(name string, total uint64) int64 {
	last := t.totals[name]
	t.totals[name] = max(total, last)
	if total < last {
		return 0
	}
	return int64(total - last) //nolint:gosec // counts of calls and processes
}

func (t *telemetry) states(s *nvmlwire.Snapshot) {
	ctx := context.Background()
	for state := nvmlwire.LibraryReady; state <= nvmlwire.LibraryHung; state++ {
		t.builder.ReceiverNvmlLibrary.Record(ctx, oneIf(state == s.State), t.with(attribute.String("library.state", state.String())))
	}
	var gpus [nvmlwire.StateError + 1]int64
	summed := int64(0)
	for i := range s.Devices {
		d := &s.Devices[i]
		if d.Parent == "" && int(d.State) < len(gpus) {
			gpus[d.State]++
		}
		summed += int64(d.OtherCount)
	}
	for state, count := range gpus {
		t.builder.ReceiverNvmlGpus.Record(ctx, count,
			t.with(attribute.String("inferwatch.gpu.condition", nvmlwire.DeviceState(state).String())))
	}
	t.builder.ReceiverNvmlSummedProcesses.Record(ctx, summed, t.with())
}

func oneIf(is bool) int64 {
	if is {
		return 1
	}
	return 0
}

// unsupported tells how many devices lack which metrics. A metric that none lacks any more is told as 0.
func (t *telemetry) unsupported(counts map[convert.Metric]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for m := range counts {
		t.lacking[m] = true
	}
	for m := range t.lacking {
		t.builder.ReceiverNvmlUnsupported.Record(context.Background(), counts[m], t.with(attribute.String("reading", string(m))))
	}
}

// lost tells of events that were lost.
func (t *telemetry) lost(source lossSource, reason string, n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addLost(source, reason, n)
}

func (t *telemetry) addLost(source lossSource, reason string, n int64) {
	t.builder.ReceiverNvmlLostEvents.Add(context.Background(), n,
		t.with(attribute.String("loss.source", string(source)), attribute.String("loss.reason", reason)))
}

// kernelTotals tells what the reader of the kernel log has lost so far.
func (t *telemetry) kernelTotals(overwritten, tooLong uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.addLost(lossKernel, "overwritten", t.increase("kernel_overwritten", overwritten))
	t.addLost(lossKernel, "too_long", t.increase("kernel_too_long", tooLong))
}

// begin forgets the totals: a run has a reader of the kernel log and a helper of its own, which count from 0.
func (t *telemetry) begin() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.started = time.Time{}
	clear(t.totals)
}
