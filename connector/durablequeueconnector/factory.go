// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package durablequeueconnector // import "github.com/inferwatch/inferwatch/connector/durablequeueconnector"

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter/exporterhelper"

	"github.com/inferwatch/inferwatch/connector/durablequeueconnector/internal/metadata"
)

// NewFactory returns the factory of the durable_queue connector.
func NewFactory() connector.Factory {
	return connector.NewFactory(
		metadata.Type,
		createDefaultConfig,
		connector.WithTracesToTraces(createTracesToTraces, metadata.TracesToTracesStability),
		connector.WithMetricsToMetrics(createMetricsToMetrics, metadata.MetricsToMetricsStability),
		connector.WithLogsToLogs(createLogsToLogs, metadata.LogsToLogsStability),
	)
}

func createDefaultConfig() component.Config {
	retry := configretry.NewDefaultBackOffConfig()
	retry.InitialInterval = time.Second
	// A finite limit would drop what is on disk after so long an outage: the limit here is the queue's size alone.
	retry.MaxElapsedTime = 0
	return &Config{
		QueueSize:    1 << 30,
		OnOverflow:   OverflowReject,
		Timeout:      30 * time.Second,
		NumConsumers: 4,
		Batch: BatchConfig{
			FlushTimeout: 200 * time.Millisecond,
			MinSize:      512 << 10,
			// Below gRPC's default limit of 4 MiB a message: a larger one is refused for good by a receiver that keeps it.
			MaxSize: 2 << 20,
		},
		RetryOnFailure: retry,
	}
}

func createTracesToTraces(ctx context.Context, set connector.Settings, cfg component.Config, next consumer.Traces) (connector.Traces, error) {
	q, err := newQueue(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	exp, err := exporterhelper.NewTraces(ctx, q.exporterSettings(), cfg, attempt(next.ConsumeTraces, copyTraces), q.options()...)
	if err != nil {
		return nil, err
	}
	return &tracesQueue{lifecycle: newLifecycle(exp, q.cfg), Traces: exp, queue: q}, nil
}

func createMetricsToMetrics(ctx context.Context, set connector.Settings, cfg component.Config, next consumer.Metrics) (connector.Metrics, error) {
	q, err := newQueue(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	exp, err := exporterhelper.NewMetrics(ctx, q.exporterSettings(), cfg, attempt(next.ConsumeMetrics, copyMetrics), q.options()...)
	if err != nil {
		return nil, err
	}
	return &metricsQueue{lifecycle: newLifecycle(exp, q.cfg), Metrics: exp, queue: q}, nil
}

func createLogsToLogs(ctx context.Context, set connector.Settings, cfg component.Config, next consumer.Logs) (connector.Logs, error) {
	q, err := newQueue(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	exp, err := exporterhelper.NewLogs(ctx, q.exporterSettings(), cfg, attempt(next.ConsumeLogs, copyLogs), q.options()...)
	if err != nil {
		return nil, err
	}
	return &logsQueue{lifecycle: newLifecycle(exp, q.cfg), Logs: exp, queue: q}, nil
}
