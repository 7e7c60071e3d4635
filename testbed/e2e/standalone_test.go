// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/collector"
	"github.com/inferwatch/inferwatch/testbed/load"
	"github.com/inferwatch/inferwatch/testbed/ports"
	"github.com/inferwatch/inferwatch/testbed/query"
)

func contains(text string, wanted ...string) error {
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			return fmt.Errorf("%q is not in: %s", want, text[max(0, len(text)-2000):])
		}
	}
	return nil
}

// TestStandaloneNeedsNoBackEnd: what comes in is printed, served as metrics and kept in files.
func TestStandaloneNeedsNoBackEnd(t *testing.T) {
	free, err := ports.Free(1)
	if err != nil {
		t.Fatal(err)
	}
	page := fmt.Sprintf("127.0.0.1:%d", free[0])
	c := collector.Start(t, collector.Config{
		Files: []string{"configs/standalone.yaml"},
		Env: map[string]string{
			"INFERWATCH_PROMETHEUS": page, "INFERWATCH_SPAN_METRICS_INTERVAL": "1s", "INFERWATCH_LOG_FILES": "[" + t.TempDir() + "/*.log]",
		},
	})
	for _, signal := range []load.Signal{load.Logs, load.Traces, load.Metrics} {
		sendItems(t, signal, c.OTLPGRPC, 20)
	}
	query.Eventually(t, patience, func() error {
		text, err := get(t, "http://"+page+"/metrics")
		if err != nil {
			return err
		}
		return contains(text, load.MetricName, "traces_span_metrics_calls_total", "system_cpu_load_average_1m")
	})
	for _, file := range []string{"traces.json", "logs.json", "metrics.json"} {
		query.Eventually(t, patience, func() error {
			text, err := os.ReadFile(filepath.Join(c.Storage, file))
			if err != nil {
				return err
			}
			if len(text) == 0 {
				return fmt.Errorf("%s is empty", file)
			}
			return nil
		})
	}
	if err := contains(c.Log(), "item 19"); err != nil {
		t.Error("what comes in is not shown: ", err)
	}
}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}
