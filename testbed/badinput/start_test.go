// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package badinput

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/collector"
	"github.com/inferwatch/inferwatch/testbed/ports"
	"github.com/inferwatch/inferwatch/testbed/process"
)

const standalone = "configs/standalone.yaml"

// refusal is a configuration with which the process must end with status 1. In it and in the messages, DIR stands for a folder
// that holds the regular file "file", ADDRESS for an address at which another program listens, PORT for its port, and DENIED for
// what the system says of a folder in /proc, where nobody can make one, root included.
type refusal struct {
	name    string
	file    string            // standalone.yaml if empty
	written string            // the file's content, if the test makes it
	overlay string            // merged over the file
	env     map[string]string // besides ports and storage of the test's own
	message string            // all of it, without the order of "valid values"
	warning string            // said before, in the log
}

// A YAML or option fault is found before anything is opened.
func configurationFaults() []refusal {
	return []refusal{
		{
			name:    "wrong option name",
			overlay: "exporters: {debug: {verbosty: basic}}",
			message: "failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s): " +
				"'exporters' error reading configuration for \"debug\": decoding failed due to the following error(s): " +
				"'debugexporter.Config' has invalid keys: verbosty",
		},
		{
			name:    "wrong option name in durable_queue",
			overlay: "connectors: {durable_queue/logs: {que_size: 1}}",
			message: "failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s): " +
				"'connectors' error reading configuration for \"durable_queue/logs\": decoding failed due to the following error(s): " +
				"'durablequeueconnector.Config' has invalid keys: que_size",
		},
		{
			name:    "wrong values in durable_queue, all of them named",
			overlay: "connectors: {durable_queue/logs: {queue_size: 0, on_overflow: forget}}",
			message: "invalid configuration: connectors::durable_queue/logs: `queue_size` must be greater than 0, found 0 " +
				"`batch::min_size` must be at most `queue_size` (0), found 524288 " +
				"connectors::durable_queue/logs::on_overflow: must be one of \"reject\", \"block\", \"drop\", found \"forget\"",
		},
		{
			name:    "wrong type of a value",
			overlay: "connectors: {durable_queue/logs: {queue_size: many}}",
			message: "failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s): " +
				"'connectors' error reading configuration for \"durable_queue/logs\": decoding failed due to the following error(s): " +
				"'queue_size' expected type 'int64', got unconvertible type 'string'",
		},
		{
			name: "wrong value in an environment variable",
			env:  map[string]string{"INFERWATCH_METRICS_PORT": "metrics"},
			message: "failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s): " +
				"'service.telemetry.metrics' decoding failed due to the following error(s): " +
				"'readers[0].pull.exporter.prometheus.port' expected type 'int', got unconvertible type 'string'",
		},
		{
			name:    "wrong statement in a transform processor",
			overlay: `processors: {transform/privacy: {log_statements: [{context: log, statements: ["sett(log.body, 1)"]}]}}`,
			message: `invalid configuration: processors::transform/privacy: unable to parse OTTL statement "sett(log.body, 1)": undefined function "sett"`,
		},
		{
			name:    "unknown component type",
			overlay: "exporters: {elastic: {}}",
			message: "failed to get config: cannot unmarshal the configuration: decoding failed due to the following error(s): " +
				"'exporters' unknown type: \"elastic\" for id: \"elastic\" (valid values: [...])",
		},
		{
			name:    "a pipeline names what is not configured",
			overlay: "service: {pipelines: {logs: {exporters: [file/nowhere]}}}",
			message: `invalid configuration: service::pipelines::logs: references exporter "file/nowhere" which is not configured`,
		},
		{
			name: "missing configuration file",
			file: "DIR/standalone.yaml",
			message: "failed to get config: cannot resolve the configuration: cannot retrieve the configuration: " +
				"unable to read the file file:DIR/standalone.yaml: open DIR/standalone.yaml: no such file or directory",
		},
		{
			name:    "malformed YAML, a tab",
			file:    "DIR/config.yaml",
			written: "receivers:\n  otlp:\n\tprotocols: {}\n",
			message: "failed to get config: cannot resolve the configuration: retrieved value (type=string) cannot be used as a Conf: " +
				"assuming string type since contents are not valid YAML: yaml: line 3: found character that cannot start any token",
		},
		{
			// Of a bracket that nobody closes the YAML parser counts the line from 0.
			name:    "malformed YAML, an open bracket",
			file:    "DIR/config.yaml",
			written: "receivers:\n  otlp:\n    protocols:\n      grpc: [\nexporters: {}\n",
			message: "failed to get config: cannot resolve the configuration: retrieved value (type=string) cannot be used as a Conf: " +
				"assuming string type since contents are not valid YAML: yaml: line 3: did not find expected ',' or ']'",
		},
		{
			name:    "unset environment variable for a secret",
			overlay: "{extensions: {bearertokenauth: {token: \"${env:BADINPUT_TOKEN}\"}}, service: {extensions: [healthcheckv2, file_storage, bearertokenauth]}}",
			message: "invalid configuration: extensions::bearertokenauth: no bearer token provided",
			warning: `Configuration references unset environment variable	{"name": "BADINPUT_TOKEN"}`,
		},
	}
}

// These are found when the component opens what it needs.
func startFaults() []refusal {
	return []refusal{
		{
			name:    "port of the OTLP gRPC receiver in use",
			env:     map[string]string{"INFERWATCH_OTLP_GRPC": "ADDRESS"},
			message: `cannot start pipelines: failed to start "otlp" receiver: listen tcp ADDRESS: bind: address already in use`,
		},
		{
			name:    "port of the OTLP HTTP receiver in use",
			env:     map[string]string{"INFERWATCH_OTLP_HTTP": "ADDRESS"},
			message: `cannot start pipelines: failed to start "otlp" receiver: listen tcp ADDRESS: bind: address already in use`,
		},
		{
			name:    "port of the Prometheus exporter in use",
			env:     map[string]string{"INFERWATCH_PROMETHEUS": "ADDRESS"},
			message: `cannot start pipelines: failed to start "prometheus" exporter: listen tcp ADDRESS: bind: address already in use`,
		},
		{
			name:    "port of the health check in use",
			env:     map[string]string{"INFERWATCH_HEALTH": "ADDRESS"},
			message: "failed to start extensions: failed to bind to address ADDRESS: listen tcp ADDRESS: bind: address already in use",
		},
		{
			name:    "port of the collector's own metrics in use",
			env:     map[string]string{"INFERWATCH_METRICS_PORT": "PORT"},
			message: "failed to create meter provider: binding address ADDRESS for Prometheus exporter: listen tcp ADDRESS: bind: address already in use",
		},
		{
			name:    "address without a port",
			env:     map[string]string{"INFERWATCH_OTLP_GRPC": "localhost"},
			message: `cannot start pipelines: failed to start "otlp" receiver: listen tcp: address localhost: missing port in address`,
		},
		{
			name:    "missing file of a secret",
			overlay: "{extensions: {bearertokenauth: {filename: DIR/token}}, service: {extensions: [healthcheckv2, file_storage, bearertokenauth]}}",
			message: `failed to start extensions: failed to read credentials file "DIR/token": open DIR/token: no such file or directory`,
			warning: `"otelcol.component.id": "bearertokenauth"`,
		},
		{
			name:    "missing TLS certificate",
			overlay: "receivers: {otlp: {protocols: {grpc: {tls: {cert_file: DIR/tls.crt, key_file: DIR/tls.key}}}}}",
			message: `cannot start pipelines: failed to start "otlp" receiver: failed to load TLS config: failed to load TLS cert and key: ` +
				"open DIR/tls.crt: no such file or directory",
		},
		{
			name:    "storage below a regular file",
			overlay: "extensions: {file_storage: {directory: DIR/file/queue}}",
			message: "invalid configuration: extensions::file_storage: problem accessing configured directory: DIR/file/queue, " +
				"err: stat DIR/file/queue: not a directory",
		},
		{
			name:    "storage is a regular file",
			overlay: "extensions: {file_storage: {directory: DIR/file, create_directory: false}}",
			message: "invalid configuration: extensions::file_storage: DIR/file is not a directory",
		},
		{
			name:    "storage cannot be made",
			overlay: "extensions: {file_storage: {directory: /proc/inferwatch}}",
			message: `failed to build extensions: failed to create extension "file_storage": mkdir /proc/inferwatch: DENIED`,
		},
		{
			name: "a queue's storage extension is not in use",
			overlay: "{connectors: {durable_queue/logs: {storage: file_storage/logs}}, service: {pipelines: {" +
				"logs: {exporters: [durable_queue/logs]}, logs/out: {receivers: [durable_queue/logs], exporters: [debug]}}}}",
			message: `cannot start pipelines: failed to start "durable_queue/logs" connector: ` + "`storage` must name an extension that is in `service::extensions`, found \"file_storage/logs\"",
		},
	}
}

func TestRefusesToStart(t *testing.T) {
	for _, test := range append(configurationFaults(), startFaults()...) {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}

func (r refusal) run(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "")
	fill := placeholders(dir, listen(t))
	cfg := collector.Config{Env: map[string]string{"INFERWATCH_PROMETHEUS": free(t)}, ReadyTimeout: 20 * time.Second}
	for key, value := range r.env {
		cfg.Env[key] = fill.Replace(value)
	}
	cfg.Files = []string{fill.Replace(cmp.Or(r.file, standalone))}
	if r.written != "" {
		write(t, cfg.Files[0], r.written)
	}
	if r.overlay != "" {
		cfg.Args = []string{"--config", "yaml:" + fill.Replace(r.overlay)}
	}

	_, err := collector.TryStart(t, cfg)

	var exit *process.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 1, exit.Code, "exit status")
	assert.Equal(t, fill.Replace(r.message), theMessage(t, exit.Log))
	assert.Contains(t, exit.Log, r.warning)
}

// theMessage returns what the process said last, on one line. There must be one message only.
func theMessage(t *testing.T, log string) string {
	t.Helper()
	parts := regexp.MustCompile(`(?m)^Error: `).Split(log, -1)
	require.Len(t, parts, 2, "one message that begins with \"Error: \" in:\n%s", log)
	line := strings.Join(strings.Fields(parts[1]), " ")
	return regexp.MustCompile(`\(valid values: \[.*?\]\)`).ReplaceAllString(line, "(valid values: [...])")
}

func placeholders(dir string, address net.Addr) *strings.Replacer {
	port := fmt.Sprint(address.(*net.TCPAddr).Port)
	denied := errors.Unwrap(os.Mkdir("/proc/inferwatch", 0o755))
	return strings.NewReplacer("DIR", dir, "ADDRESS", address.String(), "PORT", port, "DENIED", fmt.Sprint(denied))
}

// listen is another program at an address.
func listen(t *testing.T) net.Addr {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr()
}

func free(t *testing.T) string {
	t.Helper()
	found, err := ports.Free(1)
	require.NoError(t, err)
	return fmt.Sprintf("127.0.0.1:%d", found[0])
}

func write(t *testing.T, file, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
}
