// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/inferwatch/inferwatch/testbed/internal/repo"
)

// metadata is what metadata.yaml says of the receiver's metrics, and of those about itself.
type metadata struct {
	Attributes map[string]struct{ Enum []string }
	Metrics    map[string]metric
	Telemetry  struct{ Metrics map[string]metric }
}

// metric is one metric of metadata.yaml; exactly one of Sum, Gauge and Histogram is set.
type metric struct {
	Enabled    bool
	Unit       string
	Attributes []string
	Sum        *struct{ Monotonic bool }
	Gauge      *struct{}
	Histogram  *struct {
		Boundaries []float64 `yaml:"bucket_boundaries"`
	}
}

func (m metric) counter() bool { return m.Sum != nil && m.Sum.Monotonic }

func readMetadata(t *testing.T) metadata {
	t.Helper()
	var found metadata
	if err := yaml.Unmarshal(readFile(t, "receiver/nvmlreceiver/metadata.yaml"), &found); err != nil {
		t.Fatal(err)
	}
	if len(found.Metrics) == 0 || len(found.Telemetry.Metrics) == 0 {
		t.Fatal("receiver/nvmlreceiver/metadata.yaml names no metrics")
	}
	return found
}

// promName is how a metric of an attribute's or metric's name is called in Prometheus, up to the suffixes for unit and kind.
func promName(name string) string { return strings.ReplaceAll(name, ".", "_") }

// readFile reads a file of the checkout.
func readFile(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), path))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func root(t *testing.T) string {
	t.Helper()
	found, err := repo.Root()
	if err != nil {
		t.Fatal(err)
	}
	return found
}
