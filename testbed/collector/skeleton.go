// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package collector

import (
	"testing"
	"time"
)

type Config struct {
	Name         string            // default "inferwatch"
	Binary       string            // default $INFERWATCH_BIN, else <repo>/bin/inferwatch
	Files        []string          // --config, in order; relative ones are looked up from the repository's root
	Args         []string          // further arguments
	Env          map[string]string // wins over what Start allots
	Dir          string            // default tb.TempDir(): log and storage
	ReadyTimeout time.Duration     // default 60 s
}

// Collector is a running inferwatch.
type Collector struct {
	OTLPGRPC   string // host:port
	OTLPHTTP   string // http://host:port
	HealthURL  string
	MetricsURL string // http://host:port/metrics
	ZPagesURL  string
	Storage    string
}

// Start fails the test if the collector does not become healthy.
func Start(tb testing.TB, cfg Config) *Collector { panic("x") }

// TryStart returns the error instead: errors.As to *process.ExitError{Code, Log} for one that ended.
func TryStart(tb testing.TB, cfg Config) (*Collector, error) { panic("x") }
func (c *Collector) Stop()                                   { panic("x") }
func (c *Collector) Kill()                                   { panic("x") }
func (c *Collector) Start()                                  { panic("x") }
func (c *Collector) TryStart() error                         { panic("x") }
func (c *Collector) Reload()                                 { panic("x") }
func (c *Collector) Pause()                                  { panic("x") }
func (c *Collector) Resume()                                 { panic("x") }
func (c *Collector) Pid() int                                { panic("x") }
func (c *Collector) Exited() <-chan struct{}                 { panic("x") }

// Log is everything that all starts of this collector wrote.
func (c *Collector) Log() string { panic("x") }

// Metric sums the series of the collector's own metrics that have these labels; false: none, or not reachable.
func (c *Collector) Metric(name string, labels map[string]string) (float64, bool) { panic("x") }

// WaitMetric waits until want accepts the metric's value, and fails the test after timeout.
func (c *Collector) WaitMetric(timeout time.Duration, name string, labels map[string]string, want func(float64) bool) float64 {
	panic("x")
}
