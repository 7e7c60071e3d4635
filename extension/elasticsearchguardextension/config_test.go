// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
)

func TestLoadConfig(t *testing.T) {
	for id, tt := range map[string]struct {
		want   component.Config
		faults string
	}{
		"elasticsearch_guard": {want: createDefaultConfig()},
		"elasticsearch_guard/all": {want: &Config{
			DataStreams:     []string{"logs-request.otel-prod", "traces-generic.otel-prod"},
			CheckInterval:   time.Minute,
			RecheckInterval: 2 * time.Second,
			CheckTimeout:    3 * time.Second,
			MaxAnswerSize:   8 << 20,
		}},
		"elasticsearch_guard/bad": {faults: "`data_streams[0]` must be lower case, found \"Logs-a\"\n" +
			"`data_streams[1]` must name one data stream, not a pattern, found \"logs-*\"\n" +
			"`data_streams[3]` must not repeat another, found \"logs-b\"\n" +
			"`check_interval` must be at least `recheck_interval` (2s), found 1s\n" +
			"`check_timeout` must be greater than 0, found 0s\n" +
			"`max_answer_size` must be at least 1048576, found 1"},
		"elasticsearch_guard/empty": {faults: "`data_streams` must name at least one data stream\n" +
			"`recheck_interval` must be greater than 0, found -1s"},
	} {
		t.Run(id, func(t *testing.T) {
			all, err := confmaptest.LoadConf("testdata/config.yaml")
			require.NoError(t, err)
			sub, err := all.Sub(id)
			require.NoError(t, err)
			cfg := NewFactory().CreateDefaultConfig()
			require.NoError(t, sub.Unmarshal(cfg))
			err = confmap.Validate(cfg)
			if tt.faults != "" {
				assert.EqualError(t, err, tt.faults)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, cfg)
		})
	}
}
