// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package stack

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/collector"
	"github.com/inferwatch/inferwatch/testbed/ports"
)

// Gateway is a gateway and the address where agents reach it.
type Gateway struct {
	*collector.Collector
	AgentsGRPC string // host:port
}

// Options are what a test changes of a tier as shipped.
type Options struct {
	Overlays []string          // further --config files, from the repository's top or absolute
	Env      map[string]string // wins over what the stack sets
}

// StartGateway runs configs/gateway.yaml before the back-ends.
func (b *Backends) StartGateway(tb testing.TB, name string, opts Options) *Gateway {
	tb.Helper()
	free, err := ports.Free(1)
	if err != nil {
		tb.Fatal(err)
	}
	g := &Gateway{AgentsGRPC: fmt.Sprintf("127.0.0.1:%d", free[0])}
	env := b.env()
	env["INFERWATCH_AGENTS_GRPC"] = g.AgentsGRPC
	env["INFERWATCH_INSTANCE"] = name
	maps.Copy(env, opts.Env)
	g.Collector = collector.Start(tb, collector.Config{
		Name:  name,
		Files: append([]string{"configs/gateway.yaml"}, opts.Overlays...),
		Env:   env,
	})
	return g
}

// Agent is an agent whose list of gateways can change while it runs.
type Agent struct {
	*collector.Collector
	LogDir string // *.log in here is read

	list string // the file with the gateways
}

// StartAgent runs configs/agent.yaml before the gateways.
func StartAgent(tb testing.TB, gateways []*Gateway, opts Options) *Agent {
	tb.Helper()
	dir := tb.TempDir()
	a := &Agent{LogDir: filepath.Join(dir, "logs"), list: filepath.Join(dir, "gateways.yaml")}
	if err := os.MkdirAll(a.LogDir, 0o755); err != nil {
		tb.Fatal(err)
	}
	a.write(tb, gateways)
	env := map[string]string{
		"INFERWATCH_INSTANCE":         "agent",
		"INFERWATCH_LOG_FILES":        fmt.Sprintf("[%s/*.log]", a.LogDir),
		"INFERWATCH_SYSTEM_LOG_FILES": fmt.Sprintf("[%s/system/*]", a.LogDir),
	}
	maps.Copy(env, opts.Env)
	a.Collector = collector.Start(tb, collector.Config{
		Name:  "agent",
		Dir:   dir,
		Files: append([]string{"configs/agent.yaml", a.list}, opts.Overlays...),
		Env:   env,
	})
	return a
}

// UseGateways changes the list of gateways and makes the agent read it, as `systemctl reload` does.
func (a *Agent) UseGateways(tb testing.TB, gateways []*Gateway) {
	tb.Helper()
	a.write(tb, gateways)
	a.Reload()
}

// write makes the overlay that names the gateways for all three signals.
func (a *Agent) write(tb testing.TB, gateways []*Gateway) {
	tb.Helper()
	addresses := make([]string, len(gateways))
	for i, g := range gateways {
		addresses[i] = g.AgentsGRPC
	}
	list := fmt.Sprintf("{resolver: {static: {hostnames: [%s]}}}", strings.Join(addresses, ", "))
	text := fmt.Sprintf("exporters:\n  load_balancing: %s\n  load_balancing/metrics: %s\n", list, list)
	if err := os.WriteFile(a.list, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}
