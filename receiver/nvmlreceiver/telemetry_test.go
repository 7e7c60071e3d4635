// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/convert"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/gpuevent"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/outbox"
)

// value is that of one series of the receiver's own metrics; -1 where there is none.
func (b *bench) value(t *testing.T, name string, attributes ...attribute.KeyValue) int64 {
	t.Helper()
	metric, err := b.telemetry.GetMetric("otelcol_receiver_nvml_" + name)
	require.NoError(t, err)
	want := attribute.NewSet(append(attributes, attribute.String("receiver", "nvml"))...)
	var points []metricdata.DataPoint[int64]
	switch data := metric.Data.(type) {
	case metricdata.Sum[int64]:
		points = data.DataPoints
	case metricdata.Gauge[int64]:
		points = data.DataPoints
	}
	for _, p := range points {
		if p.Attributes.Equals(&want) {
			return p.Value
		}
	}
	return -1
}

func TestTelemetryOfCollections(t *testing.T) {
	b := newBench(t, nil)
	tel, err := newTelemetry(b.set)
	require.NoError(t, err)
	first := healthy()
	first.Devices[1].State = nvmlwire.StateHung
	first.Devices[0].OtherCount = 3
	first.EventsLost = 4
	tel.collection(time.Second, &first, 1)
	second := healthy()
	second.Calls, second.CallErrors, second.EventsLost = 150, 2, 5
	tel.collection(time.Second, &second, 1)
	assert.EqualValues(t, 150, b.value(t, "calls"))
	assert.EqualValues(t, 2, b.value(t, "call_errors"))
	lost := []attribute.KeyValue{attribute.String("loss.source", "nvml"), attribute.String("loss.reason", "queue_full")}
	assert.EqualValues(t, 5, b.value(t, "lost_events", lost...))
	assert.EqualValues(t, 1, b.value(t, "helper_starts"))
	assert.EqualValues(t, 2, b.value(t, "gpus", attribute.String("inferwatch.gpu.condition", "ok")))
	assert.EqualValues(t, 0, b.value(t, "gpus", attribute.String("inferwatch.gpu.condition", "hung")))
	assert.EqualValues(t, 0, b.value(t, "summed_processes"))

	restarted := healthy()
	restarted.Started = restarted.Started.Add(time.Minute)
	restarted.Calls, restarted.EventsLost = 10, 1
	tel.collection(time.Second, &restarted, 2)
	assert.EqualValues(t, 160, b.value(t, "calls"), "a fresh helper counts from 0")
	assert.EqualValues(t, 6, b.value(t, "lost_events", lost...))
	assert.EqualValues(t, 2, b.value(t, "helper_starts"))

	tel.collection(time.Second, &nvmlwire.Snapshot{State: nvmlwire.LibraryHung, Started: restarted.Started}, 2)
	assert.EqualValues(t, 160, b.value(t, "calls"))
	assert.EqualValues(t, 0, b.value(t, "library", attribute.String("library.state", "ready")))
	assert.EqualValues(t, 1, b.value(t, "library", attribute.String("library.state", "hung")))
}

func TestTelemetryOfWhatIsMissing(t *testing.T) {
	b := newBench(t, nil)
	tel, err := newTelemetry(b.set)
	require.NoError(t, err)
	tel.unsupported(map[convert.Metric]int64{"hw.power": 2})
	assert.EqualValues(t, 2, b.value(t, "unsupported", attribute.String("reading", "hw.power")))
	tel.unsupported(nil)
	assert.EqualValues(t, 0, b.value(t, "unsupported", attribute.String("reading", "hw.power")))
	tel.kernelTotals(5, 1)
	tel.kernelTotals(7, 1)
	kernel := attribute.String("loss.source", "kernel")
	assert.EqualValues(t, 7, b.value(t, "lost_events", kernel, attribute.String("loss.reason", "overwritten")))
	assert.EqualValues(t, 1, b.value(t, "lost_events", kernel, attribute.String("loss.reason", "too_long")))

	held, err := b.factory.cores.hold(b.set, b.cfg)
	require.NoError(t, err)
	defer held.release()
	r := &logsReceiver{lifecycle: lifecycle{held: held}}
	r.lost([]outbox.Item{{Event: gpuevent.Event{Source: gpuevent.SourceKernel}}, {Event: gpuevent.Event{Source: gpuevent.SourceBoth}}}, outbox.ReasonRefused)
	refused := attribute.String("loss.reason", "refused")
	assert.EqualValues(t, 1, b.value(t, "lost_events", kernel, refused))
	assert.EqualValues(t, 1, b.value(t, "lost_events", attribute.String("loss.source", "nvml"), refused))
}
