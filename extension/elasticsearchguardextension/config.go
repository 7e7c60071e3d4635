// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/inferwatch/inferwatch/internal/elasticsearch"
)

// Config is the configuration of the elasticsearch_guard extension.
type Config struct {
	// DataStreams are those that must have an index template before anything is sent.
	DataStreams []string `mapstructure:"data_streams"`
	// CheckInterval is how long the templates count as being there.
	CheckInterval time.Duration `mapstructure:"check_interval"`
	// RecheckInterval is how long a template counts as missing.
	RecheckInterval time.Duration `mapstructure:"recheck_interval"`
	// CheckTimeout bounds the request that lists the templates.
	CheckTimeout time.Duration `mapstructure:"check_timeout"`
	// MaxAnswerSize bounds the answer to a bulk request, in bytes.
	MaxAnswerSize int64 `mapstructure:"max_answer_size"`

	// prevent unkeyed literal initialization
	_ struct{}
}

var _ component.Config = (*Config)(nil)

// Validate reports every fault of the configuration.
func (c *Config) Validate() error {
	var faults []error
	if len(c.DataStreams) == 0 {
		faults = append(faults, errors.New("`data_streams` must name at least one data stream"))
	}
	seen := map[string]bool{}
	for i, name := range c.DataStreams {
		if err := elasticsearch.ValidateDataStream(name); err != nil {
			faults = append(faults, fmt.Errorf("`data_streams[%d]` %w", i, err))
		}
		if seen[name] {
			faults = append(faults, fmt.Errorf("`data_streams[%d]` must not repeat another, found %q", i, name))
		}
		seen[name] = true
	}
	if c.RecheckInterval <= 0 {
		faults = append(faults, fmt.Errorf("`recheck_interval` must be greater than 0, found %v", c.RecheckInterval))
	}
	if c.CheckInterval < c.RecheckInterval {
		faults = append(faults, fmt.Errorf("`check_interval` must be at least `recheck_interval` (%v), found %v", c.RecheckInterval, c.CheckInterval))
	}
	if c.CheckTimeout <= 0 {
		faults = append(faults, fmt.Errorf("`check_timeout` must be greater than 0, found %v", c.CheckTimeout))
	}
	if c.MaxAnswerSize < minAnswerSize {
		faults = append(faults, fmt.Errorf("`max_answer_size` must be at least %d, found %d", minAnswerSize, c.MaxAnswerSize))
	}
	return errors.Join(faults...)
}

// minAnswerSize is enough for a request of some hundred documents that are all refused.
const minAnswerSize = 1 << 20
