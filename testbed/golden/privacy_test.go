// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package golden

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/inferwatch/inferwatch/testbed/collector"
	"github.com/inferwatch/inferwatch/testbed/query"
)

// The word that stands in every prompt, completion and credential of the input.
const secret = "abracadabra"

// TestPromptsDoNotPass: what becomes of the attributes in which the known instrumentations write prompts, completions and captured
// headers, and of those whose names only look alike.
func TestPromptsDoNotPass(t *testing.T) {
	c := collector.Start(t, collector.Config{
		Files: []string{"configs/standalone.yaml"},
		Env:   map[string]string{"INFERWATCH_LOG_FILES": "[" + t.TempDir() + "/*.log]", "INFERWATCH_PROMETHEUS": "127.0.0.1:0"},
	})
	dir := filepath.Join("testdata", "privacy")
	for _, signal := range []string{"traces", "logs"} {
		post(t, c.OTLPHTTP+"/v1/"+signal, filepath.Join(dir, signal+".json"))
	}
	spans := await(t, filepath.Join(c.Storage, "traces.json"), spans)
	compare(t, filepath.Join(dir, "traces.expected.json"), spans)
	logs := await(t, filepath.Join(c.Storage, "logs.json"), records)
	compare(t, filepath.Join(dir, "logs.expected.json"), logs)
	for name, kept := range map[string]any{"spans": spans, "logs": logs, "the terminal": c.Log()} {
		text, err := json.Marshal(kept)
		require.NoError(t, err)
		require.NotContains(t, string(text), secret, name)
	}
}

func post(t *testing.T, url, path string) {
	t.Helper()
	body, err := os.ReadFile(path)
	require.NoError(t, err)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode, string(text))
}

// await reads the file exporter's output until something is in it.
func await(t *testing.T, path string, read func(*testing.T, []byte) []map[string]any) []map[string]any {
	t.Helper()
	var found []map[string]any
	query.Eventually(t, 30*time.Second, func() error {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if found = read(t, text); len(found) == 0 {
			return fmt.Errorf("nothing in %s", path)
		}
		return nil
	})
	return found
}

// spans is every span of the file exporter's output with its events.
func spans(t *testing.T, text []byte) []map[string]any {
	t.Helper()
	traces, err := new(ptrace.JSONUnmarshaler).UnmarshalTraces(bytes.TrimSpace(text))
	if err != nil {
		return nil // the exporter is writing it
	}
	var all []map[string]any
	for _, rs := range traces.ResourceSpans().All() {
		for _, ss := range rs.ScopeSpans().All() {
			for _, span := range ss.Spans().All() {
				events := map[string]any{}
				for _, event := range span.Events().All() {
					events[event.Name()] = event.Attributes().AsRaw()
				}
				all = append(all, map[string]any{"name": span.Name(), "attributes": span.Attributes().AsRaw(), "events": events})
			}
		}
	}
	return all
}
