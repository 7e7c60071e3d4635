// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package outage shows that nothing which was acknowledged is lost: an agent and two gateways under a steady load of numbered
// items, while back-ends, gateways and the agent are stopped, killed, frozen and taken away. Every item is counted.
package outage

import (
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/load"
	"github.com/inferwatch/inferwatch/testbed/servers"
	"github.com/inferwatch/inferwatch/testbed/stack"
)

// timing is how much load there is and how long the parts of a case last.
type timing struct {
	rate                int // items a second, for each signal
	before, down, after time.Duration
	patience            time.Duration // for what is queued to arrive, afterwards
}

// system is what the cases do their harm to.
type system struct {
	timing   timing
	began    time.Time
	backends *stack.Backends
	gateways []*stack.Gateway
	agent    *stack.Agent
	kafka    *servers.Kafka // nil where agents send to the gateways directly
}

func startSystem(t *testing.T, timing timing, withKafka bool) *system {
	s := &system{timing: timing, began: time.Now(), backends: stack.StartBackends(t)}
	s.backends.InstallTemplates(t)
	var gateway, agent stack.Options
	if withKafka {
		s.kafka = servers.StartKafka(t)
		env := map[string]string{"INFERWATCH_KAFKA_BROKERS": "[" + s.kafka.Broker + "]"}
		gateway = stack.Options{Overlays: []string{"configs/kafka/gateway.yaml"}, Env: env}
		agent = stack.Options{Overlays: []string{"configs/kafka/agent.yaml"}, Env: env}
	}
	for _, name := range []string{"gateway-1", "gateway-2"} {
		s.gateways = append(s.gateways, s.backends.StartGateway(t, name, gateway))
	}
	s.agent = stack.StartAgent(t, s.gateways, agent)
	return s
}

// run puts load on the system, lets the case do its harm, and counts. It returns a row for each delivery.
func (s *system) run(t *testing.T, c disaster) []row {
	generators := map[load.Signal]*load.Generator{}
	for _, signal := range []load.Signal{load.Logs, load.Traces, load.Metrics} {
		g, err := load.New(load.Config{Signal: signal, Endpoint: s.agent.OTLPGRPC, Rate: s.timing.rate})
		if err != nil {
			t.Fatal(err)
		}
		generators[signal] = g
		g.Start(t.Context())
	}
	time.Sleep(s.timing.before)
	t.Logf("%s: harm for %v", c.name, s.timing.down)
	c.harm(t, s)
	time.Sleep(s.timing.after)

	results := map[load.Signal]load.Result{}
	for signal, g := range generators {
		results[signal] = g.Stop(30 * time.Second)
	}
	var rows []row
	for _, d := range s.deliveries() {
		rows = append(rows, await(t, c.name, d, results[d.signal], generators[d.signal].Run(), s.timing.patience))
	}
	return rows
}
