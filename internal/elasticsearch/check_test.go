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

const (
	stream = "logs-audit.otel-default"

	// The parts of Elastic's own mapping that count, as 8.19 composes them.
	elasticMapping = `"template":{"mappings":{"properties":{"@timestamp":{"type":"date_nanos"},"attributes":{"type":"passthrough"},
		"resource":{"properties":{"attributes":{"type":"passthrough"}}},"scope":{"properties":{"attributes":{"type":"passthrough"}}},
		"trace_id":{"type":"keyword"},"span_id":{"type":"keyword"},"body":{"type":"object","properties":{"text":{"type":"match_only_text"}}}}}}`
)

func TestCheck(t *testing.T) {
	install := func(t *testing.T, s *elasticsearchtest.Server) {
		_, err := Install(context.Background(), newTestClient(t, s), InstallOptions{})
		require.NoError(t, err)
	}
	for name, tt := range map[string]struct {
		prepare func(*testing.T, *elasticsearchtest.Server)
		want    Finding
	}{
		"nothing there": {
			func(*testing.T, *elasticsearchtest.Server) {},
			Finding{DataStream: stream, State: StateMissing, Detail: "no index template matches: run inferwatchctl es install --url URL"},
		},
		"installed": {install, Finding{DataStream: stream, State: StateOK, Template: "inferwatch-logs-audit", Priority: 550}},
		"Elastic's own": {
			func(_ *testing.T, s *elasticsearchtest.Server) {
				s.Put("_index_template", "logs-otel@template", `{"index_patterns":["logs-*.otel-*"],"priority":120,"data_stream":{},`+elasticMapping+`}`)
			},
			Finding{DataStream: stream, State: StateOK, Template: "logs-otel@template", Priority: 120},
		},
		"a plain template wins": {
			func(t *testing.T, s *elasticsearchtest.Server) {
				install(t, s)
				s.Put("_index_template", "mine", `{"index_patterns":["logs-*"],"priority":700}`)
			},
			Finding{DataStream: stream, State: StateNoDataStream, Template: "mine", Priority: 700, Detail: "the template that wins has no data_stream: change template mine, or give it a priority below 550 and run inferwatchctl es install --url URL"},
		},
		"an unfit one that ours would beat": {
			func(_ *testing.T, s *elasticsearchtest.Server) {
				s.Put("_index_template", "logs", `{"index_patterns":["logs-*-*"],"priority":100,"data_stream":{},`+
					strings.Replace(elasticMapping, `"trace_id":{"type":"keyword"},`, `"trace_id":{"type":"text"},`, 1)+`}`)
			},
			Finding{DataStream: stream, State: StateUnfit, Template: "logs", Priority: 100, Detail: "field trace_id needs type keyword or constant_keyword or wildcard, found text: run inferwatchctl es install --url URL"},
		},
		"an older version": {
			func(t *testing.T, s *elasticsearchtest.Server) {
				install(t, s)
				s.Put("_index_template", "inferwatch-logs-audit", `{"index_patterns":["logs-audit.otel-*"],"priority":550,"data_stream":{},"version":0,"_meta":{"managed_by":"inferwatch"},`+elasticMapping+`}`)
			},
			Finding{DataStream: stream, State: StateOutdated, Template: "inferwatch-logs-audit", Priority: 550, Detail: "version 0 of the template, version 1 is current: run inferwatchctl es install --url URL"},
		},
		"an index has the name": {
			func(t *testing.T, s *elasticsearchtest.Server) {
				install(t, s)
				s.Fix("GET /_resolve/index/"+stream, 200, `{"indices":[{"name":"`+stream+`"}],"aliases":[],"data_streams":[]}`)
			},
			Finding{DataStream: stream, State: StateBlocked, Template: "inferwatch-logs-audit", Priority: 550, Detail: "an index or alias with this name exists and is not a data stream: reindex it under another name and delete it"},
		},
		"the data stream is there": {
			func(t *testing.T, s *elasticsearchtest.Server) {
				install(t, s)
				s.Fix("GET /_resolve/index/"+stream, 200, `{"indices":[],"aliases":[],"data_streams":[{"name":"`+stream+`"}]}`)
			},
			Finding{DataStream: stream, State: StateOK, Template: "inferwatch-logs-audit", Priority: 550},
		},
		"may not look at indices": {
			func(t *testing.T, s *elasticsearchtest.Server) {
				install(t, s)
				s.Fix("GET /_resolve/index/"+stream, http.StatusForbidden, `{"error":{"type":"security_exception","reason":"no"}}`)
			},
			Finding{DataStream: stream, State: StateOK, Template: "inferwatch-logs-audit", Priority: 550},
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := elasticsearchtest.NewServer(t)
			tt.prepare(t, server)
			report, err := Check(context.Background(), newTestClient(t, server), []string{stream})
			require.NoError(t, err)
			tt.want.Detail = strings.ReplaceAll(tt.want.Detail, "URL", server.URL)
			assert.Equal(t, []Finding{tt.want}, report.Findings)
			assert.Equal(t, tt.want.Fault(), len(report.Faults()) == 1)
		})
	}
}

func TestCheckMetricsNeedDynamicTemplates(t *testing.T) {
	m := mappings{
		Properties: map[string]any{
			"@timestamp": map[string]any{"type": "date"}, "attributes": map[string]any{"type": "passthrough"},
			"resource.attributes": map[string]any{"type": "passthrough"}, "scope.attributes": map[string]any{"type": "passthrough"},
			"metrics": map[string]any{"properties": map[string]any{}},
		},
		DynamicTemplates: []map[string]any{{"histogram": map[string]any{}}, {"counter_long": map[string]any{}}, {"gauge_long": map[string]any{}}, {"counter_double": map[string]any{}}, {"gauge_double": map[string]any{}}},
	}
	assert.Equal(t, []string{"field metrics needs type passthrough, found object", "dynamic template summary is needed, found none"}, m.faults("metrics"))
	assert.Equal(t, []string{
		"field trace_id needs type keyword or constant_keyword or wildcard, found no mapping",
		"field span_id needs type keyword or constant_keyword or wildcard, found no mapping",
		"field name needs type keyword or constant_keyword or wildcard, found no mapping",
		"field duration needs type long, found no mapping",
	}, m.faults("traces"))
}

func TestCheckFaults(t *testing.T) {
	for request, want := range map[string]string{
		"GET /":                         "401 security_exception: no",
		"GET /_index_template":          "GET URL/_index_template: 401 security_exception: no",
		"GET /_resolve/index/" + stream: "GET URL/_resolve/index/" + stream + ": 401",
		"POST /_index_template/_simulate_index/" + stream: "simulating data stream " + stream + ": POST URL/_index_template/_simulate_index/" + stream + ": 401",
	} {
		server := elasticsearchtest.NewServer(t)
		client := newTestClient(t, server)
		_, err := Install(context.Background(), client, InstallOptions{})
		require.NoError(t, err)
		server.Fix(request, http.StatusUnauthorized, `{"error":{"type":"security_exception","reason":"no"}}`)
		_, err = Check(context.Background(), client, []string{stream})
		assert.ErrorContains(t, err, strings.ReplaceAll(want, "URL", server.URL), request)
	}
}
