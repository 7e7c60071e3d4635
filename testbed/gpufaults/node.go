// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/collector"
)

const (
	interval = 500 * time.Millisecond
	timeout  = 2 * time.Second
	patience = 30 * time.Second // for what should come soon, on a machine that has other things to do
	pause    = 20 * time.Millisecond
)

// node is a machine with GPUs: the stand-in's scenario, a collector that reads it, and the back-end that it sends to.
type node struct {
	*collector.Collector
	tb      testing.TB
	script  *script
	sink    *sink
	library string
	helper  string
	pid     int
}

// prepare makes a node whose collector does not run yet.
func prepare(tb testing.TB, p programs, library string, scenario ...string) *node {
	return &node{tb: tb, script: newScript(tb, scenario...), sink: startSink(tb), library: library, helper: p.helper}
}

// start runs the collector, with no more than the receiver and a way out.
func (n *node) start() {
	n.tb.Helper()
	path := filepath.Join(n.tb.TempDir(), "config.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, configuration, interval, timeout, n.library, n.helper, n.sink.URL), 0o600); err != nil {
		n.tb.Fatal(err)
	}
	n.Collector = collector.Start(n.tb, collector.Config{Files: []string{path}, Env: map[string]string{"NVMLSIM_SCENARIO": n.script.path}})
	n.pid = n.Pid()
}

// There is no queue and no batch, so that a collection is one request.
const configuration = `
extensions:
  healthcheckv2: {use_v2: true, http: {endpoint: "${env:INFERWATCH_HEALTH}", status: {enabled: true, path: /}}}
receivers:
  nvml: {collection_interval: %v, initial_delay: 100ms, timeout: %v, library: %q, helper: %q}
exporters:
  otlp_http: {endpoint: %q, compression: none, sending_queue: {enabled: false}}
service:
  extensions: [healthcheckv2]
  telemetry:
    logs: {disable_zap_resource: true, disable_stacktrace: true}
    metrics:
      level: normal
      readers:
        - pull: {exporter: {prometheus: {host: "${env:INFERWATCH_METRICS_HOST}", port: "${env:INFERWATCH_METRICS_PORT}", without_scope_info: true}}}
  pipelines:
    metrics: {receivers: [nvml], exporters: [otlp_http]}
    logs: {receivers: [nvml], exporters: [otlp_http]}
`

// eventually waits until a condition holds, and fails the test after patience, or when the collector ends; more tells why.
func (n *node) eventually(what string, holds func() bool, more ...func() string) {
	n.tb.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(pause) {
		n.mustLive()
		if time.Now().After(end) {
			collections, records := n.sink.got()
			for _, m := range more {
				n.tb.Log(m())
			}
			n.tb.Fatalf("after %v still not: %s (%d collections, %d events so far)", patience, what, len(collections), len(records))
		}
	}
}

// mustLive fails the test if the collector is not the process that was started.
func (n *node) mustLive() {
	n.tb.Helper()
	select {
	case <-n.Exited():
		n.tb.Fatalf("the collector (pid %d) ended by itself", n.pid)
	default:
	}
	if n.Pid() != n.pid {
		n.tb.Fatalf("the collector is process %d now, it was %d", n.Pid(), n.pid)
	}
}

// until sleeps until a time, and sees to it that the collector lives.
func (n *node) until(t time.Time) {
	n.tb.Helper()
	for time.Now().Before(t) {
		n.mustLive()
		time.Sleep(min(pause, time.Until(t)))
	}
}

// steady waits until the last collections have the same series, and returns those, and the time of the first such collection.
func (n *node) steady(after time.Time) (found map[string]series, since time.Time) {
	n.tb.Helper()
	const like = 4
	n.eventually(fmt.Sprintf("%d collections with the same series", like), func() bool {
		collections, _ := n.sink.got()
		if len(collections) < like {
			return false
		}
		last := collections[len(collections)-like:]
		found, since = last[0].series, last[0].time
		for i := range last {
			if last[i].time.Before(after) || !sameKeys(found, last[i].series) {
				return false
			}
		}
		return true
	})
	return found, since
}

func sameKeys(a, b map[string]series) bool {
	return maps.EqualFunc(a, b, func(series, series) bool { return true })
}

// gpu is the UUID of the GPU that has this index.
func (n *node) gpu(baseline map[string]series, index int) string {
	n.tb.Helper()
	for _, s := range baseline {
		if s.metric == "hw.gpu.info" && s.attributes["hw.gpu.index"] == fmt.Sprint(index) && s.attributes["hw.parent"] == "" {
			return s.attributes["hw.id"]
		}
	}
	n.tb.Fatalf("no hw.gpu.info of the GPU with index %d", index)
	return ""
}

// own is the value of one of the collector's own metrics; the labels are given as name, value, name, value.
func (n *node) own(metric string, labels ...string) float64 {
	wanted := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		wanted[labels[i]] = labels[i+1]
	}
	v, _ := n.Metric(metric, wanted)
	return v
}

// helpers are the processes that the collector has started and that live.
func (n *node) helpers() []int { return childrenOf(n.pid) }
