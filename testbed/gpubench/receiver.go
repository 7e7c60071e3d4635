// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/sdk/trace"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver"
)

// metricSet is what the receiver reports in a run.
type metricSet string

const (
	defaultMetrics metricSet = "default" // as it comes
	sharedMetrics  metricSet = "shared"  // utilisation and memory, which Google's receiver has, too
)

// runReceiver is this program as a child: the receiver alone, made by its factory, with its helper process. It writes how long each
// collection took, from the tick to its metrics, as the scraper's own span has it, and ends with its standard input.
func runReceiver(library, helper string, interval, sampling time.Duration, set metricSet) error {
	factory := nvmlreceiver.NewFactory()
	cfg := factory.CreateDefaultConfig()
	options := map[string]any{
		"collection_interval": interval, "initial_delay": time.Millisecond, "timeout": max(interval, 5*time.Second), "sampling_interval": sampling,
		"library": library, "helper": helper,
	}
	if set == sharedMetrics {
		options["metrics"] = onlyShared(cfg)
		options["processes"] = map[string]any{"enabled": false}
		options["events"] = map[string]any{"enabled": false}
	}
	if err := confmap.NewFromStringMap(options).Unmarshal(cfg); err != nil {
		return err
	}
	settings := receivertest.NewNopSettings(factory.Type())
	settings.TracerProvider = trace.NewTracerProvider(trace.WithSpanProcessor(trace.NewSimpleSpanProcessor(spanWriter{})))
	ctx := context.Background()
	metrics, err := factory.CreateMetrics(ctx, settings, cfg, consumertest.NewNop())
	if err != nil {
		return err
	}
	if err := metrics.Start(ctx, componenttest.NewNopHost()); err != nil {
		return err
	}
	_, _ = os.Stdin.Read(make([]byte, 1)) // the parent is done
	return metrics.Shutdown(ctx)
}

// onlyShared turns every metric off but those that both receivers have.
func onlyShared(cfg any) map[string]any {
	metrics := map[string]any{}
	all := confmap.New()
	if err := all.Marshal(cfg); err != nil {
		panic(err) // the receiver's own configuration
	}
	names, _ := all.Get("metrics").(map[string]any)
	for name := range names {
		metrics[name] = map[string]any{"enabled": name == "hw.gpu.utilization" || name == "hw.gpu.memory.usage" || name == "hw.gpu.memory.limit"}
	}
	return metrics
}

// spanWriter writes the length of each scrape.
type spanWriter struct{}

func (spanWriter) ExportSpans(_ context.Context, spans []trace.ReadOnlySpan) error {
	for _, span := range spans {
		if !strings.HasSuffix(span.Name(), "/ScrapeMetrics") {
			continue
		}
		fmt.Println(span.EndTime().Sub(span.StartTime()).Nanoseconds())
	}
	return nil
}

func (spanWriter) Shutdown(context.Context) error { return nil }
