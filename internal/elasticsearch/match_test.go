// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMatch(t *testing.T) {
	builtIn := IndexTemplate{Name: "logs-otel@template", Patterns: []string{"logs-*.otel-*"}, Priority: 120, DataStream: true}
	general := IndexTemplate{Name: "logs", Patterns: []string{"logs-*-*"}, Priority: 100, DataStream: true}
	ours := IndexTemplate{Name: "inferwatch-logs-request", Patterns: []string{"logs-request.otel-*"}, Priority: 550, DataStream: true}
	plain := IndexTemplate{Name: "plain", Patterns: []string{"logs-request.*", "other-*"}, Priority: 900}
	noPriority := IndexTemplate{Name: "none", Patterns: []string{"*"}}
	for _, tt := range []struct {
		name      string
		templates []IndexTemplate
		stream    string
		want      string
		missing   bool
	}{
		{"no template", nil, "logs-request.otel-default", "", true},
		{"none matches", []IndexTemplate{builtIn}, "traces-generic.otel-default", "", true},
		{"the highest priority wins", []IndexTemplate{general, ours, builtIn}, "logs-request.otel-default", ours.Name, false},
		{"order does not count", []IndexTemplate{ours, builtIn, general}, "logs-request.otel-default", ours.Name, false},
		{"another data set", []IndexTemplate{ours, builtIn, general}, "logs-nginx.otel-prod", builtIn.Name, false},
		{"one without data stream wins", []IndexTemplate{ours, plain}, "logs-request.otel-default", plain.Name, true},
		{"second pattern", []IndexTemplate{plain}, "other-x", plain.Name, true},
		{"no priority counts as 0", []IndexTemplate{noPriority, general}, "logs-a-b", general.Name, false},
		{"case counts", []IndexTemplate{ours}, "LOGS-request.otel-default", "", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := Match(tt.templates, tt.stream)
			assert.Equal(t, tt.want != "", ok)
			assert.Equal(t, tt.want, got.Name)
			assert.Equal(t, tt.missing, len(Missing(tt.templates, []string{tt.stream})) == 1)
		})
	}
}

func TestMissingKeepsOrder(t *testing.T) {
	assert.Equal(t, DefaultDataStreams(), Missing(nil, DefaultDataStreams()))
}

func TestMatchPattern(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "", true},
		{"*", "x", true},
		{"a", "a", true},
		{"a", "ab", false},
		{"a*", "a", true},
		{"*a", "ba", true},
		{"*a", "ab", false},
		{"a*b*c", "axxbyyc", true},
		{"a*b*c", "axxcyyb", false},
		{"a*a", "a", false},
		{"logs-*.otel-*", "logs-.otel-", true},
		{"logs-*.otel-*", "logs-otel-default", false},
		{"a?c", "abc", false},
		{"a.c", "abc", false},
		{"", "", true},
		{"", "a", false},
	} {
		assert.Equal(t, tt.want, matchPattern(tt.pattern, tt.name), "%q %q", tt.pattern, tt.name)
	}
}

func FuzzMatchPattern(f *testing.F) {
	f.Add("logs-*.otel-*", "logs-request.otel-default")
	f.Add("**", "")
	f.Add("a*a", "a")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		reference, err := regexp.Compile("^(?s:" + strings.Join(parts, ".*") + ")$")
		if err != nil || strings.ToValidUTF8(pattern+name, "") != pattern+name {
			return
		}
		if got, want := matchPattern(pattern, name), reference.MatchString(name); got != want {
			t.Errorf("matchPattern(%q, %q) = %v", pattern, name, got)
		}
	})
}

func TestParseIndexTemplates(t *testing.T) {
	templates, err := ParseIndexTemplates(strings.NewReader(`{"index_templates":[
		{"name":"a","index_template":{"index_patterns":["x-*","y-*"],"priority":7,"version":3,"_meta":{"managed_by":"inferwatch"},"data_stream":{"hidden":false}}},
		{"name":"b","index_template":{"index_patterns":"z","_meta":{"managed_by":["not","a","string"]}}}]}`))
	require.NoError(t, err)
	assert.Equal(t, []IndexTemplate{
		{Name: "a", Patterns: []string{"x-*", "y-*"}, Priority: 7, Version: 3, ManagedBy: "inferwatch", DataStream: true},
		{Name: "b", Patterns: []string{"z"}},
	}, templates)

	templates, err = ParseIndexTemplates(strings.NewReader("{}"))
	require.NoError(t, err)
	assert.Empty(t, templates)

	for _, bad := range []string{"", "<html>", `{"index_templates":[{"name":"a"`, `{"index_templates":[{"index_template":{"index_patterns":7}}]}`} {
		_, err = ParseIndexTemplates(strings.NewReader(bad))
		assert.ErrorContains(t, err, "reading the list of index templates", bad)
	}
}
