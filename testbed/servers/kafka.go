// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/internal/child"
)

// The session's timeout is how long a broker that was killed and started again waits until its earlier life counts as over.
const kafkaConfig = `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@%[2]s
listeners=PLAINTEXT://%[1]s,CONTROLLER://%[2]s
advertised.listeners=PLAINTEXT://%[1]s
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=%[3]s
num.partitions=1
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=200
broker.session.timeout.ms=1000
`

// Kafka is one broker that is its own controller. Topics are created when they are first used.
type Kafka struct {
	*child.Child
	Broker string // host:port
}

// StartKafka starts a broker that ends with the test.
func StartKafka(tb testing.TB, opts ...Option) *Kafka {
	tb.Helper()
	return startForTest(tb, "kafka", opts, newKafka)
}

func newKafka(ctx context.Context, s setup) (*Kafka, error) {
	if err := s.prepare(ctx, 2); err != nil {
		return nil, err
	}
	java, err := javaProgram()
	if err != nil {
		return nil, err
	}
	data := filepath.Join(s.dir, "data")
	config, err := s.write("server.properties", fmt.Sprintf(kafkaConfig, s.address(0), s.address(1), data))
	if err != nil {
		return nil, err
	}
	args := append(javaArgs(s.built, "256m"), "-cp", filepath.Join(s.built, "lib", "*"))
	if err := formatKafka(ctx, data, config, java, args); err != nil {
		return nil, err
	}
	spec := s.spec(java, "", append(args, "kafka.Kafka", config)...)
	// Its port accepts connections before the broker serves.
	spec.Ready, spec.ReadyText = nil, "Kafka Server started"
	return &Kafka{Child: child.New(spec), Broker: s.address(0)}, nil
}

// formatKafka prepares an empty data folder for a new cluster; a folder that has one is left alone.
func formatKafka(ctx context.Context, data, config, java string, args []string) error {
	_, err := os.Stat(filepath.Join(data, "meta.properties"))
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(data, 0o755); err != nil {
		return err
	}
	args = append(args[:len(args):len(args)], "kafka.tools.StorageTool", "format", "-t", clusterID(), "-c", config)
	return command(ctx, data, nil, java, args...)
}

// clusterID is 16 random bytes as Kafka writes them. Its first character must not be a dash, or it would be taken for an option.
func clusterID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // never fails, by its contract
	return "A" + base64.RawURLEncoding.EncodeToString(id[:])[1:]
}
