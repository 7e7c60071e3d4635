// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package servers runs the real servers that inferwatch delivers to: Elasticsearch, Prometheus, Tempo, Alertmanager, Jaeger and
// Kafka. Each listens on free loopback ports and keeps its data in its own folder, so that it can be stopped, killed and started
// again in the midst of a test. Linux only.
package servers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/ports"
	"github.com/inferwatch/inferwatch/testbed/process"
)

const (
	readyTimeout = 90 * time.Second
	logConfig    = "log4j2.properties"
)

// setup is what a constructor gets: where and how to run one server.
type setup struct {
	name   string
	built  string // the folder that Build returned
	dir    string // for data, configuration and log
	config string // replaces the configuration's text unless empty
	args   []string
	ports  []int // allotted if empty
}

// prepare builds the server, makes its folder and allots n ports.
func (s *setup) prepare(ctx context.Context, n int) error {
	var err error
	if s.built, err = Build(ctx, s.name, os.Stderr); err != nil {
		return err
	}
	if err = os.MkdirAll(s.dir, 0o755); err != nil {
		return err
	}
	more, err := ports.Free(n - len(s.ports))
	s.ports = append(s.ports, more...)
	return err
}

// write puts a file into the server's folder and returns its path.
func (s *setup) write(name, text string) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// address is the loopback address with the i-th port.
func (s *setup) address(i int) string { return fmt.Sprintf("127.0.0.1:%d", s.ports[i]) }

// spec describes the process; ready is a URL that answers 200 once the server serves.
func (s *setup) spec(path, ready string, args ...string) process.Spec {
	return process.Spec{
		Name:         s.name,
		Path:         path,
		Args:         append(args, s.args...),
		Dir:          s.dir,
		LogFile:      filepath.Join(s.dir, s.name+".log"),
		Ready:        process.HTTPReady(ready),
		ReadyTimeout: readyTimeout,
	}
}

// startForTest creates and starts a server that ends with the test.
func startForTest[S interface {
	EndWith(testing.TB)
	Start()
}](tb testing.TB, name string, opts []Option, create func(context.Context, setup) (S, error)) S {
	tb.Helper()
	s := setup{name: name}
	for _, opt := range opts {
		opt(&s)
	}
	if s.dir == "" {
		s.dir = filepath.Join(tb.TempDir(), name)
	}
	made, err := create(tb.Context(), s)
	if err != nil {
		tb.Fatal(err)
	}
	made.EndWith(tb)
	made.Start()
	return made
}
