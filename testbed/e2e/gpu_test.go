// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/gpusim"
	"github.com/inferwatch/inferwatch/testbed/query"
	"github.com/inferwatch/inferwatch/testbed/stack"
)

// fallenOff is a node of four GPUs, one of them in MIG, of which one reports an XID while the agent watches.
const fallenOff = `driver 580.65.06
cuda 13.0
gpu 0-3 board H100-SXM5-80GB
gpu 3 mig 1g.10gb*2
gpu 0-2 load constant level=0.6
process gpu=0 pid=5000001 type=compute memory=40GiB sm=0.6
`

// TestGPUsInTheBackEnds follows GPU metrics into Prometheus and GPU events into Elasticsearch, through agent and gateway as shipped.
func TestGPUsInTheBackEnds(t *testing.T) {
	scenario := gpusim.New(t, fallenOff)
	backends := stack.StartBackends(t)
	backends.InstallTemplates(t)
	gateway := backends.StartGateway(t, "gateway-1", quick)
	env := maps.Clone(quick.Env)
	env["INFERWATCH_GPU_INTERVAL"] = "1s"
	env["INFERWATCH_NVML_LIBRARY"] = gpusim.Library(t)
	env["NVMLSIM_SCENARIO"] = scenario.Path()
	stack.StartAgent(t, []*stack.Gateway{gateway}, stack.Options{Env: env})

	t.Run("Prometheus has the metrics by name", func(t *testing.T) { gpuSeries(t, backends) })
	scenario.Set(fmt.Sprintf("%sepoch %d\nat 0 xid gpu=1 code=79\n", fallenOff, time.Now().Unix()+2))
	t.Run("Prometheus has the XID, its first occurrence included", func(t *testing.T) {
		wantSeries(t, backends, 1, `hw_errors_total{job="node", error_type="xid_79"} == 1`)
		wantSeries(t, backends, 1, `increase(hw_errors_total{error_type="xid_79"}[2m]) > 0`)
	})
	t.Run("Elasticsearch has the XID, with its meaning", func(t *testing.T) {
		query.Eventually(t, patience, func() error { return xidRecord(t.Context(), backends) })
	})
}

func gpuSeries(t *testing.T, b *stack.Backends) {
	for promQL, want := range map[string]int{
		`hw_gpu_utilization_ratio{job="node", hw_gpu_task="general", hw_parent=""} > 0.5`: 3,
		`hw_gpu_memory_usage_bytes{hw_parent=""} < on (hw_id) hw_gpu_memory_limit_bytes`:  4,
		`hw_gpu_memory_limit_bytes{hw_parent!=""}`:                                        2,
		`hw_gpu_memory_utilization_ratio{hw_parent=""}`:                                   4,
		`rate(hw_energy_joules_total{inferwatch_energy_source="meter"}[1m]) > 60`:         4,
		`hw_power_watts > 60`:                                            4,
		`hw_temperature_celsius{hw_sensor_location="gpu"}`:               4,
		`hw_gpu_clock_frequency_hertz{hw_gpu_clock_domain="sm"}`:         4,
		`hw_gpu_throttle_active`:                                         36,
		`hw_gpu_throttle_time_seconds_total`:                             20,
		`hw_errors_total{error_type="uncorrected"}`:                      4,
		`rate(hw_gpu_io_bytes_total[1m])`:                                8,
		`rate(hw_gpu_interconnect_io_bytes_total[1m])`:                   8,
		`hw_gpu_info{hw_driver_version="580.65.06"}`:                     6,
		`hw_status{hw_state="ok", hw_parent=""} == 1`:                    4,
		`process_gpu_memory_usage_bytes{process_pid="5000001"}`:          1,
		`otelcol_receiver_nvml_gpus{inferwatch_gpu_condition="ok"} == 4`: 1,
	} {
		wantSeries(t, b, want, promQL)
	}
	for _, name := range []string{
		"hw_energy_joules_total", "hw_errors_total", "hw_gpu_clock_frequency_hertz", "hw_gpu_info", "hw_gpu_interconnect_io_bytes_total",
		"hw_gpu_interconnect_links", "hw_gpu_io_bytes_total", "hw_gpu_memory_bandwidth_utilization_ratio", "hw_gpu_memory_limit_bytes",
		"hw_gpu_memory_remap_failure", "hw_gpu_memory_remap_pending", "hw_gpu_memory_remapped_rows", "hw_gpu_memory_usage_bytes",
		"hw_gpu_memory_utilization_ratio", "hw_gpu_pipe_utilization_ratio", "hw_gpu_sm_occupancy_ratio", "hw_gpu_sm_utilization_ratio",
		"hw_gpu_throttle_active", "hw_gpu_throttle_time_seconds_total", "hw_gpu_utilization_ratio", "hw_power_limit_watts",
		"hw_power_peak_watts", "hw_power_watts", "hw_status", "hw_temperature_celsius", "hw_temperature_limit_celsius",
		"process_gpu_memory_usage_bytes", "process_gpu_utilization_ratio",
	} {
		wantSeries(t, b, 1, fmt.Sprintf("count(%s) > 0", name))
	}
	// What comes from the stand-in says so, on each point.
	wantSeries(t, b, 0, `{__name__=~"hw_.*|process_gpu_.*", inferwatch_simulated!="true"}`)
}

func wantSeries(t *testing.T, b *stack.Backends, want int, promQL string) {
	t.Helper()
	query.Eventually(t, patience, func() error {
		series, err := b.InPrometheus().Query(t.Context(), promQL)
		if err == nil && len(series) != want {
			err = fmt.Errorf("%d series for %s, want %d", len(series), promQL, want)
		}
		return err
	})
}

func xidRecord(ctx context.Context, b *stack.Backends) error {
	const index = "logs-system.otel-default"
	if err := b.InElasticsearch().Refresh(ctx, index); err != nil {
		return err
	}
	found, err := b.InElasticsearch().Search(ctx, index, map[string]any{
		"query": map[string]any{"term": map[string]any{"attributes.error.type": "xid_79"}},
	})
	if err != nil {
		return err
	}
	if len(found.Hits) != 1 {
		return fmt.Errorf("%d records of XID 79, want 1", len(found.Hits))
	}
	hit := found.Hits[0]
	if hit.Source["event_name"] != "inferwatch.gpu.xid" || attribute(hit, "inferwatch.simulated") != true || attribute(hit, "inferwatch.gpu.action") == nil {
		return fmt.Errorf("the record of XID 79 lacks its name, its mark or what to do: %v", hit.Source)
	}
	return nil
}
