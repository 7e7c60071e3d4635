// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver/receivertest"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver"
)

// bare is the receiver with its helper process in this test's own process, without a collector around it. It keeps the last collection
// only, so that what grows is not the test.
type bare struct {
	tb     testing.TB
	reader *sdkmetric.ManualReader

	mu      sync.Mutex
	last    collection
	came    int
	records int
}

const (
	fastInterval = 100 * time.Millisecond
	fastTimeout  = 500 * time.Millisecond
)

func startBare(tb testing.TB, p programs, library string) *bare {
	tb.Helper()
	b := &bare{tb: tb, reader: sdkmetric.NewManualReader()}
	factory := nvmlreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig()
	err := confmap.NewFromStringMap(map[string]any{
		"collection_interval": fastInterval, "initial_delay": time.Millisecond, "timeout": fastTimeout, "library": library, "helper": p.helper,
	}).Unmarshal(cfg)
	must(tb, err)
	set := receivertest.NewNopSettings(factory.Type())
	set.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(b.reader))
	toMetrics, err := consumer.NewMetrics(b.takeMetrics)
	must(tb, err)
	toLogs, err := consumer.NewLogs(b.takeLogs)
	must(tb, err)
	metrics, err := factory.CreateMetrics(context.Background(), set, cfg, toMetrics)
	must(tb, err)
	logs, err := factory.CreateLogs(context.Background(), set, cfg, toLogs)
	must(tb, err)
	must(tb, logs.Start(context.Background(), componenttest.NewNopHost()))
	must(tb, metrics.Start(context.Background(), componenttest.NewNopHost()))
	tb.Cleanup(func() {
		must(tb, metrics.Shutdown(context.Background()))
		must(tb, logs.Shutdown(context.Background()))
	})
	return b
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func (b *bare) takeMetrics(_ context.Context, md pmetric.Metrics) error {
	if md.DataPointCount() == 0 {
		return nil
	}
	c := newCollection(md, time.Now())
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = c
	b.came++
	return nil
}

func (b *bare) takeLogs(_ context.Context, ld plog.Logs) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.records += ld.LogRecordCount()
	return nil
}

// newest is the last collection and how many came so far.
func (b *bare) newest() (*collection, int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.last
	return &c, b.came
}

// state is the state of the library, as the receiver's own metric tells it.
func (b *bare) state() string {
	b.tb.Helper()
	var all metricdata.ResourceMetrics
	must(b.tb, b.reader.Collect(context.Background(), &all))
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			gauge, ok := m.Data.(metricdata.Gauge[int64])
			if m.Name != "otelcol_receiver_nvml_library" || !ok {
				continue
			}
			for _, p := range gauge.DataPoints {
				if state, found := p.Attributes.Value("library.state"); found && p.Value == 1 {
					return state.AsString()
				}
			}
		}
	}
	return ""
}
