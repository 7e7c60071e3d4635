// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package collector runs the inferwatch binary as a child process with ports and a storage folder of its own.
package collector

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/inferwatch/inferwatch/testbed/internal/child"
	"github.com/inferwatch/inferwatch/testbed/internal/repo"
	"github.com/inferwatch/inferwatch/testbed/ports"
	"github.com/inferwatch/inferwatch/testbed/process"
)

// Config says what to run.
type Config struct {
	Name         string            // what messages call it; inferwatch if empty
	Binary       string            // $INFERWATCH_BIN if empty, and bin/inferwatch of the checkout if that is empty too
	Files        []string          // given as --config in this order; a relative path counts from the checkout's top
	Args         []string          // further arguments
	Env          map[string]string // wins over what is allotted
	Dir          string            // for the log, and for the storage unless Env has INFERWATCH_STORAGE; tb.TempDir() if empty
	ReadyTimeout time.Duration     // 60 s if zero
}

// Collector is an inferwatch: its addresses, and its process while it runs.
type Collector struct {
	*child.Child
	OTLPGRPC   string // host:port
	OTLPHTTP   string // http://host:port
	HealthURL  string
	MetricsURL string // its own metrics as Prometheus text
	ZPagesURL  string
	Storage    string // folder

	tb testing.TB
}

// Start runs a collector until the test ends, and fails the test unless it becomes healthy.
func Start(tb testing.TB, cfg Config) *Collector {
	tb.Helper()
	c, err := TryStart(tb, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TryStart is Start for a collector that may refuse to start: then the error is a *process.ExitError with status and log.
func TryStart(tb testing.TB, cfg Config) (*Collector, error) {
	tb.Helper()
	if cfg.Dir == "" {
		cfg.Dir = tb.TempDir()
	}
	c, err := describe(cfg)
	if err != nil {
		return nil, err
	}
	c.tb = tb
	c.EndWith(tb)
	return c, c.TryStart()
}

// describe allots what cfg leaves open and makes the command line.
func describe(cfg Config) (*Collector, error) {
	root, err := repo.Root()
	if err != nil {
		return nil, err
	}
	env, err := environment(cfg)
	if err != nil {
		return nil, err
	}
	name := cmp.Or(cfg.Name, "inferwatch")
	spec := process.Spec{
		Name:         name,
		Path:         cmp.Or(cfg.Binary, os.Getenv("INFERWATCH_BIN"), filepath.Join(root, "bin", "inferwatch")),
		Dir:          cfg.Dir,
		LogFile:      filepath.Join(cfg.Dir, name+".log"),
		Ready:        process.HTTPReady("http://" + env["INFERWATCH_HEALTH"] + "/"),
		ReadyTimeout: cfg.ReadyTimeout,
	}
	for _, file := range cfg.Files {
		if !filepath.IsAbs(file) {
			file = filepath.Join(root, file)
		}
		spec.Args = append(spec.Args, "--config", file)
	}
	spec.Args = append(spec.Args, cfg.Args...)
	for key, value := range env {
		spec.Env = append(spec.Env, key+"="+value)
	}
	return &Collector{
		Child:      child.New(spec),
		OTLPGRPC:   env["INFERWATCH_OTLP_GRPC"],
		OTLPHTTP:   "http://" + env["INFERWATCH_OTLP_HTTP"],
		HealthURL:  "http://" + env["INFERWATCH_HEALTH"] + "/",
		MetricsURL: fmt.Sprintf("http://%s:%s/metrics", env["INFERWATCH_METRICS_HOST"], env["INFERWATCH_METRICS_PORT"]),
		ZPagesURL:  "http://" + env["INFERWATCH_ZPAGES"],
		Storage:    env["INFERWATCH_STORAGE"],
	}, nil
}

// environment is what the configurations read: cfg.Env, completed by free ports and a storage folder, which is made.
func environment(cfg Config) (map[string]string, error) {
	free, err := ports.Free(5)
	if err != nil {
		return nil, err
	}
	env := map[string]string{
		"INFERWATCH_OTLP_GRPC":    fmt.Sprintf("127.0.0.1:%d", free[0]),
		"INFERWATCH_OTLP_HTTP":    fmt.Sprintf("127.0.0.1:%d", free[1]),
		"INFERWATCH_HEALTH":       fmt.Sprintf("127.0.0.1:%d", free[2]),
		"INFERWATCH_METRICS_HOST": "127.0.0.1",
		"INFERWATCH_METRICS_PORT": fmt.Sprint(free[3]),
		"INFERWATCH_ZPAGES":       fmt.Sprintf("127.0.0.1:%d", free[4]),
		"INFERWATCH_STORAGE":      filepath.Join(cfg.Dir, "storage"),
	}
	for key, value := range cfg.Env {
		env[key] = value
	}
	return env, os.MkdirAll(env["INFERWATCH_STORAGE"], 0o755)
}

// Reload sends SIGHUP: the collector reads its configuration again.
func (c *Collector) Reload() {
	c.Signal(syscall.SIGHUP)
}
