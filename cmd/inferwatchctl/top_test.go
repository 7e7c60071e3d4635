// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// pageServer serves what inferwatch would, on one address.
func pageServer(t *testing.T) *httptest.Server {
	mux := http.NewServeMux()
	for path, file := range map[string]string{"/metrics": "mixed.prom", "/own": "ready.telemetry"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFile(w, r, filepath.Join("internal", "top", "testdata", file))
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestTopOnce(t *testing.T) {
	server := pageServer(t)
	address := strings.TrimPrefix(server.URL, "http://")
	for name, got := range map[string]outcome{
		"by flag":     runWith(nil, nil, "top", "--once", "--url", server.URL+"/metrics", "--telemetry-url", server.URL+"/own"),
		"by variable": runWith(nil, map[string]string{envPage: address}, "top", "--once", "--telemetry-url", server.URL+"/own"),
	} {
		assert.Equal(t, exitOK, got.code, name)
		assert.Empty(t, got.err, name)
		assert.Contains(t, got.out, "4 GPUs  driver 570.124.06  CUDA 12.8", name)
		assert.Contains(t, got.out, "power 68/72W  energy 3.3 kWh  2 ok  1 degraded\n", name)
	}
}

func TestTopWidth(t *testing.T) {
	server := pageServer(t)
	for columns, want := range map[string]int{"": 120, "80": 80, "7": 60, "x": 120} {
		got := runWith(nil, map[string]string{"COLUMNS": columns}, "top", "--once", "--url", server.URL+"/metrics", "--telemetry-url", server.URL+"/own")
		title, _, _ := strings.Cut(got.out, "\n")
		assert.LessOrEqual(t, len([]rune(title)), want, "COLUMNS=%s", columns)
		assert.True(t, want == 60 || len(title) == want, "the clock stands at the right edge of %d columns: %q", want, title)
	}
}

func TestTopFaults(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := listener.Addr().String()
	require.NoError(t, listener.Close())
	server := pageServer(t)
	silent := make(chan struct{})
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-silent }))
	defer hanging.Close()
	defer close(silent)
	const hint = ": start inferwatch with configs/standalone.yaml (make run; without a GPU, make gpu-demo), or say with --url where its metrics are"
	for _, tt := range []struct {
		args, want string
		code       int
	}{
		{"top --once --url http://" + closed + "/metrics", "cannot read http://" + closed + "/metrics: dial tcp " + closed + ": connect: connection refused" + hint, exitFault},
		{"top --once --timeout 50ms --url " + hanging.URL, "cannot read " + hanging.URL + ": no answer in time (--timeout)" + hint, exitFault},
		{"top --once --url " + server.URL + "/nothing", "cannot use " + server.URL + "/nothing: it answers with 404 Not Found: is --url right?", exitFault},
		{"top --once --gpu 17 --url " + server.URL + "/metrics", "--gpu must be the index or the beginning of the UUID of a GPU on the page, found 17", exitFault},
		{"top --url " + server.URL + "/metrics", "the output is no terminal that can be redrawn: give --once (see inferwatchctl top --help)", exitUsage},
		{"top --url ftp://x", `--url must begin with http:// or https://, found "ftp://x" (see inferwatchctl top --help)`, exitUsage},
		{"top --telemetry-url x", `--telemetry-url must begin with http:// or https://, found "x" (see inferwatchctl top --help)`, exitUsage},
		{"top --interval 1ms", "--interval must be 100ms or greater, found 1ms (see inferwatchctl top --help)", exitUsage},
		{"top --timeout 0s", "--timeout must be greater than 0, found 0s (see inferwatchctl top --help)", exitUsage},
		{"top extra", `unknown command "extra" for "inferwatchctl top" (see inferwatchctl top --help)`, exitUsage},
	} {
		t.Run(tt.want, func(t *testing.T) {
			assert.Equal(t, outcome{code: tt.code, err: "inferwatchctl: " + tt.want + "\n"}, runWith(nil, nil, strings.Fields(tt.args)...))
		})
	}
}

func TestTopInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() }))
	defer server.Close()
	var out testWriter
	code := run(ctx, []string{"top", "--once", "--timeout", fmt.Sprint(time.Minute), "--url", server.URL}, streams{out: &out, err: &out, getenv: func(string) string { return "" }})
	assert.Equal(t, exitFault, code)
	assert.Equal(t, "inferwatchctl: interrupted\n", string(out))
}
