// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/elasticsearch/elasticsearchtest"
)

func newTestClient(t *testing.T, server *elasticsearchtest.Server) *Client {
	client, err := NewClient(ClientConfig{URL: server.URL, HTTP: server.Client()})
	require.NoError(t, err)
	return client
}

// actions counts what was decided, and how much of it was done.
func actions(report InstallReport) (decided map[Action]int, done int) {
	decided = map[Action]int{}
	for _, step := range report.Steps {
		decided[step.Action]++
		if step.Done {
			done++
		}
	}
	return decided, done
}

func puts(requests []string) (n int) {
	for _, request := range requests {
		if strings.HasPrefix(request, "PUT ") {
			n++
		}
	}
	return n
}

const all = 15

func TestInstallLifeOfATemplate(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	client := newTestClient(t, server)
	install := func(opts InstallOptions) (map[Action]int, int) {
		report, err := Install(context.Background(), client, opts)
		require.NoError(t, err)
		assert.Equal(t, Cluster{URL: server.URL, Name: "stand-in", Version: "8.19.0"}, report.Cluster)
		decided, done := actions(report)
		assert.Equal(t, done, puts(server.Requests()))
		return decided, done
	}

	decided, done := install(InstallOptions{DryRun: true})
	assert.Equal(t, map[Action]int{ActionCreate: all}, decided)
	assert.Zero(t, done)

	decided, done = install(InstallOptions{})
	assert.Equal(t, map[Action]int{ActionCreate: all}, decided)
	assert.Equal(t, all, done)

	decided, done = install(InstallOptions{})
	assert.Equal(t, map[Action]int{ActionUnchanged: all}, decided)
	assert.Zero(t, done)

	decided, done = install(InstallOptions{Force: true})
	assert.Equal(t, map[Action]int{ActionUpdate: all}, decided)
	assert.Equal(t, all, done)

	decided, done = install(InstallOptions{Retention: Retention{"audit": "365d"}})
	assert.Equal(t, map[Action]int{ActionUnchanged: all - 1, ActionUpdate: 1}, decided)
	assert.Equal(t, 1, done)

	server.Put("_index_template", "inferwatch-logs-audit", `{"version":0,"_meta":{"managed_by":"inferwatch","checksum":"old"}}`)
	server.Delete("_component_template", "inferwatch-otel-settings")
	decided, done = install(InstallOptions{})
	assert.Equal(t, map[Action]int{ActionUnchanged: all - 2, ActionUpdate: 1, ActionCreate: 1}, decided)
	assert.Equal(t, 2, done)
}

func TestInstallComponentsFirst(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	_, err := Install(context.Background(), newTestClient(t, server), InstallOptions{})
	require.NoError(t, err)
	index := false
	for _, request := range server.Requests() {
		if strings.HasPrefix(request, "PUT /_index_template/") {
			index = true
		}
		if strings.HasPrefix(request, "PUT /_component_template/") {
			assert.False(t, index, request)
		}
	}
	assert.True(t, index)
}

func TestInstallRefusesToOverwrite(t *testing.T) {
	for name, tt := range map[string]struct{ stored, want string }{
		"newer": {
			`{"version":99,"_meta":{"managed_by":"inferwatch"}}`,
			"the cluster has version 99, newer than version 1 of this inferwatchctl",
		},
		"not ours":          {`{"version":1}`, "it exists, and inferwatchctl did not make it"},
		"somebody else's":   {`{"_meta":{"managed_by":"ops"}}`, "it exists, and inferwatchctl did not make it"},
		"meta of their own": {`{"_meta":{"managed_by":7}}`, "it exists, and inferwatchctl did not make it"},
	} {
		t.Run(name, func(t *testing.T) {
			server := elasticsearchtest.NewServer(t)
			server.Put("_index_template", "inferwatch-logs-audit", tt.stored)
			client := newTestClient(t, server)

			report, err := Install(context.Background(), client, InstallOptions{})
			assert.EqualError(t, err, "nothing was installed, so as not to overwrite index template inferwatch-logs-audit ("+tt.want+"): --force overwrites")
			decided, done := actions(report)
			assert.Equal(t, map[Action]int{ActionCreate: all - 1, ActionRefuse: 1}, decided)
			assert.Zero(t, done)
			assert.Zero(t, puts(server.Requests()))

			report, err = Install(context.Background(), client, InstallOptions{Force: true})
			require.NoError(t, err)
			decided, done = actions(report)
			assert.Equal(t, map[Action]int{ActionCreate: all - 1, ActionOverwrite: 1}, decided)
			assert.Equal(t, all, done)
		})
	}
}

func TestInstallSaysWhatTheClusterLacks(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	server.Fix("POST /_index_template/_simulate", http.StatusBadRequest,
		`{"error":{"type":"illegal_argument_exception","reason":"template after composition is invalid","caused_by":{"type":"mapper_parsing_exception","reason":"The mapper type [histogram] declared on field [probe] does not exist. The mapper type [aggregate_metric_double] declared on field [probe] does not exist."}}}`)
	server.Fix("GET /_data_stream/*/_lifecycle", http.StatusBadRequest, `{"error":"no handler found for uri [/_data_stream/*/_lifecycle] and method [GET]"}`)
	report, err := Install(context.Background(), newTestClient(t, server), InstallOptions{Retention: Retention{"audit": "1d"}})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"the cluster does not know field type histogram: histograms are indexed as numbers (counts, values); percentile aggregations will not work on them",
		"the cluster does not know field type aggregate_metric_double: summaries are indexed as numbers (sum, value_count); avg and the like will not work on them",
		"the cluster has no data stream lifecycle: the retention is stored in the templates, but nothing will be deleted",
	}, report.Notes)
	assert.NotContains(t, string(server.Template("_component_template", "inferwatch-metrics-mappings")), `"type":"histogram"`)
}

func TestInstallMayNotSeeLifecycles(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	server.Fix("GET /_data_stream/*/_lifecycle", http.StatusForbidden, `{"error":{"type":"security_exception","reason":"no"}}`)
	report, err := Install(context.Background(), newTestClient(t, server), InstallOptions{Retention: Retention{"audit": "1d"}})
	require.NoError(t, err)
	require.Len(t, report.Notes, 1)
	assert.Contains(t, report.Notes[0], "could not see whether the cluster acts on data stream lifecycles: GET "+server.URL+"/_data_stream/*/_lifecycle: 403 security_exception: no")
}

func TestInstallFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		request string
		status  int
		body    string
		want    string
	}{
		"unauthorized":        {"GET /", 401, `{"error":{"type":"security_exception","reason":"missing credentials"}}`, "GET URL/: 401 security_exception: missing credentials"},
		"not JSON":            {"GET /", 200, "<html>", "GET URL: the answer is not the JSON of Elasticsearch"},
		"too old":             {"GET /", 200, `{"version":{"number":"8.15.3"}}`, "URL is Elasticsearch 8.15.3: the mapping for OpenTelemetry needs 8.16 or later"},
		"cannot simulate":     {"POST /_index_template/_simulate", 403, `{"error":{"type":"security_exception","reason":"no"}}`, "finding out whether the cluster knows field type histogram: POST URL/_index_template/_simulate: 403 security_exception: no"},
		"simulation refused":  {"POST /_index_template/_simulate", 400, `{"error":{"type":"x","reason":"other"}}`, "400 x: other"},
		"cannot list":         {"GET /_component_template/inferwatch-*", 403, `{"error":{"type":"security_exception","reason":"no"}}`, "GET URL/_component_template/inferwatch-*: 403"},
		"lifecycle fault":     {"GET /_data_stream/*/_lifecycle", 500, `{}`, "500: Internal Server Error"},
		"component refused":   {"PUT /_component_template/inferwatch-otel-mappings", 400, `{"error":{"type":"a","reason":"b","caused_by":{"type":"c","reason":"no such\n  type"}}}`, "component template inferwatch-otel-mappings was not installed: PUT URL/_component_template/inferwatch-otel-mappings: 400 a: no such type"},
		"template refused":    {"PUT /_index_template/inferwatch-traces-generic", 400, `{"error":{"type":"illegal_argument_exception","reason":"same priority [550]"}}`, "index template inferwatch-traces-generic was not installed: PUT URL/_index_template/inferwatch-traces-generic: 400 illegal_argument_exception: same priority [550]"},
		"error without words": {"PUT /_index_template/inferwatch-traces-generic", 503, ``, "503: Service Unavailable"},
		"error as text":       {"PUT /_index_template/inferwatch-traces-generic", 400, `{"error":"plain words"}`, "400: plain words"},
	} {
		t.Run(name, func(t *testing.T) {
			server := elasticsearchtest.NewServer(t)
			server.Fix(tt.request, tt.status, tt.body)
			_, err := Install(context.Background(), newTestClient(t, server), InstallOptions{Retention: Retention{"audit": "1d"}})
			require.Error(t, err)
			assert.Contains(t, err.Error(), strings.ReplaceAll(tt.want, "URL", server.URL))
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestInstallStopsAtTheFirstFault(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	server.Fix("PUT /_index_template/inferwatch-logs-request", 400, `{}`)
	report, err := Install(context.Background(), newTestClient(t, server), InstallOptions{})
	require.Error(t, err)
	_, done := actions(report)
	assert.Equal(t, 5, done)
}
