// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"cmp"
	"context"
	"path/filepath"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/internal/child"
)

// The window lets samples in that waited out an outage in a queue while newer ones of their series were written.
const prometheusConfig = `global:
  scrape_interval: 5s
  scrape_native_histograms: true
storage:
  tsdb:
    out_of_order_time_window: 30m
`

// Prometheus takes remote write, exemplars, native histograms and samples that are up to 30 min late.
type Prometheus struct {
	*child.Child
	URL string
}

// StartPrometheus starts a Prometheus that ends with the test.
func StartPrometheus(tb testing.TB, opts ...Option) *Prometheus {
	tb.Helper()
	return startForTest(tb, "prometheus", opts, newPrometheus)
}

// RemoteWriteURL is where remote write goes.
func (p *Prometheus) RemoteWriteURL() string { return p.URL + "/api/v1/write" }

func newPrometheus(ctx context.Context, s setup) (*Prometheus, error) {
	if err := s.prepare(ctx, 1); err != nil {
		return nil, err
	}
	config, err := s.write("prometheus.yml", cmp.Or(s.config, prometheusConfig))
	if err != nil {
		return nil, err
	}
	url := "http://" + s.address(0)
	return &Prometheus{
		Child: child.New(s.spec(filepath.Join(s.built, "prometheus"), url+"/-/ready",
			"--config.file="+config,
			"--storage.tsdb.path="+filepath.Join(s.dir, "data"),
			"--web.listen-address="+s.address(0),
			"--web.enable-remote-write-receiver",
			"--web.enable-lifecycle",
			"--enable-feature=exemplar-storage",
		)),
		URL: url,
	}, nil
}
