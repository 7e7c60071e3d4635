// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/query"
	"github.com/inferwatch/inferwatch/testbed/servers"
	"github.com/inferwatch/inferwatch/testbed/stack"
)

// world is a Prometheus with the fleet's history in it.
type world struct {
	query.Prometheus
	history
	data metadata
}

// newWorld starts Prometheus, a gateway and an agent as shipped, and sends the history through them. What is meant for the other
// back-ends stays in the gateway's queues: nothing is sent to them.
func newWorld(t *testing.T) *world {
	t.Helper()
	prometheus := servers.StartPrometheus(t)
	backends := &stack.Backends{
		Elasticsearch: &servers.Elasticsearch{URL: "http://127.0.0.1:1"},
		Prometheus:    prometheus,
		Tempo:         &servers.Tempo{OTLPGRPC: "127.0.0.1:1"},
	}
	gateway := backends.StartGateway(t, "gateway", stack.Options{})
	agent := stack.StartAgent(t, []*stack.Gateway{gateway}, stack.Options{Overlays: []string{"testbed/dashboards/testdata/agent.yaml"}})

	end := time.Now().Truncate(historyStep)
	w := &world{
		Prometheus: query.Prometheus{URL: prometheus.URL},
		history:    history{start: end.Add(-historyLength), end: end, present: map[string]bool{}},
		data:       readMetadata(t),
	}
	w.write(t, agent.OTLPGRPC, w.data)
	w.awaitHistory(t)
	return w
}

// awaitHistory waits until Prometheus has every series that was sent: none lost, and none made one with another by its name.
func (w *world) awaitHistory(t *testing.T) {
	t.Helper()
	const all = `count({__name__=~"hw_.+|(container|process)_gpu_.+|otelcol_receiver_nvml_.+", __name__!~".+_(bucket|sum|count)"})`
	query.Eventually(t, time.Minute, func() error {
		found, err := w.QueryRange(t.Context(), all, w.end, w.end, historyStep)
		if err != nil {
			return err
		}
		if len(found) != 1 || int(found[0].Samples[0].Value) != len(w.present) {
			return fmt.Errorf("%d series were sent, found %v", len(w.present), found)
		}
		return nil
	})
}
