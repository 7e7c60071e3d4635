// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"

	"github.com/inferwatch/inferwatch/extension/elasticsearchguardextension/internal/metadata"
	"github.com/inferwatch/inferwatch/internal/elasticsearch"
)

// NewFactory returns the factory of the elasticsearch_guard extension.
func NewFactory() extension.Factory {
	return extension.NewFactory(metadata.Type, createDefaultConfig, createExtension, metadata.ExtensionStability)
}

func createDefaultConfig() component.Config {
	return &Config{
		DataStreams:     elasticsearch.DefaultDataStreams(),
		CheckInterval:   30 * time.Second,
		RecheckInterval: 5 * time.Second,
		CheckTimeout:    10 * time.Second,
		MaxAnswerSize:   32 << 20,
	}
}

func createExtension(_ context.Context, set extension.Settings, cfg component.Config) (extension.Extension, error) {
	return newGuard(set.TelemetrySettings, cfg.(*Config))
}
