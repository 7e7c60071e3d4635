// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"testing"
	"time"
)

// disaster is one case: harm does it and puts it right again.
type disaster struct {
	name  string
	short bool // also in the short form, for CI
	harm  func(t *testing.T, s *system)
}

// stoppable is a server or a collector.
type stoppable interface {
	Start()
	Stop()
	Kill()
	Pause()
	Resume()
}

// stopped, killed and frozen are the three ways to be away for a while.
func stopped(who func(*system) stoppable, meanwhile ...func(*testing.T, *system)) func(*testing.T, *system) {
	return away(who, stoppable.Stop, stoppable.Start, meanwhile)
}

func killed(who func(*system) stoppable, meanwhile ...func(*testing.T, *system)) func(*testing.T, *system) {
	return away(who, stoppable.Kill, stoppable.Start, meanwhile)
}

func frozen(who func(*system) stoppable) func(*testing.T, *system) {
	return away(who, stoppable.Pause, stoppable.Resume, nil)
}

func away(who func(*system) stoppable, leave, comeBack func(stoppable), meanwhile []func(*testing.T, *system)) func(*testing.T, *system) {
	return func(t *testing.T, s *system) {
		leave(who(s))
		for _, harm := range meanwhile {
			time.Sleep(s.timing.down / time.Duration(len(meanwhile)+1))
			harm(t, s)
		}
		time.Sleep(s.timing.down / time.Duration(len(meanwhile)+1))
		comeBack(who(s))
	}
}

// restarted is stopped or killed and started again at once.
func restarted(leave func(stoppable), who func(*system) stoppable) func(*testing.T, *system) {
	return func(_ *testing.T, s *system) {
		leave(who(s))
		who(s).Start()
	}
}

func elasticsearch(s *system) stoppable { return s.backends.Elasticsearch }
func prometheus(s *system) stoppable    { return s.backends.Prometheus }
func tempo(s *system) stoppable         { return s.backends.Tempo }
func agent(s *system) stoppable         { return s.agent }
func gateway(s *system) stoppable       { return s.gateways[0] }
func broker(s *system) stoppable        { return s.kafka }

// everyBackEnd is the three back-ends as one.
type everyBackEnd []stoppable

func (e everyBackEnd) each(do func(stoppable)) {
	for _, s := range e {
		do(s)
	}
}
func (e everyBackEnd) Start()  { e.each(stoppable.Start) }
func (e everyBackEnd) Stop()   { e.each(stoppable.Stop) }
func (e everyBackEnd) Kill()   { e.each(stoppable.Kill) }
func (e everyBackEnd) Pause()  { e.each(stoppable.Pause) }
func (e everyBackEnd) Resume() { e.each(stoppable.Resume) }

func everything(s *system) stoppable {
	return everyBackEnd{s.backends.Elasticsearch, s.backends.Prometheus, s.backends.Tempo}
}

// direct are the cases with agents that send to the gateways.
func direct() []disaster {
	return []disaster{
		{name: "Elasticsearch stopped", short: true, harm: stopped(elasticsearch)},
		{name: "Prometheus stopped", short: true, harm: stopped(prometheus)},
		{name: "Tempo stopped", short: true, harm: stopped(tempo)},
		{name: "Elasticsearch frozen", harm: frozen(elasticsearch)},
		{name: "Prometheus frozen", harm: frozen(prometheus)},
		{name: "Tempo frozen", harm: frozen(tempo)},
		{name: "agent SIGKILL, restarted", short: true, harm: restarted(stoppable.Kill, agent)},
		{name: "agent SIGTERM, restarted", harm: restarted(stoppable.Stop, agent)},
		{name: "gateway SIGKILL, away", short: true, harm: killed(gateway)},
		{name: "gateway SIGTERM, away", harm: stopped(gateway)},
		{name: "all back-ends stopped; gateway and agent SIGKILL, restarted", short: true, harm: stopped(everything,
			restarted(stoppable.Kill, gateway), restarted(stoppable.Kill, agent))},
		{name: "all back-ends stopped; gateway and agent SIGTERM, restarted", harm: stopped(everything,
			restarted(stoppable.Stop, gateway), restarted(stoppable.Stop, agent))},
		{name: "gateway lost, its volume served by a replacement", harm: replaced},
		// Last: it leaves one gateway.
		{name: "gateway taken out of the list, drained, stopped", short: true, harm: takenAway},
	}
}

// withKafka are the cases with a broker between agents and gateways.
func withKafka() []disaster {
	return []disaster{
		{name: "Kafka broker stopped", short: true, harm: stopped(broker)},
		{name: "Kafka broker SIGKILL", harm: killed(broker)},
		{name: "Kafka, Elasticsearch stopped", harm: stopped(elasticsearch)},
		{name: "Kafka, gateway SIGKILL, away", short: true, harm: killed(gateway)},
		{name: "Kafka broker stopped; gateway and agent SIGKILL, restarted", harm: stopped(broker,
			restarted(stoppable.Kill, gateway), restarted(stoppable.Kill, agent))},
	}
}

// takenAway removes a gateway as an operator would: out of the agents' list first, then, when its queues are empty, stopped.
func takenAway(t *testing.T, s *system) {
	leaving := s.gateways[1]
	s.agent.UseGateways(t, s.gateways[:1])
	time.Sleep(s.timing.down)
	leaving.WaitMetric(s.timing.patience, "otelcol_exporter_queue_size", nil, func(size float64) bool { return size == 0 })
	leaving.Stop()
	s.gateways = s.gateways[:1]
}

// replaced kills a gateway for good; agents turn to the other one, and a new process takes over the volume and what is queued there.
func replaced(t *testing.T, s *system) {
	lost := s.gateways[1]
	lost.Kill()
	s.agent.UseGateways(t, s.gateways[:1])
	time.Sleep(s.timing.down)
	lost.Start()
	s.agent.UseGateways(t, s.gateways)
}
