// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/inferwatch/inferwatch/testbed/internal/child"
	"github.com/inferwatch/inferwatch/testbed/ports"
)

// UpConfig says where Up puts the servers.
type UpConfig struct {
	Dir           string // data, configuration and logs; what is there from an earlier run is used again
	Elasticsearch int    // the HTTP port
	Prometheus    int    // the HTTP port
	Tempo         int    // the HTTP port
	TempoOTLP     int    // the OTLP gRPC port
}

// Up runs Elasticsearch, Prometheus and Tempo outside of a test until ctx ends, and prints where they are.
func Up(ctx context.Context, cfg UpConfig, out io.Writer) error {
	in := func(name string, fixed ...int) setup {
		return setup{name: name, dir: filepath.Join(cfg.Dir, name), ports: fixed}
	}
	elasticsearch, err := newElasticsearch(ctx, in("elasticsearch", cfg.Elasticsearch))
	if err != nil {
		return err
	}
	prometheus, err := newPrometheus(ctx, in("prometheus", cfg.Prometheus))
	if err != nil {
		return err
	}
	internal, err := ports.Free(1)
	if err != nil {
		return err
	}
	tempo, err := newTempo(ctx, in("tempo", cfg.Tempo, internal[0], cfg.TempoOTLP))
	if err != nil {
		return err
	}
	all := []*child.Child{elasticsearch.Child, prometheus.Child, tempo.Child}
	for _, one := range all {
		fmt.Fprintf(out, "starting %s\n", one.Name())
		if err := one.StartContext(ctx); err != nil {
			return errors.Join(err, stopAll(all))
		}
	}
	fmt.Fprintf(out, `
Elasticsearch  %s  (pid %d)
Prometheus     %s  (pid %d), remote write to %s
Tempo          %s  (pid %d), OTLP gRPC to %s
Data and logs are in %s. Ctrl-C stops them.
`, elasticsearch.URL, elasticsearch.Pid(), prometheus.URL, prometheus.Pid(), prometheus.RemoteWriteURL(),
		tempo.URL, tempo.Pid(), tempo.OTLPGRPC, cfg.Dir)
	<-ctx.Done()
	fmt.Fprintln(out, "stopping")
	return stopAll(all)
}

func stopAll(all []*child.Child) error {
	var errs []error
	for _, one := range all {
		errs = append(errs, one.TryStop())
	}
	return errors.Join(errs...)
}
