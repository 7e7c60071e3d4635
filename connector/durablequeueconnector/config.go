// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package durablequeueconnector // import "github.com/inferwatch/inferwatch/connector/durablequeueconnector"

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// OverflowPolicy says what happens to data that arrives when the queue is full.
type OverflowPolicy string

const (
	// OverflowReject returns a retryable error to the sender: back-pressure, for a signal with one back-end.
	OverflowReject OverflowPolicy = "reject"
	// OverflowBlock makes the sender wait for room, as long as its own deadline allows.
	OverflowBlock OverflowPolicy = "block"
	// OverflowDrop counts the data as lost to this back-end and reports success, so that the other back-ends of the
	// same pipeline neither wait nor receive it twice.
	OverflowDrop OverflowPolicy = "drop"
)

// Validate reports a policy that is not one of the three.
func (p OverflowPolicy) Validate() error {
	switch p {
	case OverflowReject, OverflowBlock, OverflowDrop:
		return nil
	}
	return fmt.Errorf("must be one of %q, %q, %q, found %q", OverflowReject, OverflowBlock, OverflowDrop, string(p))
}

// BatchConfig says how queued requests are merged or split on their way out. Sizes are bytes of OTLP protobuf.
type BatchConfig struct {
	// FlushTimeout is the longest that queued data waits for a batch to fill.
	FlushTimeout time.Duration `mapstructure:"flush_timeout"`
	// MinSize is the size at which a batch is sent before FlushTimeout.
	MinSize int64 `mapstructure:"min_size"`
	// MaxSize is the size above which a batch is split; 0 means no limit.
	MaxSize int64 `mapstructure:"max_size"`
	_       struct{}
}

// Validate reports every size and time that cannot work.
func (c *BatchConfig) Validate() error {
	var errs []error
	if c.FlushTimeout <= 0 {
		errs = append(errs, fmt.Errorf("`flush_timeout` must be greater than 0, found %v", c.FlushTimeout))
	}
	if c.MinSize < 0 {
		errs = append(errs, fmt.Errorf("`min_size` must be 0 or greater, found %d", c.MinSize))
	}
	if c.MaxSize < 0 || (c.MaxSize > 0 && c.MaxSize < c.MinSize) {
		errs = append(errs, fmt.Errorf("`max_size` must be 0 or at least `min_size` (%d), found %d", c.MinSize, c.MaxSize))
	}
	return errors.Join(errs...)
}

// Config is the configuration of the durable_queue connector.
type Config struct {
	// Storage names the storage extension that keeps the queue. Without it the queue is in memory and dies with the process.
	Storage *component.ID `mapstructure:"storage"`
	// QueueSize is the bound on queued data, in bytes of OTLP protobuf, for each signal.
	QueueSize int64 `mapstructure:"queue_size"`
	// OnOverflow says what happens when QueueSize is reached.
	OnOverflow OverflowPolicy `mapstructure:"on_overflow"`
	// Timeout bounds one attempt at a batch. An attempt that it ends is made again, whatever the exporter calls the error.
	Timeout time.Duration `mapstructure:"timeout"`
	// NumConsumers is the number of batches under way at once; 1 keeps the order of arrival.
	NumConsumers int `mapstructure:"num_consumers"`
	// Batch says how queued requests are merged.
	Batch BatchConfig `mapstructure:"batch"`
	// RetryOnFailure says how often a batch that the next pipeline refused is tried again; by default for ever.
	RetryOnFailure configretry.BackOffConfig `mapstructure:"retry_on_failure"`
	_              struct{}
}

// Validate reports every option that cannot work. The parts validate themselves.
func (c *Config) Validate() error {
	var errs []error
	if c.QueueSize <= 0 {
		errs = append(errs, fmt.Errorf("`queue_size` must be greater than 0, found %d", c.QueueSize))
	}
	if c.NumConsumers <= 0 {
		errs = append(errs, fmt.Errorf("`num_consumers` must be greater than 0, found %d", c.NumConsumers))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("`timeout` must be greater than 0, found %v", c.Timeout))
	}
	if c.Batch.MinSize > c.QueueSize {
		errs = append(errs, fmt.Errorf("`batch::min_size` must be at most `queue_size` (%d), found %d", c.QueueSize, c.Batch.MinSize))
	}
	if !c.RetryOnFailure.Enabled {
		errs = append(errs, errors.New("`retry_on_failure::enabled` must be true: a queue that does not retry loses its first batch in an outage, found false"))
	}
	return errors.Join(errs...)
}

// queueSettings translates the configuration for core's exporterhelper, which owns the queue.
func (c *Config) queueSettings() configoptional.Optional[exporterhelper.QueueBatchConfig] {
	return configoptional.Some(exporterhelper.QueueBatchConfig{
		Sizer:           exporterhelper.RequestSizerTypeBytes,
		QueueSize:       c.QueueSize,
		BlockOnOverflow: c.OnOverflow == OverflowBlock,
		StorageID:       c.Storage,
		NumConsumers:    c.NumConsumers,
		Batch: configoptional.Some(exporterhelper.BatchConfig{
			Sizer:        exporterhelper.RequestSizerTypeBytes,
			FlushTimeout: c.Batch.FlushTimeout,
			MinSize:      c.Batch.MinSize,
			MaxSize:      c.Batch.MaxSize,
		}),
	})
}
