// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package golden shows what the shipped configurations make of an input: the input, the expected output, nothing else.
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/inferwatch/inferwatch/testbed/collector"
	"github.com/inferwatch/inferwatch/testbed/query"
)

var update = flag.Bool("update", false, "write the expected output anew; the test fails all the same, so that it is looked at")

// TestLogLines: what becomes of the lines that loggers and proxies write.
func TestLogLines(t *testing.T) {
	lines, err := os.ReadFile(filepath.Join("testdata", "lines.log"))
	require.NoError(t, err)
	dir := t.TempDir()
	c := collector.Start(t, collector.Config{
		Files: []string{"configs/standalone.yaml"},
		Env:   map[string]string{"INFERWATCH_LOG_FILES": "[" + dir + "/*.log]", "INFERWATCH_PROMETHEUS": "127.0.0.1:0"},
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "app.log"), lines, 0o600))

	want := bytes.Count(lines, []byte("\n"))
	var got []map[string]any
	query.Eventually(t, 30*time.Second, func() error {
		text, err := os.ReadFile(filepath.Join(c.Storage, "logs.json"))
		if err != nil {
			return err
		}
		if got = records(t, text); len(got) != want {
			return fmt.Errorf("%d of %d records", len(got), want)
		}
		return nil
	})
	compare(t, filepath.Join("testdata", "lines.json"), got)
}

// records is every log record of the file exporter's output, without what differs from run to run.
func records(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	var all []map[string]any
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		logs, err := new(plog.JSONUnmarshaler).UnmarshalLogs([]byte(line))
		if err != nil {
			return all // the exporter is writing it
		}
		for _, rl := range logs.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, record := range sl.LogRecords().All() {
					all = append(all, describe(t, record))
				}
			}
		}
	}
	return all
}

func describe(t *testing.T, record plog.LogRecord) map[string]any {
	t.Helper()
	uid, ok := record.Attributes().Get("log.record.uid")
	require.True(t, ok, "every record has an id")
	require.Len(t, uid.Str(), 36)
	require.NotZero(t, record.ObservedTimestamp(), "without any time it would stand in 1970")
	record.Attributes().Remove("log.record.uid")
	described := map[string]any{"body": record.Body().AsRaw(), "attributes": record.Attributes().AsRaw()}
	if record.Timestamp() != 0 {
		described["time"] = record.Timestamp().AsTime().Format(time.RFC3339Nano)
	}
	if record.SeverityNumber() != plog.SeverityNumberUnspecified {
		described["severity"] = record.SeverityNumber().String() + " " + record.SeverityText()
	}
	if record.TraceID() != pcommon.NewTraceIDEmpty() {
		described["trace"] = record.TraceID().String() + " " + record.SpanID().String()
	}
	return described
}

func compare(t *testing.T, path string, got []map[string]any) {
	t.Helper()
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(got))
	if *update {
		require.NoError(t, os.WriteFile(path, text.Bytes(), 0o600))
		t.Errorf("wrote %s: look at it, then run the test without -update", path)
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), text.String())
}
