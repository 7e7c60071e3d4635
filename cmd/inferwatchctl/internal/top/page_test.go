// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

type metadata struct {
	Attributes map[string]struct{ Enum []string }
	Metrics    map[string]struct{ Attributes []string }
	Telemetry  struct {
		Metrics map[string]struct{ Attributes []string }
	}
}

// receiverMetadata is what the receiver says that it sends.
func receiverMetadata(t *testing.T) metadata {
	text, err := os.ReadFile("../../../../receiver/nvmlreceiver/metadata.yaml")
	require.NoError(t, err)
	var m metadata
	require.NoError(t, yaml.Unmarshal(text, &m))
	require.NotEmpty(t, m.Metrics)
	return m
}

func TestNamesAreTheReceivers(t *testing.T) {
	m := receiverMetadata(t)
	names := map[string]string{}
	for name := range m.Metrics {
		other, taken := names[canonical(name)]
		require.False(t, taken, "%s and %s have one canonical name", name, other)
		names[canonical(name)] = name
	}
	for name := range readings() {
		assert.Contains(t, m.Metrics, name)
	}
	for _, name := range []string{metricInfo, metricEnergy, metricErrors, metricThrottle, metricPCIe, metricNVLink} {
		assert.Contains(t, names, name)
		assert.True(t, newDecoder().wants(name), name)
	}
	for _, name := range []string{telemetryLibrary, telemetryGPUs} {
		assert.Contains(t, m.Telemetry.Metrics, name)
	}
	for _, state := range m.Attributes["library.state"].Enum {
		if state != "ready" {
			assert.NotEqual(t, "NVML library "+state, (&Host{Library: state}).library(), "is not explained")
		}
	}
}

// What the exporter made of the names must be found again.
func TestNamesOfTheExporter(t *testing.T) {
	m := receiverMetadata(t)
	known, labels := map[string]bool{}, map[string]bool{}
	for name, metric := range m.Metrics {
		known[canonical(name)] = true
		for _, label := range metric.Attributes {
			labels[canonicalLabel(label)] = true
		}
	}
	pages, err := filepath.Glob("testdata/*.prom")
	require.NoError(t, err)
	for _, page := range pages {
		if name := filepath.Base(page); name == "html.prom" || name == "none.prom" {
			continue
		}
		text, err := os.ReadFile(page)
		require.NoError(t, err)
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
		require.NoError(t, err, page)
		require.NotEmpty(t, families)
		for name, family := range families {
			assert.True(t, known[canonical(name)], "%s: %s", page, name)
			for label := range labelsOf(family.GetMetric()[0]) {
				assert.True(t, labels[label] || strings.HasPrefix(label, "otel_scope_"), "%s: label %s", page, label)
			}
		}
	}
}

func FuzzPage(f *testing.F) {
	for _, page := range []string{"mixed", "lost-hung", "simulated", "none"} {
		text, err := os.ReadFile(filepath.Join("testdata", page+".prom"))
		require.NoError(f, err)
		// Short ones, as long ones take minutes to be minimised.
		for _, family := range bytes.SplitAfter(text, []byte("# HELP "))[:3] {
			f.Add(family[:min(len(family), 1000)])
		}
	}
	f.Add([]byte("<html>"))
	f.Add([]byte("hw_gpu_utilization_ratio{hw_id=\"\\n\",hw_type=\"gpu\",hw_parent=\"a\"} NaN\nhw_power_watts{hw_id=\"a\",hw_type=\"gpu\"} +Inf 1e3\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		d := newDecoder()
		samples, err := parsePage(bytes.NewReader(text), d.wants)
		if err != nil {
			return
		}
		host := d.decode(samples)
		new(Tracker).Update(host, epoch)
		for _, v := range []View{{Width: 80}, {Width: 60, Height: 5, Bars: true, Unicode: true}} {
			for _, l := range v.Lines(host, epoch) {
				if n := utf8.RuneCountInString(l); n > v.Width {
					t.Fatalf("a line of %d columns, at most %d fit: %q", n, v.Width, l)
				}
				if strings.ContainsFunc(l, unicode.IsControl) {
					t.Fatalf("a control character in %q", l)
				}
			}
		}
	})
}

func BenchmarkPage(b *testing.B) {
	text, err := os.ReadFile("testdata/h100-1.prom")
	require.NoError(b, err)
	var tracker Tracker
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		d := newDecoder()
		samples, err := parsePage(bytes.NewReader(text), d.wants)
		require.NoError(b, err)
		host := d.decode(samples)
		tracker.Update(host, epoch)
		View{Width: 120, Height: 50, Bars: true, Unicode: true}.Lines(host, epoch)
	}
}

func TestTracker(t *testing.T) {
	var tracker Tracker
	read := func(after time.Duration, text string) *Device {
		d := newDecoder()
		samples, err := parsePage(strings.NewReader(text), d.wants)
		require.NoError(t, err)
		host := d.decode(samples)
		tracker.Update(host, epoch.Add(after))
		if len(host.GPUs) == 0 {
			return nil
		}
		return host.GPUs[0]
	}
	const xid = `hw_errors_total{hw_id="GPU-a",hw_type="gpu",error_type="xid_31"} `
	const pcie = `hw_gpu_io_bytes_total{hw_id="GPU-a",hw_type="gpu",network_io_direction="receive"} `
	rx := counter{metricPCIe, "receive"}

	gpu := read(0, xid+"1\n"+pcie+"1000\n")
	assert.Empty(t, gpu.Rates, "one read gives no rate")
	assert.Empty(t, gpu.Recent, "an XID of before is not new")
	gpu = read(1*time.Second, xid+"1\n"+pcie+"1000\n")
	assert.Empty(t, gpu.Rates, "the page still holds the same collection")
	gpu = read(2*time.Second, xid+"1\n"+pcie+"3000\n")
	assert.InDelta(t, 1000, gpu.Rates[rx], 1e-9)
	gpu = read(3*time.Second, xid+"2\n"+pcie+"500\n")
	assert.NotContains(t, gpu.Rates, rx, "a counter that began anew gives no rate")
	assert.Equal(t, epoch.Add(3*time.Second), gpu.Recent["xid_31"])
	gpu = read(9*time.Minute, xid+"2\n"+pcie+"500\n")
	assert.Empty(t, gpu.Recent, "it is new for 5 minutes")
	assert.Nil(t, read(10*time.Minute, ""))
	assert.Empty(t, tracker.tracks, "what is off the page is forgotten")
}
