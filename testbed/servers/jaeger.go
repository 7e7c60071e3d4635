// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/internal/child"
)

// Jaeger is Jaeger's all-in-one with Badger as its storage, so that traces outlive a Stop.
type Jaeger struct {
	*child.Child
	URL      string // the query API and page
	OTLPGRPC string // host:port
	OTLPHTTP string // http://host:port
}

// StartJaeger starts a Jaeger that ends with the test.
func StartJaeger(tb testing.TB, opts ...Option) *Jaeger {
	tb.Helper()
	return startForTest(tb, "jaeger", opts, newJaeger)
}

func newJaeger(ctx context.Context, s setup) (*Jaeger, error) {
	if err := s.prepare(ctx, 7); err != nil {
		return nil, err
	}
	spec := s.spec(filepath.Join(s.built, "all-in-one"), "http://"+s.address(3)+"/",
		"--query.http-server.host-port="+s.address(0),
		"--collector.otlp.grpc.host-port="+s.address(1),
		"--collector.otlp.http.host-port="+s.address(2),
		"--admin.http.host-port="+s.address(3),
		"--query.grpc-server.host-port="+s.address(4),
		"--collector.grpc-server.host-port="+s.address(5),
		"--collector.http-server.host-port="+s.address(6),
		"--badger.ephemeral=false",
		"--badger.directory-key="+filepath.Join(s.dir, "data", "keys"),
		"--badger.directory-value="+filepath.Join(s.dir, "data", "values"),
	)
	// Its own traces it would send to port 4317, whoever listens there, and wait for 10 s at its end if nobody does.
	spec.Env = []string{"SPAN_STORAGE_TYPE=badger", "OTEL_TRACES_SAMPLER=always_off"}
	return &Jaeger{
		Child:    child.New(spec),
		URL:      "http://" + s.address(0),
		OTLPGRPC: s.address(1),
		OTLPHTTP: "http://" + s.address(2),
	}, nil
}
