// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/scraper"
	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// metricsReceiver collects at each interval. The controller cannot be started again, so each Start makes one.
type metricsReceiver struct {
	lifecycle
	set  receiver.Settings
	next consumer.Metrics

	controller receiver.Metrics
}

// Start begins to collect.
func (r *metricsReceiver) Start(ctx context.Context, host component.Host) error {
	return r.start(ctx, host, func() error {
		core := r.held.core
		scrape, err := scraper.NewMetrics(core.scrape)
		if err != nil {
			return err
		}
		controller, err := scraperhelper.NewMetricsController(&core.cfg.ControllerConfig, r.set, r.next,
			scraperhelper.AddMetricsScraper(metadata.Type, scrape))
		if err != nil {
			return err
		}
		r.controller = controller
		return controller.Start(ctx, host)
	})
}

// Shutdown ends collecting.
func (r *metricsReceiver) Shutdown(ctx context.Context) error {
	return r.shutdown(ctx, func() error { return r.controller.Shutdown(ctx) })
}
