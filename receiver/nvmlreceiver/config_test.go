// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

func loadConfig(t *testing.T, name string) *Config {
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
	cfg := loadConfig(t, "")
	assert.NoError(t, confmap.Validate(cfg))
	assert.Equal(t, createDefaultConfig().(*Config).Pods, cfg.Pods)
	assert.Equal(t, 10*time.Second, cfg.CollectionInterval)
}

func TestConfigAllOptions(t *testing.T) {
	cfg := loadConfig(t, "all")
	require.NoError(t, confmap.Validate(cfg))
	storage := component.MustNewID("file_storage")
	assert.Equal(t, &storage, cfg.Storage)
	assert.Equal(t, KernelLogConfig{Enabled: true, Source: KernelLogKmsg}, cfg.KernelLog)
	assert.Equal(t, PodsConfig{Enabled: true, Socket: "/run/kubelet.sock", ResourceNames: []string{"nvidia.com/gpu*"}}, cfg.Pods)
	assert.Equal(t, ProcessesConfig{MaxPerGPU: 8}, cfg.Processes)
	assert.True(t, cfg.ReleaseHandles)
	assert.Zero(t, cfg.SamplingInterval)
	assert.False(t, cfg.Events.Enabled)
	assert.False(t, cfg.Metrics.HwPower.Enabled)
	assert.True(t, cfg.Metrics.HwGpuPerformanceState.Enabled)
	assert.True(t, cfg.Metrics.HwEnergy.Enabled)
}

func TestConfigReportsEveryFaultAtOnce(t *testing.T) {
	err := confmap.Validate(loadConfig(t, "bad"))
	require.Error(t, err)
	for _, fault := range []string{
		"`collection_interval` must be at least 100ms, found 3ms",
		"`timeout` must be greater than 0, found 0s",
		"`sampling_interval` must be 0 or from 50ms to 1s, found 10ms",
		"`root_path` must be empty or an absolute path, found \"hostfs\"",
		"`max_error_types` must be from 1 to 1024, found 0",
		"processes: `max_per_gpu` must be from 1 to 4096, found 0",
		"pods: `socket` must be an absolute path, found \"kubelet.sock\"",
		"`resource_names` must hold patterns such as \"nvidia.com/mig-*\", found \"[\"",
		"found \"\"",
		`source: must be one of "auto", "journald", "kmsg", found "syslog"`,
	} {
		assert.ErrorContains(t, err, fault)
	}
	assert.ErrorContains(t, confmap.Validate(loadConfig(t, "none")), "`resource_names` must name at least one resource, found none")
}

func TestBootTime(t *testing.T) {
	boot, err := parseBootTime("stat", "cpu 1 2\nbtime 1772323200\nprocesses 3\n")
	require.NoError(t, err)
	assert.Equal(t, time.Unix(1772323200, 0), boot)
	_, err = parseBootTime("stat", "cpu 1 2\n")
	assert.EqualError(t, err, "stat has no line `btime`")
	_, err = parseBootTime("stat", "btime soon\n")
	assert.ErrorContains(t, err, "`btime` must be seconds")
	boot, err = bootTime()
	require.NoError(t, err)
	assert.True(t, boot.Before(time.Now()))
}
