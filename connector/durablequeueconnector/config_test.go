// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package durablequeueconnector

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/inferwatch/inferwatch/connector/durablequeueconnector/internal/metadata"
)

func load(t *testing.T, name string) *Config {
	t.Helper()
	conf, err := confmaptest.LoadConf(filepath.Join("testdata", "config.yaml"))
	require.NoError(t, err)
	sub, err := conf.Sub(component.NewIDWithName(metadata.Type, name).String())
	require.NoError(t, err)
	cfg := createDefaultConfig().(*Config)
	require.NoError(t, sub.Unmarshal(cfg))
	return cfg
}

func TestConfigDefaultsAreValid(t *testing.T) {
	cfg := load(t, "")
	assert.Equal(t, createDefaultConfig(), cfg)
	assert.NoError(t, confmap.Validate(cfg))
	assert.Zero(t, cfg.RetryOnFailure.MaxElapsedTime, "a limit would drop what is on disk")
}

func TestConfigAllOptions(t *testing.T) {
	cfg := load(t, "all")
	require.NoError(t, confmap.Validate(cfg))
	storage := component.MustNewID("file_storage")
	assert.Equal(t, &storage, cfg.Storage)
	assert.Equal(t, OverflowDrop, cfg.OnOverflow)
	assert.Equal(t, time.Second, cfg.Batch.FlushTimeout)

	settings := cfg.queueSettings()
	queue := settings.Get()
	assert.EqualValues(t, 5_000_000, queue.QueueSize)
	assert.False(t, queue.BlockOnOverflow)
	assert.EqualValues(t, 2000, queue.Batch.Get().MaxSize)
}

func TestConfigReportsEveryFaultAtOnce(t *testing.T) {
	err := confmap.Validate(load(t, "bad"))
	require.Error(t, err)
	for _, fault := range []string{
		"`queue_size` must be greater than 0, found 0",
		"`timeout` must be greater than 0, found 0s",
		"`num_consumers` must be greater than 0, found -1",
		"`batch::min_size` must be at most `queue_size` (0), found 10",
		"`retry_on_failure::enabled` must be true",
		`on_overflow: must be one of "reject", "block", "drop", found "forget"`,
		"batch: `flush_timeout` must be greater than 0, found 0s",
		"`max_size` must be 0 or at least `min_size` (10), found 5",
	} {
		assert.ErrorContains(t, err, fault)
	}
}
