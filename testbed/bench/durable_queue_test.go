// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/inferwatch/inferwatch/testbed/collector"
	"github.com/inferwatch/inferwatch/testbed/ports"
)

const (
	requests = 2000
	records  = 100 // in a request
	senders  = 4
)

// BenchmarkDurableQueue sends the same records through durable_queue and through the loop of stock parts that does the same work, in
// turn, and reports how much processor time and how much wall time ours takes of theirs (below 1 is better).
func BenchmarkDurableQueue(b *testing.B) {
	free, err := ports.Free(1)
	if err != nil {
		b.Fatal(err)
	}
	env := map[string]string{"BENCH_LOOP": fmt.Sprintf("127.0.0.1:%d", free[0])}
	var ours, theirs cost
	for b.Loop() {
		ours = ours.plus(measure(b, "durable_queue", env))
		theirs = theirs.plus(measure(b, "otlp_grpc/loop", env))
	}
	b.ReportMetric(ours.cpu.Seconds()/theirs.cpu.Seconds(), "cpu-ratio")
	b.ReportMetric(ours.wall.Seconds()/theirs.wall.Seconds(), "wall-ratio")
}

type cost struct{ cpu, wall time.Duration }

func (c cost) plus(d cost) cost { return cost{c.cpu + d.cpu, c.wall + d.wall} }

// configs are the two sides, by the queue that counts what it has delivered.
var configs = map[string]string{"durable_queue": "testdata/durable_queue.yaml", "otlp_grpc/loop": "testdata/otlp_loop.yaml"}

// measure starts a collector, sends everything, waits until the queue has delivered it, and returns what that took.
func measure(b *testing.B, queue string, env map[string]string) cost {
	b.Helper()
	c := collector.Start(b, collector.Config{Files: absolute(b, "testdata/base.yaml", configs[queue]), Env: env, Dir: b.TempDir()})
	defer c.Stop()
	before, started := cpuTime(b, c.Pid()), time.Now()
	send(b, c.OTLPGRPC)
	c.WaitMetric(2*time.Minute, "otelcol_exporter_sent_log_records", map[string]string{"exporter": queue},
		func(sent float64) bool { return sent == requests*records })
	return cost{cpu: cpuTime(b, c.Pid()) - before, wall: time.Since(started)}
}

func absolute(b *testing.B, files ...string) []string {
	b.Helper()
	dir, err := os.Getwd()
	if err != nil {
		b.Fatal(err)
	}
	for i := range files {
		files[i] = dir + "/" + files[i]
	}
	return files
}

// send sends all requests, several at a time, and waits for each acknowledgement.
func send(b *testing.B, endpoint string) {
	b.Helper()
	conn, err := grpc.NewClient(endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	client, request := plogotlp.NewGRPCClient(conn), plogotlp.NewExportRequestFromLogs(logs())
	failures := make(chan error, senders)
	for range senders {
		go func() {
			var err error
			for i := 0; i < requests/senders && err == nil; i++ {
				_, err = client.Export(context.Background(), request)
			}
			failures <- err
		}()
	}
	for range senders {
		if err := <-failures; err != nil {
			b.Fatal(err)
		}
	}
}

// logs is one request: records as an LLM API writes them.
func logs() plog.Logs {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "bench")
	sl := rl.ScopeLogs().AppendEmpty()
	for i := range records {
		record := sl.LogRecords().AppendEmpty()
		record.Body().SetStr("chat completed")
		record.Attributes().PutStr("http.request.id", fmt.Sprintf("8a6b0804-52d0-4104-8dc1-%012d", i))
		record.Attributes().PutStr("gen_ai.request.model", "demo-small")
		record.Attributes().PutInt("http.response.status_code", 200)
		record.Attributes().PutDouble("duration", 1.25)
	}
	return ld
}

// cpuTime is what the process has used up to now, user and system, from /proc/PID/stat in ticks of 10 ms.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	// The name, in parentheses, may hold anything; utime and stime are the 12th and 13th fields after it.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
