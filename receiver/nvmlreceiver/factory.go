// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

// NewFactory returns the factory of the nvml receiver.
func NewFactory() receiver.Factory {
	f := &factory{cores: newRegistry(newCore)}
	return receiver.NewFactory(
		metadata.Type,
		createDefaultConfig,
		receiver.WithMetrics(f.createMetrics, metadata.MetricsStability),
		receiver.WithLogs(f.createLogs, metadata.LogsStability),
	)
}

func createDefaultConfig() component.Config {
	controller := scraperhelper.NewDefaultControllerConfig()
	controller.CollectionInterval = 10 * time.Second
	controller.InitialDelay = time.Second
	controller.Timeout = 5 * time.Second
	pods := podresources.DefaultConfig()
	return &Config{
		ControllerConfig:     controller,
		MetricsBuilderConfig: metadata.NewDefaultMetricsBuilderConfig(),
		SamplingInterval:     100 * time.Millisecond,
		Processes:            ProcessesConfig{Enabled: true, MaxPerGPU: 64},
		Pods:                 PodsConfig{Socket: pods.Socket, ResourceNames: pods.Resources},
		Events:               EventsConfig{Enabled: true},
		KernelLog:            KernelLogConfig{Source: KernelLogAuto},
		MaxErrorTypes:        64,
	}
}

// factory makes the receivers of a collector. Those of one component ID share a core.
type factory struct {
	cores *registry
}

func (f *factory) createMetrics(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Metrics) (receiver.Metrics, error) {
	held, err := f.cores.hold(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	held.core.wantMetrics()
	return &metricsReceiver{lifecycle: lifecycle{held: held, scrapes: true}, set: set, next: next}, nil
}

func (f *factory) createLogs(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
	held, err := f.cores.hold(set, cfg.(*Config))
	if err != nil {
		return nil, err
	}
	return newLogsReceiver(held, set, next)
}
