// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/internal/child"
)

// Elasticsearch is a single node without security, ingest processors and scripts: those modules are not published as libraries.
type Elasticsearch struct {
	*child.Child
	URL string
}

// StartElasticsearch starts a node that ends with the test.
func StartElasticsearch(tb testing.TB, opts ...Option) *Elasticsearch {
	tb.Helper()
	return startForTest(tb, "elasticsearch", opts, newElasticsearch)
}

func newElasticsearch(ctx context.Context, s setup) (*Elasticsearch, error) {
	if err := s.prepare(ctx, 2); err != nil {
		return nil, err
	}
	java, err := javaProgram()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(s.dir, "config")
	if err := os.MkdirAll(config, 0o755); err != nil {
		return nil, err
	}
	url := "http://" + s.address(0)
	args := append(javaArgs(s.built, "512m"),
		"-cp", filepath.Join(s.built, "launcher")+":"+filepath.Join(s.built, "server", "*"),
		"inferwatch.testbed.elasticsearch.Launcher", config,
		"path.home="+filepath.Join(s.built, "home"),
		"path.data="+filepath.Join(s.dir, "data"),
		"path.logs="+filepath.Join(s.dir, "logs"),
		"cluster.name=testbed",
		"node.name=testbed",
		"discovery.type=single-node",
		"network.host=127.0.0.1",
		fmt.Sprintf("http.port=%d", s.ports[0]),
		fmt.Sprintf("transport.port=%d", s.ports[1]),
		// A test machine's full disk is no reason to refuse documents.
		"cluster.routing.allocation.disk.threshold_enabled=false",
	)
	// Yellow: every primary shard serves. Replicas have no second node to live on.
	ready := url + "/_cluster/health?wait_for_status=yellow&timeout=1s"
	return &Elasticsearch{Child: child.New(s.spec(java, ready, args...)), URL: url}, nil
}
