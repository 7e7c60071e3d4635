// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/inferwatch/inferwatch/testbed/load"
	"github.com/inferwatch/inferwatch/testbed/query"
	"github.com/inferwatch/inferwatch/testbed/servers"
)

const patience = 20 * time.Second

// server is what all servers can do.
type server interface {
	Name() string
	Pid() int
	Start()
	Stop()
	Kill()
}

// checkLives checks that found finds what the test wrote: now, after a Stop and a Start, and after a Kill.
func checkLives(t *testing.T, s server, found func() error) {
	t.Helper()
	query.Eventually(t, patience, found)
	t.Logf("%s: %d MB", s.Name(), residentMegabytes(t, s.Pid()))
	checkLoopback(t, s.Pid())

	stopping := time.Now()
	s.Stop()
	stopped := time.Now()
	assert.Zero(t, s.Pid())
	require.Error(t, found(), "a stopped server answers")

	starting := time.Now()
	s.Start()
	t.Logf("%s: stopped in %.2f s, started again in %.2f s", s.Name(), stopped.Sub(stopping).Seconds(), time.Since(starting).Seconds())
	query.Eventually(t, patience, found)

	s.Kill()
	starting = time.Now()
	s.Start()
	t.Logf("%s: started after a kill in %.2f s", s.Name(), time.Since(starting).Seconds())
	query.Eventually(t, patience, found)
}

func TestElasticsearch(t *testing.T) {
	started := time.Now()
	node := servers.StartElasticsearch(t)
	t.Logf("started in %.2f s", time.Since(started).Seconds())
	es := query.Elasticsearch{URL: node.URL}

	var root struct {
		Version struct{ Number string }
	}
	require.NoError(t, es.Do(t.Context(), http.MethodGet, "/", nil, &root))
	assert.Regexp(t, `^8\.`, root.Version.Number)

	template := map[string]any{
		"index_patterns": []string{"logs-*"},
		"data_stream":    map[string]any{},
		"template":       map[string]any{"settings": map[string]any{"number_of_replicas": 0}},
	}
	require.NoError(t, es.Do(t.Context(), http.MethodPut, "_index_template/logs", template, nil))
	document := map[string]any{"@timestamp": "2026-01-01T00:00:00Z", "attributes": map[string]any{"http.request.id": "item-run-7"}}
	require.NoError(t, es.Do(t.Context(), http.MethodPost, "logs-a.otel-default/_doc?refresh=true", document, nil))

	checkLives(t, node, func() error {
		numbers, err := es.ItemNumbers(t.Context(), "logs-*", "run")
		return expect(map[int]int{7: 1}, numbers, err)
	})
}

func TestElasticsearchDataStreams(t *testing.T) {
	es := query.Elasticsearch{URL: servers.StartElasticsearch(t).URL}
	do := func(method, path string, body any) error { return es.Do(t.Context(), method, path, body, nil) }
	names := func(pattern string) (found []string) {
		var answer struct {
			DataStreams []struct{ Name, Template string } `json:"data_streams"`
		}
		require.NoError(t, es.Do(t.Context(), http.MethodGet, "_data_stream/"+pattern, nil, &answer))
		for _, stream := range answer.DataStreams {
			assert.Equal(t, "t", stream.Template)
			found = append(found, stream.Name)
		}
		return found
	}
	require.NoError(t, do(http.MethodPut, "_index_template/t", map[string]any{
		"index_patterns": []string{"s-*"}, "data_stream": map[string]any{},
	}))
	require.NoError(t, do(http.MethodPut, "_data_stream/s-a", nil))
	require.NoError(t, do(http.MethodPut, "_data_stream/s-b", nil))
	require.ErrorContains(t, do(http.MethodPut, "_data_stream/s-a", nil), "already exists")
	assert.Equal(t, []string{"s-a", "s-b"}, names("s-*"))
	require.NoError(t, do(http.MethodDelete, "_data_stream/s-a", nil))
	assert.Equal(t, []string{"s-b"}, names("*"))
	assert.Empty(t, names("none-*"))
	require.ErrorIs(t, do(http.MethodGet, "_data_stream/s-a", nil), query.ErrNotFound)
	require.ErrorIs(t, do(http.MethodDelete, "_data_stream/s-a", nil), query.ErrNotFound)
	require.NoError(t, do(http.MethodDelete, "_data_stream/none-*", nil))

	// Without a template a document that asks for a stream is refused, as by an Elasticsearch whose templates are missing.
	document := map[string]any{"@timestamp": "2026-01-01T00:00:00Z"}
	require.ErrorContains(t, do(http.MethodPost, "x-y/_create/1?require_data_stream=true", document), "index_not_found_exception")
}

func TestPrometheus(t *testing.T) {
	started := time.Now()
	server := servers.StartPrometheus(t)
	t.Logf("started in %.2f s", time.Since(started).Seconds())
	prometheus := query.Prometheus{URL: server.URL}

	now := time.Now()
	remoteWrite(t, server.RemoteWriteURL(), now, 2)
	remoteWrite(t, server.RemoteWriteURL(), now.Add(-20*time.Minute), 1) // within the window for late samples

	checkLives(t, server, func() error {
		numbers, err := prometheus.ItemNumbers(t.Context(), "run", now.Add(-time.Hour), now.Add(time.Second))
		if err := expect(map[int]int{1: 1, 2: 1}, numbers, err); err != nil {
			return err
		}
		exemplars, err := prometheus.Exemplars(t.Context(), `testbed_item{run="run"}`, now.Add(-time.Minute), now.Add(time.Minute))
		if err != nil {
			return err
		}
		if len(exemplars) != 1 || exemplars[0].Labels["trace_id"] != "abc" || exemplars[0].Value != 2 {
			return fmt.Errorf("exemplars are %v", exemplars)
		}
		return nil
	})
	values, err := prometheus.Query(t.Context(), "count(testbed_item) + 1")
	require.NoError(t, err)
	require.Len(t, values, 1)
	assert.Equal(t, 2.0, values[0].Samples[0].Value)
	steps, err := prometheus.QueryRange(t.Context(), "vector(1)", now.Add(-time.Minute), now, 30*time.Second)
	require.NoError(t, err)
	assert.Len(t, steps[0].Samples, 3)
}

func TestTempo(t *testing.T) {
	started := time.Now()
	server := servers.StartTempo(t)
	t.Logf("started in %.2f s", time.Since(started).Seconds())
	tempo := query.Tempo{URL: server.URL}
	run := sendTraces(t, load.GRPC, server.OTLPGRPC)
	overHTTP := sendTraces(t, load.HTTP, server.OTLPHTTP)

	checkLives(t, server, func() error {
		numbers, err := tempo.ItemNumbers(t.Context(), run, 4)
		if err := expect(map[int]int{0: 1, 1: 1, 2: 1}, numbers, err); err != nil {
			return err
		}
		found, err := tempo.Search(t.Context(), fmt.Sprintf(`{span.http.request.id = %q}`, load.RequestID(overHTTP, 2)))
		if err != nil || len(found) != 1 || found[0].RootServiceName != "testbed" {
			return fmt.Errorf("search by request id finds %v, error %w", found, err)
		}
		return nil
	})
}

func TestJaeger(t *testing.T) {
	started := time.Now()
	server := servers.StartJaeger(t)
	t.Logf("started in %.2f s", time.Since(started).Seconds())
	run := sendTraces(t, load.GRPC, server.OTLPGRPC)
	overHTTP := sendTraces(t, load.HTTP, server.OTLPHTTP)

	checkLives(t, server, func() error {
		for _, of := range []string{run, overHTTP} {
			answer, err := get(t.Context(), server.URL+"/api/traces/"+load.TraceID(of, 2).String())
			if err != nil || !strings.Contains(answer, load.SpanID(of, 2).String()) {
				return fmt.Errorf("the trace is %s, error %w", answer, err)
			}
		}
		return nil
	})
}

// Alertmanager forgets alerts when it ends, by design; silences are what it keeps.
func TestAlertmanager(t *testing.T) {
	started := time.Now()
	server := servers.StartAlertmanager(t)
	t.Logf("started in %.2f s", time.Since(started).Seconds())
	alert := `[{"labels":{"alertname":"y"}}]`
	require.NoError(t, post(t.Context(), server.URL+"/api/v2/alerts", "application/json", []byte(alert)))
	query.Eventually(t, patience, func() error { return contains(t.Context(), server.URL+"/api/v2/alerts", `"alertname":"y"`) })

	silence := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"x","isRegex":false}],"startsAt":%q,"endsAt":%q,
		"createdBy":"test","comment":"kept"}`, time.Now().Format(time.RFC3339), time.Now().Add(time.Hour).Format(time.RFC3339))
	require.NoError(t, post(t.Context(), server.URL+"/api/v2/silences", "application/json", []byte(silence)))
	checkLives(t, server, func() error {
		return contains(t.Context(), server.URL+"/api/v2/silences", `"comment":"kept"`)
	})
}

func TestKafka(t *testing.T) {
	started := time.Now()
	broker := servers.StartKafka(t)
	t.Logf("started in %.2f s", time.Since(started).Seconds())

	producer, err := kgo.NewClient(kgo.SeedBrokers(broker.Broker), kgo.AllowAutoTopicCreation())
	require.NoError(t, err)
	defer producer.Close()
	require.NoError(t, producer.ProduceSync(t.Context(), &kgo.Record{Topic: "otlp_logs", Value: []byte("kept")}).FirstErr())

	checkLives(t, broker, func() error {
		consumer, err := kgo.NewClient(kgo.SeedBrokers(broker.Broker), kgo.ConsumeTopics("otlp_logs"))
		if err != nil {
			return err
		}
		defer consumer.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		fetched := consumer.PollFetches(ctx)
		if records := fetched.Records(); len(records) != 1 || string(records[0].Value) != "kept" {
			return fmt.Errorf("consumed %v, error %w", records, fetched.Err())
		}
		return nil
	})
}

func TestServerKeepsItsDataInTheFolderGiven(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "here")
	servers.StartPrometheus(t, servers.WithDir(dir))
	assert.DirExists(t, filepath.Join(dir, "data"))
}

func TestBuildKnowsItsNames(t *testing.T) {
	_, err := servers.Build(t.Context(), "solr", io.Discard)
	require.EqualError(t, err, `no server "solr"; there are [alertmanager elasticsearch jaeger kafka prometheus tempo]`)
}

func TestBuildSaysWhatToInstall(t *testing.T) {
	t.Setenv("INFERWATCH_CACHE", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	for _, name := range []string{"elasticsearch", "kafka"} {
		_, err := servers.Build(t.Context(), name, io.Discard)
		require.EqualError(t, err, "cannot build "+name+": mvn is not installed; on Debian and Ubuntu: apt-get install -y maven default-jdk-headless")
	}
	_, err := servers.Build(t.Context(), "tempo", io.Discard)
	require.EqualError(t, err, "cannot build tempo: go is not on the PATH; see https://go.dev/dl/")
}

func sendTraces(t *testing.T, protocol load.Protocol, endpoint string) (run string) {
	t.Helper()
	generator, err := load.New(load.Config{Signal: load.Traces, Protocol: protocol, Endpoint: endpoint, Items: 3})
	require.NoError(t, err)
	generator.Start(t.Context())
	result := generator.Wait(t.Context())
	require.Len(t, result.Accepted, 3, "last error: %v", result.LastErr)
	return generator.Run()
}

// remoteWrite writes one sample of testbed_item{run="run"} with an exemplar, in the protocol's version 1.
func remoteWrite(t *testing.T, url string, at time.Time, value float64) {
	t.Helper()
	label := func(name, value string) []byte {
		text := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), name)
		return protowire.AppendString(protowire.AppendTag(text, 2, protowire.BytesType), value)
	}
	message := func(to []byte, field protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(to, field, protowire.BytesType), content)
	}
	valueAt := func(to []byte, first protowire.Number) []byte {
		to = protowire.AppendFixed64(protowire.AppendTag(to, first, protowire.Fixed64Type), math.Float64bits(value))
		return protowire.AppendVarint(protowire.AppendTag(to, first+1, protowire.VarintType), uint64(at.UnixMilli()))
	}
	series := message(nil, 1, label("__name__", load.MetricName))
	series = message(series, 1, label("run", "run"))
	series = message(series, 2, valueAt(nil, 1))
	if value == 2 { // late exemplars are refused
		series = message(series, 3, valueAt(message(nil, 1, label("trace_id", "abc")), 2))
	}
	require.NoError(t, post(t.Context(), url, "application/x-protobuf", s2.EncodeSnappy(nil, message(nil, 1, series))))
}

func post(ctx context.Context, url, contentType string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	if contentType == "application/x-protobuf" {
		request.Header.Set("Content-Encoding", "snappy")
	}
	_, err = send(request)
	return err
}

func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	return send(request)
}

func contains(ctx context.Context, url, text string) error {
	answer, err := get(ctx, url)
	if err != nil || !strings.Contains(answer, text) {
		return fmt.Errorf("%s answers %s, error %w", url, answer, err)
	}
	return nil
}

func send(request *http.Request) (string, error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= http.StatusMultipleChoices {
		err = fmt.Errorf("%s answers %s: %s", request.URL, response.Status, answer)
	}
	return string(answer), err
}

func expect(want, got map[int]int, err error) error {
	if err != nil {
		return err
	}
	wanted, _ := json.Marshal(want)
	if found, _ := json.Marshal(got); !bytes.Equal(wanted, found) {
		return fmt.Errorf("expected %s, found %s", wanted, found)
	}
	return nil
}

func residentMegabytes(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	require.NoError(t, err)
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes int
	_, err = fmt.Sscan(after, &kilobytes)
	require.NoError(t, err)
	return kilobytes / 1024
}
