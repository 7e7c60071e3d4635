// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package stack puts the tiers together as a team would run them: the three back-ends, gateways that deliver to them, and an
// agent before the gateways, each inferwatch with the configuration that the repository ships.
package stack

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/internal/repo"
	"github.com/inferwatch/inferwatch/testbed/query"
	"github.com/inferwatch/inferwatch/testbed/servers"
)

// Backends are the three servers that a gateway delivers to.
type Backends struct {
	Elasticsearch *servers.Elasticsearch
	Prometheus    *servers.Prometheus
	Tempo         *servers.Tempo
}

// StartBackends starts all three, empty; Elasticsearch has no templates yet.
func StartBackends(tb testing.TB) *Backends {
	tb.Helper()
	return &Backends{
		Elasticsearch: servers.StartElasticsearch(tb),
		Prometheus:    servers.StartPrometheus(tb),
		Tempo:         servers.StartTempo(tb),
	}
}

// InstallTemplates runs `inferwatchctl es install`, as an operator would.
func (b *Backends) InstallTemplates(tb testing.TB) {
	tb.Helper()
	if out, err := Ctl(tb, "es", "install", "--url", b.Elasticsearch.URL, "--replicas", "0"); err != nil {
		tb.Fatalf("inferwatchctl es install: %v\n%s", err, out)
	}
}

// Ctl runs inferwatchctl and returns what it printed.
func Ctl(tb testing.TB, args ...string) (string, error) {
	tb.Helper()
	root, err := repo.Root()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := exec.CommandContext(tb.Context(), filepath.Join(root, "bin", "inferwatchctl"), args...).CombinedOutput()
	return string(out), err
}

// InElasticsearch asks Elasticsearch.
func (b *Backends) InElasticsearch() query.Elasticsearch {
	return query.Elasticsearch{URL: b.Elasticsearch.URL}
}

// InPrometheus asks Prometheus.
func (b *Backends) InPrometheus() query.Prometheus { return query.Prometheus{URL: b.Prometheus.URL} }

// InTempo asks Tempo.
func (b *Backends) InTempo() query.Tempo { return query.Tempo{URL: b.Tempo.URL} }

// env is what a gateway's configuration reads to find the back-ends.
func (b *Backends) env() map[string]string {
	return map[string]string{
		"INFERWATCH_ELASTICSEARCH_URL": b.Elasticsearch.URL,
		"INFERWATCH_REMOTE_WRITE_URL":  b.Prometheus.RemoteWriteURL(),
		"INFERWATCH_TEMPO_ENDPOINT":    fmt.Sprint(b.Tempo.OTLPGRPC),
	}
}
