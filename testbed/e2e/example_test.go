// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/internal/repo"
	"github.com/inferwatch/inferwatch/testbed/ports"
	"github.com/inferwatch/inferwatch/testbed/process"
	"github.com/inferwatch/inferwatch/testbed/stack"
)

// exampleAPI is the LLM API of examples/python, as its README starts it, sending to an agent.
type exampleAPI struct{ url string }

func startExample(t *testing.T, agent *stack.Agent) *exampleAPI {
	t.Helper()
	root, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, "examples", "python")
	out, err := exec.CommandContext(t.Context(), filepath.Join(dir, "setup.sh")).Output()
	if err != nil {
		t.Fatalf("examples/python/setup.sh: %v\n%s", err, out)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	python := lines[len(lines)-1]
	free, err := ports.Free(2)
	if err != nil {
		t.Fatal(err)
	}
	model, api := fmt.Sprintf("http://127.0.0.1:%d", free[0]), fmt.Sprintf("http://127.0.0.1:%d", free[1])
	startPython(t, python, dir, "model-server", model, nil, "-m", "app.model_server", "--port", fmt.Sprint(free[0]))
	startPython(t, python, dir, "api", api, []string{
		"LOG_DIR=" + agent.LogDir,
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + agent.OTLPHTTP,
		"OTEL_SERVICE_NAME=example-llm-api",
		"OTEL_BSP_SCHEDULE_DELAY=200",
		"OTEL_BLRP_SCHEDULE_DELAY=200",
		"OTEL_METRIC_EXPORT_INTERVAL=1000",
	}, "-m", "app", "--port", fmt.Sprint(free[1]), "--model-server", model+"/v1")
	return &exampleAPI{url: api}
}

func startPython(t *testing.T, python, dir, name, url string, env []string, args ...string) {
	t.Helper()
	p, err := process.Start(t.Context(), process.Spec{
		Name:         name,
		Path:         python,
		Args:         args,
		Env:          env,
		Dir:          dir,
		LogFile:      filepath.Join(t.TempDir(), name+".log"),
		Ready:        process.HTTPReady(url + "/healthz"),
		ReadyTimeout: 60 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(10 * time.Second); err != nil {
			t.Error(err)
		}
	})
}

// chat asks one question and returns the status; the answer is read to its end.
func (a *exampleAPI) chat(t *testing.T, requestID, key string, body map[string]any) int {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/v1/chat", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("X-Request-ID", requestID)
	req.Header.Set("X-User-ID", "ada")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("X-Request-ID"); got != requestID {
		t.Errorf("X-Request-ID of the answer is %q, want %q", got, requestID)
	}
	return resp.StatusCode
}
