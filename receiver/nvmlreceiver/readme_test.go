// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap/confmaptest"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/convert"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/gpuevent"
)

var update = flag.Bool("update", false, "rewrite the table of metrics in README.md")

// The markers of the table of metrics.
const (
	tableBegin = "<!-- metrics: made by `go test -run TestReadmeMetrics -update .`; do not edit -->\n"
	tableEnd   = "<!-- end of metrics -->"
)

// metricsTable is made of metadata.yaml and of the sources in package convert.
func metricsTable(t *testing.T) string {
	conf, err := confmaptest.LoadConf("metadata.yaml")
	require.NoError(t, err)
	metrics, err := conf.Sub("metrics")
	require.NoError(t, err)
	raw := metrics.ToStringMap()
	var b strings.Builder
	b.WriteString("| metric | unit | default | attributes beside `hw.id`, `hw.type`, `hw.name` | source |\n| --- | --- | --- | --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		metric := raw[name].(map[string]any)
		source := convert.Source(convert.Metric(name))
		require.NotEmpty(t, source, name)
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", name, metric["unit"], onOff(metric["enabled"] == true), attributesOf(metric), source)
	}
	return b.String()
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// attributesOf are those that tell the series of a device apart; who runs a process is in the text.
func attributesOf(metric map[string]any) string {
	var own []string
	for _, attribute := range metric["attributes"].([]any) {
		name := fmt.Sprint(attribute)
		switch {
		case slices.Contains([]string{"hw.id", "hw.type", "hw.name", "inferwatch.simulated"}, name), strings.HasPrefix(name, "k8s."):
		default:
			own = append(own, "`"+name+"`")
		}
	}
	return strings.Join(own, ", ")
}

func TestReadmeMetrics(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(readme), tableBegin)
	require.True(t, found, "README.md must have the line %q", tableBegin)
	old, after, found := strings.Cut(rest, tableEnd)
	require.True(t, found, "README.md must have the line %q", tableEnd)
	table := metricsTable(t)
	if *update {
		require.NoError(t, os.WriteFile("README.md", []byte(before+tableBegin+table+tableEnd+after), 0o644))
		return
	}
	assert.Equal(t, table, old)
}

// The README says what the code does.
func TestReadmeOptionsAndEvents(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	text := string(readme)
	cfg := createDefaultConfig().(*Config)
	for option, value := range map[string]string{
		"collection_interval": cfg.CollectionInterval.String(), "initial_delay": cfg.InitialDelay.String(), "timeout": cfg.Timeout.String(),
		"sampling_interval": cfg.SamplingInterval.String(), "release_handles": fmt.Sprint(cfg.ReleaseHandles),
		"processes::enabled": fmt.Sprint(cfg.Processes.Enabled), "processes::max_per_gpu": fmt.Sprint(cfg.Processes.MaxPerGPU),
		"pods::enabled": fmt.Sprint(cfg.Pods.Enabled), "pods::socket": cfg.Pods.Socket, "pods::resource_names": strings.Join(cfg.Pods.ResourceNames, "`, `"),
		"events::enabled": fmt.Sprint(cfg.Events.Enabled), "kernel_log::enabled": fmt.Sprint(cfg.KernelLog.Enabled),
		"kernel_log::source": string(cfg.KernelLog.Source), "max_error_types": fmt.Sprint(cfg.MaxErrorTypes),
	} {
		assert.Contains(t, text, "| `"+option+"` | `"+value+"` |")
	}
	for _, option := range []string{"library", "helper", "root_path", "storage", "metrics"} {
		assert.Contains(t, text, "| `"+option+"` |")
	}
	for _, name := range []gpuevent.Name{
		gpuevent.XID, gpuevent.SXID, gpuevent.ECC, gpuevent.Clock, gpuevent.PerformanceState, gpuevent.PowerSource, gpuevent.Lost,
		gpuevent.Recovered, gpuevent.Hung, gpuevent.Reset, gpuevent.Added, gpuevent.Removed, gpuevent.DriverChanged, gpuevent.MIGChanged,
		gpuevent.MemoryRetirement, gpuevent.Poison, gpuevent.RecoveryAction, gpuevent.Library,
	} {
		assert.Contains(t, text, "| `"+string(name)+"` |")
	}
}
