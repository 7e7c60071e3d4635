// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package durablequeueconnector // import "github.com/inferwatch/inferwatch/connector/durablequeueconnector"

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/inferwatch/inferwatch/connector/durablequeueconnector/internal/metadata"
)

// dropLogPeriod limits the log line about dropped data to one a period; the metric counts every item.
const dropLogPeriod = 10 * time.Second

// dropReason is the value of the attribute `reason`.
type dropReason string

const (
	reasonQueueFull dropReason = "queue_full"
	reasonTooLarge  dropReason = "too_large"
	reasonStorage   dropReason = "storage"
)

// queue is what the three signals share: how the helper is set up and what a full queue means.
type queue struct {
	set       connector.Settings
	cfg       *Config
	telemetry *metadata.TelemetryBuilder
	logger    *zap.Logger
	attrs     attribute.Set
}

func newQueue(set connector.Settings, cfg *Config) (*queue, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set.TelemetrySettings)
	if err != nil {
		return nil, err
	}
	return &queue{
		set:       set,
		cfg:       cfg,
		telemetry: telemetry,
		logger:    sampled(set.Logger),
		attrs:     attribute.NewSet(attribute.String("connector", set.ID.String())),
	}, nil
}

// exporterSettings lets the helper see the connector as an exporter, so that the queue's size, capacity, failures and
// deliveries are the well-known otelcol_exporter_* metrics with exporter="durable_queue/<name>".
func (q *queue) exporterSettings() exporter.Settings {
	return exporter.Settings{ID: q.set.ID, TelemetrySettings: q.set.TelemetrySettings, BuildInfo: q.set.BuildInfo}
}

func (q *queue) options() []exporterhelper.Option {
	return []exporterhelper.Option{
		exporterhelper.WithQueue(q.cfg.queueSettings()),
		exporterhelper.WithRetry(q.cfg.RetryOnFailure),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: q.cfg.Timeout}),
	}
}

// attempt hands a copy to the next pipeline: what enters a pipeline belongs to it, its processors change it and the service releases
// it at the end, while the queue keeps the original for the next attempt.
//
// An attempt that ran out of time is retryable whatever its error says. Exporters differ here: the one for remote write calls its
// time-out permanent, and a back-end that hangs would lose what one that is down keeps.
func attempt[T any](next func(context.Context, T) error, clone func(T) T) func(context.Context, T) error {
	return func(ctx context.Context, data T) error {
		err := next(ctx, clone(data))
		if err != nil && ctx.Err() != nil {
			return errors.New("no answer within `timeout`: " + err.Error())
		}
		return err
	}
}

// offer hands one request of size bytes and items items to the queue and applies the overflow policy to what it answers.
func (q *queue) offer(ctx context.Context, size, items int, consume func() error) error {
	if int64(size) > q.cfg.QueueSize {
		// It would never fit: waiting or retrying could only block everything behind it.
		err := fmt.Errorf("request of %d bytes is larger than `queue_size` (%d)", size, q.cfg.QueueSize)
		return q.refuse(ctx, items, reasonTooLarge, consumererror.NewPermanent(err))
	}
	err := consume()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exporterhelper.ErrQueueIsFull):
		return q.refuse(ctx, items, reasonQueueFull, err)
	case consumererror.IsPermanent(err) || ctx.Err() != nil:
		return err
	default:
		// The storage failed, a full disk for one.
		return q.refuse(ctx, items, reasonStorage, err)
	}
}

// refuse returns err to the sender, or, where the policy says drop, counts the loss and keeps it from the sender.
func (q *queue) refuse(ctx context.Context, items int, reason dropReason, err error) error {
	if q.cfg.OnOverflow != OverflowDrop {
		return err
	}
	q.telemetry.ConnectorDurableQueueDroppedItems.Add(ctx, int64(items),
		metric.WithAttributeSet(q.attrs), metric.WithAttributes(attribute.String("reason", string(reason))))
	q.logger.Error("Dropped data: it is lost to the back-end behind this queue, other back-ends have it",
		zap.Error(err), zap.String("reason", string(reason)), zap.Int("items", items), zap.Int64("queue_size", q.cfg.QueueSize))
	return nil
}

func sampled(logger *zap.Logger) *zap.Logger {
	return logger.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, dropLogPeriod, 1, 0)
	}))
}
