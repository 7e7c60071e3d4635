// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The file says what each version installs. A difference means that the templates were changed: raise Version, then put what
// the test prints into the file.
func TestVersionIsRaisedWithTheTemplates(t *testing.T) {
	templates, err := Templates(Options{})
	require.NoError(t, err)
	lines := []string{fmt.Sprintf("version %d", Version)}
	for _, tmpl := range templates {
		lines = append(lines, tmpl.Checksum[:16]+" "+tmpl.Name)
	}
	want, err := os.ReadFile("testdata/checksums.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), strings.Join(lines, "\n")+"\n")
}

type rendered struct {
	Version int `json:"version"`
	Meta    struct {
		ManagedBy string `json:"managed_by"`
		Version   int    `json:"version"`
		Checksum  string `json:"checksum"`
	} `json:"_meta"`
	Patterns   []string  `json:"index_patterns"`
	Priority   int64     `json:"priority"`
	DataStream *struct{} `json:"data_stream"`
	ComposedOf []string  `json:"composed_of"`
	Optional   []string  `json:"ignore_missing_component_templates"`
	Template   struct {
		Settings  map[string]any `json:"settings"`
		Lifecycle map[string]any `json:"lifecycle"`
		Mappings  mappings       `json:"mappings"`
	} `json:"template"`
}

func render(t *testing.T, opts Options) map[string]rendered {
	templates, err := Templates(opts)
	require.NoError(t, err)
	all := map[string]rendered{}
	for _, tmpl := range templates {
		var r rendered
		require.NoError(t, json.Unmarshal(tmpl.Body, &r))
		assert.Equal(t, ManagedBy, r.Meta.ManagedBy, tmpl.Name)
		assert.Equal(t, Version, r.Meta.Version, tmpl.Name)
		assert.Equal(t, Version, r.Version, tmpl.Name)
		assert.Equal(t, tmpl.Checksum, r.Meta.Checksum, tmpl.Name)
		all[tmpl.Name] = r
	}
	return all
}

func TestTemplatesHoldTogether(t *testing.T) {
	all := render(t, Options{})
	var index []IndexTemplate
	for name, r := range all {
		if len(r.Patterns) == 0 {
			continue
		}
		index = append(index, IndexTemplate{Name: name, Patterns: r.Patterns, Priority: r.Priority, DataStream: r.DataStream != nil})
		for _, component := range r.ComposedOf {
			if _, ok := all[component]; !ok {
				assert.Contains(t, r.Optional, component, name)
			}
		}
		assert.Empty(t, r.Template.Settings, name)
		assert.Empty(t, r.Template.Lifecycle, name)
	}
	assert.Empty(t, Missing(index, DefaultDataStreams()))
	assert.Empty(t, Missing(index, []string{"metrics-generic.otel-default", "logs-journald.otel-prod", "traces-x.otel-y", "metrics-hostmetricsreceiver.otel-z"}))
	for stream, want := range map[string]string{
		"logs-audit.otel-default":     "inferwatch-logs-audit",
		"logs-nginx.otel-default":     "inferwatch-logs-other",
		"traces-generic.otel-default": "inferwatch-traces-generic",
	} {
		got, _ := Match(index, stream)
		assert.Equal(t, want, got.Name)
	}
	// Elastic's own are not displaced for what inferwatch does not write.
	elastic := IndexTemplate{Name: "logs-otel@template", Patterns: []string{"logs-*.otel-*"}, Priority: 120, DataStream: true}
	got, _ := Match(append(index, elastic), "logs-nginx.otel-default")
	assert.Equal(t, elastic.Name, got.Name)
}

func TestTemplateOptions(t *testing.T) {
	replicas := 2
	all := render(t, Options{Replicas: &replicas, Retention: Retention{"audit": "365d", "generic": "30d"}})
	for name, keep := range map[string]any{"inferwatch-logs-audit": "365d", "inferwatch-logs-generic": "30d", "inferwatch-logs-other": "30d", "inferwatch-logs-request": nil} {
		assert.Equal(t, keep, all[name].Template.Lifecycle["data_retention"], name)
		assert.Equal(t, map[string]any{"index": map[string]any{"number_of_replicas": 2.0}}, all[name].Template.Settings, name)
	}
}

func TestPlainObjectsStandInForAbsentTypes(t *testing.T) {
	types := func(opts Options) map[string]any {
		found := map[string]any{}
		for _, named := range render(t, opts)["inferwatch-metrics-mappings"].Template.Mappings.DynamicTemplates {
			for name, rule := range named {
				found[name] = rule.(map[string]any)["mapping"].(map[string]any)["type"]
			}
		}
		return found
	}
	want := map[string]any{
		"histogram": "histogram", "summary": "aggregate_metric_double", "counter_long": "long", "gauge_long": "long",
		"counter_double": "double", "gauge_double": "double",
	}
	assert.Equal(t, want, types(Options{}))
	want["histogram"], want["summary"] = "object", "object"
	assert.Equal(t, want, types(Options{AbsentTypes: []string{typeHistogram, typeAggregateMetricDouble}}))
}

func TestOurMappingsPassOurOwnCheck(t *testing.T) {
	all := render(t, Options{})
	for _, signal := range []string{"logs", "traces", "metrics"} {
		merged := mappings{Properties: map[string]any{}}
		for _, name := range []string{"inferwatch-otel-mappings", "inferwatch-" + signal + "-mappings"} {
			m := all[name].Template.Mappings
			merged.DynamicTemplates = append(merged.DynamicTemplates, m.DynamicTemplates...)
			for field, mapping := range m.Properties {
				merged.Properties[field] = mapping
			}
		}
		assert.Empty(t, merged.faults(signal), signal)
	}
}
