// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"bytes"
	"context"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The pages in testdata are of contrib's prometheusexporter 0.158, that got each metric of metadata.yaml over OTLP. Their readings begin
// at epoch; pages that go on do so 10 s later. standalone.prom is of inferwatch itself, on the stand-in for NVML.
var epoch = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)

// serve serves one page after another, the last one again and again, and what inferwatch says of itself. A page without a name
// answers with 503.
func serve(t testing.TB, telemetry string, pages ...string) Source {
	next := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		page := pages[min(next, len(pages)-1)]
		next++
		if page == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		sendFile(w, page+".prom")
	})
	mux.HandleFunc("/telemetry", func(w http.ResponseWriter, _ *http.Request) {
		sendFile(w, telemetry+".telemetry")
	})
	server := httptest.NewServer(mux)
	client := Client(5 * time.Second)
	t.Cleanup(func() { client.CloseIdleConnections(); server.Close() })
	return Source{Client: client, Page: server.URL + "/metrics", Telemetry: server.URL + "/telemetry", Hostname: "node-7"}
}

func sendFile(w http.ResponseWriter, name string) {
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	w.Write(text)
}

// golden compares with testdata/NAME.txt.
func golden(t *testing.T, name, got string) {
	file := filepath.Join("testdata", name+".txt")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestOnce(t *testing.T) {
	for name, tt := range map[string]struct {
		page, telemetry string
		width           int
		after           time.Duration
		gpus            []string
	}{
		"once-h100":            {page: "h100-0", telemetry: "ready", width: 120},
		"once-h100-selected":   {page: "h100-0", telemetry: "ready", width: 80, gpus: []string{"7", "GPU-c8180616", "0717"}},
		"once-mixed":           {page: "mixed", telemetry: "ready", width: 100},
		"once-mixed-80":        {page: "mixed", telemetry: "ready", width: 80},
		"once-none":            {page: "none", telemetry: "not-found", width: 100},
		"once-none-no-nvml":    {page: "none", telemetry: "no-receiver", width: 100},
		"once-none-ready":      {page: "none", telemetry: "ready", width: 100},
		"once-standalone":      {page: "standalone", telemetry: "ready", width: 80},
		"once-simulated":       {page: "simulated", telemetry: "ready", width: 80},
		"once-untranslated":    {page: "untranslated", telemetry: "ready", width: 80},
		"once-lost-hung":       {page: "lost-hung", telemetry: "lost-hung", width: 100},
		"once-lost-hung-times": {page: "lost-hung-times", telemetry: "lost-hung", width: 100, after: 10 * time.Second},
		"once-library-hung":    {page: "simulated", telemetry: "hung", width: 100, after: 5 * time.Minute},
		"once-sixteen":         {page: "sixteen", telemetry: "ready", width: 80},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := Once(t.Context(), &out, Options{
				Read: serve(t, tt.telemetry, tt.page).Read, Now: func() time.Time { return epoch.Add(tt.after) },
				Size: func() (int, int) { return tt.width, 0 }, GPUs: tt.gpus,
			})
			require.NoError(t, err)
			assert.NotContains(t, out.String(), "\x1b")
			golden(t, name, out.String())
		})
	}
}

func TestOnceFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		page, want string
		gpus       []string
	}{
		"no metrics":  {page: "html", want: `cannot use URL/metrics: it is no page in the Prometheus text format: line 1: invalid metric name: is --url right?`},
		"no page":     {page: "", want: "cannot use URL/metrics: it answers with 503 Service Unavailable: is --url right?"},
		"unknown GPU": {page: "mixed", gpus: []string{"0", "9", "ffff"}, want: "--gpu must be the index or the beginning of the UUID of a GPU on the page, found 9, ffff"},
	} {
		t.Run(name, func(t *testing.T) {
			source := serve(t, "ready", tt.page)
			err := Once(t.Context(), io.Discard, Options{Read: source.Read, Now: time.Now, Size: func() (int, int) { return 80, 0 }, GPUs: tt.gpus})
			require.Error(t, err)
			assert.Equal(t, tt.want, strings.ReplaceAll(err.Error(), strings.TrimSuffix(source.Page, "/metrics"), "URL"))
		})
	}
}

// Without inferwatch's own page the table is there all the same, and an empty one says what is missing.
func TestNoTelemetry(t *testing.T) {
	source := serve(t, "ready", "none")
	source.Telemetry = strings.TrimSuffix(source.Page, "metrics") + "nothing"
	host, err := source.Read(t.Context())
	require.NoError(t, err)
	lines := View{Width: 200}.Lines(host, epoch)
	assert.Equal(t, "No GPU: why is not known: inferwatch's own metrics (--telemetry-url) cannot be read: "+source.Telemetry+
		": it answers with 404 Not Found.", lines[len(lines)-1])
}

// tracked reads as many pages as there are, 10 s apart.
func tracked(t testing.TB, telemetry string, pages ...string) *Host {
	source := serve(t, telemetry, pages...)
	var tracker Tracker
	var host *Host
	for i := range pages {
		var err error
		host, err = source.Read(t.Context())
		require.NoError(t, err)
		tracker.Update(host, epoch.Add(time.Duration(i)*10*time.Second))
	}
	return host
}

func TestView(t *testing.T) {
	h100 := tracked(t, "ready", "h100-0", "h100-0", "h100-1")
	sixteen := tracked(t, "ready", "sixteen")
	for name, tt := range map[string]struct {
		host *Host
		view View
	}{
		"view-h100":          {h100, View{Width: 120, Bars: true, Unicode: true}},
		"view-h100-80":       {h100, View{Width: 80, Bars: true}},
		"view-h100-color":    {h100, View{Width: 100, Height: 30, Bars: true, Unicode: true, Color: true}},
		"view-sixteen-80x24": {sixteen, View{Width: 80, Height: 24, Bars: true, Unicode: true}},
		"view-sixteen-80x40": {sixteen, View{Width: 80, Height: 40, Bars: true, Unicode: true}},
		"view-sixteen-80x10": {sixteen, View{Width: 80, Height: 10, Bars: true, Unicode: true}},
		"view-simulated":     {tracked(t, "ready", "simulated"), View{Width: 80, Height: 24, Bars: true, Unicode: true, Color: true}},
		"view-lost":          {tracked(t, "lost-hung", "lost-hung", "lost-hung"), View{Width: 80, Bars: true, Unicode: true}},
	} {
		t.Run(name, func(t *testing.T) {
			lines := tt.view.Lines(tt.host, epoch.Add(10*time.Second))
			if tt.view.Height > 0 {
				assert.LessOrEqual(t, len(lines), tt.view.Height)
			}
			golden(t, name, strings.Join(lines, "\n")+"\n")
		})
	}
}

// frames counts what is written, and ends the view after the last frame.
type frames struct {
	bytes.Buffer
	left int
	end  context.CancelFunc
}

func (f *frames) Write(p []byte) (int, error) {
	if f.left--; f.left <= 0 {
		f.end()
	}
	return f.Buffer.Write(p)
}

func TestLive(t *testing.T) {
	source := serve(t, "ready", "h100-0", "h100-1", "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &frames{left: 3, end: cancel}
	require.NoError(t, Live(ctx, out, Options{
		Read: source.Read, Now: func() time.Time { return epoch.Add(12 * time.Second) }, Size: func() (int, int) { return 80, 24 },
		View: View{Bars: true, Unicode: true}, GPUs: []string{"3"}, Interval: time.Millisecond,
	}))
	got := out.String()
	assert.True(t, strings.HasPrefix(got, enter+begin))
	assert.True(t, strings.HasSuffix(got, end+leave))
	first, second, third := cutFrames(t, got)
	assert.NotContains(t, first, "XID")
	assert.Contains(t, second, "XID 31 x2 2s ago")
	assert.Contains(t, third, "! cannot use ")
	assert.Contains(t, third, "XID 31 x2 2s ago", "what was read last stays")
}

func cutFrames(t *testing.T, out string) (first, second, third string) {
	parts := strings.Split(out, begin)
	require.Len(t, parts, 4)
	return parts[1], parts[2], parts[3]
}

// A terminal is left as it was when the page is not there at first, and when nothing more can be written.
func TestLiveFaults(t *testing.T) {
	options := Options{
		Read: serve(t, "ready", "").Read, Now: time.Now, Size: func() (int, int) { return 80, 24 }, Interval: time.Millisecond,
	}
	var out bytes.Buffer
	require.ErrorContains(t, Live(t.Context(), &out, options), "503")
	assert.Empty(t, out.String(), "the screen was not touched")

	options.Read = serve(t, "ready", "mixed").Read
	require.ErrorIs(t, Live(t.Context(), closed{}, options), io.ErrClosedPipe)
}

type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
