// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package collector_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/collector"
	"github.com/inferwatch/inferwatch/testbed/load"
	"github.com/inferwatch/inferwatch/testbed/process"
)

const (
	patience = 10 * time.Second
	minimal  = "testbed/collector/testdata/minimal.yaml"
)

// send sends so many items and returns when they are acknowledged.
func send(t *testing.T, signal load.Signal, protocol load.Protocol, endpoint string, items int) {
	t.Helper()
	generator, err := load.New(load.Config{Signal: signal, Protocol: protocol, Endpoint: endpoint, Rate: 1000, Items: items})
	require.NoError(t, err)
	generator.Start(t.Context())
	require.Len(t, generator.Wait(t.Context()).Accepted, items)
}

// written waits until the exporter's file has so many log records and spans.
func written(t *testing.T, file string, items int) {
	t.Helper()
	assert.EventuallyWithT(t, func(c *assert.CollectT) {
		text, err := os.ReadFile(file)
		assert.NoError(c, err)
		assert.Equal(c, items, strings.Count(string(text), `"http.request.id"`))
	}, patience, 50*time.Millisecond)
}

func TestCollectorTakesItemsAndOutlivesStopAndKill(t *testing.T) {
	c := collector.Start(t, collector.Config{Files: []string{minimal}})
	items := filepath.Join(c.Storage, "items.json")
	send(t, load.Logs, load.GRPC, c.OTLPGRPC, 20)
	send(t, load.Traces, load.HTTP, c.OTLPHTTP, 10)
	written(t, items, 30)
	pid := c.Pid()

	c.Stop()
	assert.Zero(t, c.Pid())
	_, found := c.Metric("otelcol_process_uptime", nil)
	assert.False(t, found, "of a collector that does not run")
	c.Start()
	assert.NotEqual(t, pid, c.Pid())
	send(t, load.Logs, load.GRPC, c.OTLPGRPC, 5)
	written(t, items, 35)

	c.Kill()
	c.Start()
	send(t, load.Logs, load.GRPC, c.OTLPGRPC, 5)
	written(t, items, 40)
	assert.Equal(t, 3, strings.Count(c.Log(), "Everything is ready"), "the log is that of all runs")
}

func TestMetric(t *testing.T) {
	c := collector.Start(t, collector.Config{Files: []string{minimal}})
	send(t, load.Logs, load.GRPC, c.OTLPGRPC, 20)
	send(t, load.Logs, load.HTTP, c.OTLPHTTP, 10)
	const accepted = "otelcol_receiver_accepted_log_records"
	all := c.WaitMetric(patience, accepted, nil, func(v float64) bool { return v >= 30 })
	assert.Equal(t, 30.0, all, "the sum of both transports")
	overHTTP, found := c.Metric(accepted, map[string]string{"receiver": "otlp", "transport": "http"})
	assert.True(t, found)
	assert.Equal(t, 10.0, overHTTP)
	_, found = c.Metric(accepted, map[string]string{"receiver": "other"})
	assert.False(t, found)
}

func TestZPages(t *testing.T) {
	c := collector.Start(t, collector.Config{Files: []string{minimal}})
	response, err := http.Get(c.ZPagesURL + "/debug/servicez")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, http.StatusOK, response.StatusCode)
}

func TestReloadReadsTheConfigurationAgain(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "path.txt")
	point := func(to string) string {
		to = filepath.Join(dir, to)
		require.NoError(t, os.WriteFile(path, []byte(to), 0o600))
		return to
	}
	first := point("first.json")
	c := collector.Start(t, collector.Config{
		Files: []string{minimal, "testbed/collector/testdata/renamed.yaml"},
		Env:   map[string]string{"TESTBED_FILE": path},
	})
	send(t, load.Logs, load.GRPC, c.OTLPGRPC, 3)
	written(t, first, 3)

	second := point("second.json")
	c.Reload()
	assert.Eventually(t, func() bool { return strings.Count(c.Log(), "Everything is ready") == 2 }, patience, 50*time.Millisecond)
	send(t, load.Logs, load.GRPC, c.OTLPGRPC, 4)
	written(t, second, 4)
}

func TestTryStartReportsBadConfiguration(t *testing.T) {
	_, err := collector.TryStart(t, collector.Config{
		Name: "gateway", Files: []string{minimal, "testbed/collector/testdata/unknown.yaml"},
	})
	var ended *process.ExitError
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, 1, ended.Code)
	assert.Contains(t, ended.Log, "nonesuch")
	require.ErrorContains(t, err, "gateway ended with exit status 1 before it was ready")
}

func TestTryStartReportsAPortInUse(t *testing.T) {
	first := collector.Start(t, collector.Config{Files: []string{minimal}})
	_, err := collector.TryStart(t, collector.Config{
		Files: []string{minimal},
		Env:   map[string]string{"INFERWATCH_OTLP_GRPC": first.OTLPGRPC},
	})
	var ended *process.ExitError
	require.ErrorAs(t, err, &ended)
	assert.Contains(t, ended.Log, "address already in use")
}

func TestArgsAreGiven(t *testing.T) {
	c := collector.Start(t, collector.Config{Files: []string{minimal}, Args: []string{"--set=service.telemetry.logs.encoding=json"}})
	assert.Contains(t, c.Log(), `{"level":"info"`)
}

func TestMissingBinaryIsNamed(t *testing.T) {
	_, err := collector.TryStart(t, collector.Config{Binary: "/no/such/inferwatch", Files: []string{minimal}})
	require.ErrorContains(t, err, "/no/such/inferwatch")
}
