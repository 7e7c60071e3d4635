// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/internal/child"
)

// Spans go from memory to the write-ahead log, where searches and a killed Tempo's next start find them, after a second instead of
// up to 15. That makes the log many small files, which lookups read one by one, so it becomes a block with an index every 10 s.
// A lone process has nobody to wait for when it joins or leaves: 0 s instead of 15 s until it is ready.
const tempoConfig = `server:
  http_listen_address: 127.0.0.1
  http_listen_port: %[1]d
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: %[2]d
distributor:
  ring: {kvstore: {store: inmemory}}
  receivers:
    otlp:
      protocols:
        grpc: {endpoint: "127.0.0.1:%[3]d"}
        http: {endpoint: "127.0.0.1:%[4]d"}
ingester:
  flush_check_period: 500ms
  trace_idle_period: 500ms
  trace_live_period: 1s
  max_block_duration: 10s
  lifecycler:
    address: 127.0.0.1
    ring: {kvstore: {store: inmemory}, replication_factor: 1}
    min_ready_duration: 0s
    final_sleep: 0s
memberlist:
  bind_addr: [127.0.0.1]
  bind_port: %[5]d
storage:
  trace:
    backend: local
    wal: {path: %[6]q}
    local: {path: %[7]q}
usage_report: {reporting_enabled: false}
`

// Tempo is a Tempo with all its parts in one process. Leave start and end out when you search for what was just sent.
type Tempo struct {
	*child.Child
	URL      string
	OTLPGRPC string // host:port
	OTLPHTTP string // http://host:port
}

// StartTempo starts a Tempo that ends with the test.
func StartTempo(tb testing.TB, opts ...Option) *Tempo {
	tb.Helper()
	return startForTest(tb, "tempo", opts, newTempo)
}

func newTempo(ctx context.Context, s setup) (*Tempo, error) {
	if err := s.prepare(ctx, 5); err != nil {
		return nil, err
	}
	config, err := s.write("tempo.yaml", fmt.Sprintf(tempoConfig, s.ports[0], s.ports[1], s.ports[2], s.ports[3], s.ports[4],
		filepath.Join(s.dir, "data", "wal"), filepath.Join(s.dir, "data", "blocks")))
	if err != nil {
		return nil, err
	}
	url := "http://" + s.address(0)
	spec := s.spec(filepath.Join(s.built, "tempo"), url+"/ready", "-config.file="+config)
	// Tempo 2.9 never ends when it was asked a query in the last 30 s: its query-frontend waits until its queues are taken away, by
	// a timer that it has stopped already. Spans are safe once the ingester has stopped.
	spec.LastWords = `msg="module stopped" module=ingester`
	return &Tempo{
		Child:    child.New(spec),
		URL:      url,
		OTLPGRPC: s.address(2),
		OTLPHTTP: "http://" + s.address(3),
	}, nil
}
