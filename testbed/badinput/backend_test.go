// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package badinput

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/collector"
	"github.com/inferwatch/inferwatch/testbed/load"
)

// startBeforeBackend runs a collector whose back-end for traces, at the address returned, is not there yet.
func startBeforeBackend(t *testing.T) (c *collector.Collector, backend string) {
	t.Helper()
	backend = free(t)
	config, err := filepath.Abs("testdata/backend.yaml")
	require.NoError(t, err)
	return collector.Start(t, collector.Config{
		Files: []string{config},
		Env:   map[string]string{"BADINPUT_BACKEND": "http://" + backend},
	}), backend
}

// awaitLine waits for a line of the collector's log that has all these parts.
func awaitLine(t *testing.T, c *collector.Collector, parts ...string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for line := range strings.Lines(c.Log()) {
			if containsAll(line, parts) {
				return true
			}
		}
		return false
	}, patience, pause, "a line of the log must contain each of %q", parts)
}

func containsAll(line string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(line, part) {
			return false
		}
	}
	return true
}

// TestUnreachableBackend: the message names who cannot reach what; the queue keeps and tries again; the other signal is delivered
// meanwhile, and nothing is lost or doubled.
func TestUnreachableBackend(t *testing.T) {
	t.Parallel()
	c, backend := startBeforeBackend(t)

	first := accepted(t, sending(t, load.Config{Signal: load.Traces, Protocol: load.HTTP, Endpoint: c.OTLPHTTP}, 0))

	awaitLine(t, c, "Exporting failed. Will retry the request after interval.", `"otelcol.component.id": "durable_queue/traces"`,
		`"error": "failed to make an HTTP request: Post \"http://`+backend+`/v1/traces\": dial tcp `+backend+`: connect: connection refused"`)
	awaitLogs(t, c, sendLog(t, c))
	second := accepted(t, sending(t, load.Config{Signal: load.Traces, Endpoint: c.OTLPGRPC}, 0))
	startSink(t, backend).await(t, first, second)
	goesOn(t, c)
}

// TestFullQueue: the sender is told to come again, by HTTP and by gRPC; the other signal is delivered meanwhile, and what was
// refused arrives once there is room.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	c, backend := startBeforeBackend(t)
	const filler = 3000 // one fits into the queue of 5000 bytes, two do not
	first := accepted(t, sending(t, load.Config{Signal: load.Traces, Protocol: load.HTTP, Endpoint: c.OTLPHTTP}, filler))

	byHTTP := sending(t, load.Config{Signal: load.Traces, Protocol: load.HTTP, Endpoint: c.OTLPHTTP}, filler)
	awaitRefusal(t, byHTTP, `^http://\S+/v1/traces answers 503 Service Unavailable: ".*sending queue is full"$`)
	byGRPC := sending(t, load.Config{Signal: load.Traces, Endpoint: c.OTLPGRPC}, filler)
	awaitRefusal(t, byGRPC, `^rpc error: code = Unavailable desc = sending queue is full$`)
	awaitLine(t, c, "Exporting failed. Rejecting data.", `"otelcol.component.id": "durable_queue/traces"`,
		`"error": "sending queue is full", "rejected_items": 1`)
	awaitLogs(t, c, sendLog(t, c))

	backends := startSink(t, backend)
	backends.await(t, first, accepted(t, byHTTP), accepted(t, byGRPC))
	goesOn(t, c)
}

// TestLargerThanQueue: what could never fit is refused for good, so that it does not block what can.
func TestLargerThanQueue(t *testing.T) {
	t.Parallel()
	c, backend := startBeforeBackend(t)

	tooLarge := sending(t, load.Config{Signal: load.Traces, Endpoint: c.OTLPGRPC}, 6000)
	awaitRefusal(t, tooLarge, "^rpc error: code = Internal desc = Permanent error: request of \\d+ bytes is larger than `queue_size` \\(5000\\)$")
	tooLarge.Stop(0)

	good := accepted(t, sending(t, load.Config{Signal: load.Traces, Endpoint: c.OTLPGRPC}, 0))
	startSink(t, backend).await(t, good)
	goesOn(t, c)
}

// awaitRefusal waits until the item was refused and compares what the sender was told.
func awaitRefusal(t *testing.T, g *load.Generator, message string) {
	t.Helper()
	require.Eventually(t, func() bool { return g.Result().Rejected > 0 }, patience, pause, "nothing was refused")
	assert.Regexp(t, regexp.MustCompile(message), g.Result().LastErr.Error())
}

// goesOn checks that the process has not ended.
func goesOn(t *testing.T, c *collector.Collector) {
	t.Helper()
	select {
	case <-c.Exited():
		t.Error("the collector has ended")
	default:
	}
}

// TestReloadOfWrongConfiguration: a process that is told to read a faulty file ends with the same message as one that starts with
// it, and has written what it had taken.
func TestReloadOfWrongConfiguration(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "overlay.yaml")
	write(t, file, "exporters: {debug: {verbosity: basic}}\n")
	c := collector.Start(t, collector.Config{Files: []string{standalone, file}, Env: map[string]string{"INFERWATCH_PROMETHEUS": free(t)}})
	id := sendLog(t, c)

	write(t, file, "exporters: {debug: {verbosty: basic}}\n")
	c.Reload()

	assert.Equal(t, 1, c.WaitExit(patience), "exit status")
	assert.Equal(t, "failed to setup configuration components: failed to get config: cannot unmarshal the configuration: "+
		"decoding failed due to the following error(s): 'exporters' error reading configuration for \"debug\": "+
		"decoding failed due to the following error(s): 'debugexporter.Config' has invalid keys: verbosty", theMessage(t, c.Log()))
	awaitLogs(t, c, id)
}
