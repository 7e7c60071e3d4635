// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// fieldNeed is a field that documents have and the types under which it can be indexed and found as documented.
type fieldNeed struct {
	path  string
	types []string
}

// neededFields says what the documents of a signal need. It is less than our templates have, so that Elastic's own templates
// for OpenTelemetry data, and those of users, pass.
func neededFields(signal string) []fieldNeed {
	date := []string{"date", "date_nanos"}
	keyword := []string{"keyword", "constant_keyword", "wildcard"}
	attributes := []string{"passthrough"}
	needs := []fieldNeed{
		{"@timestamp", date},
		{"attributes", attributes},
		{"resource.attributes", attributes},
		{"scope.attributes", attributes},
	}
	switch signal {
	case "logs":
		text := []string{"text", "match_only_text"}
		needs = append(needs, fieldNeed{"trace_id", keyword}, fieldNeed{"span_id", keyword}, fieldNeed{"body.text", text})
	case "traces":
		needs = append(needs, fieldNeed{"trace_id", keyword}, fieldNeed{"span_id", keyword}, fieldNeed{"name", keyword}, fieldNeed{"duration", []string{"long"}})
	case "metrics":
		needs = append(needs, fieldNeed{"metrics", attributes})
	}
	return needs
}

// neededDynamicTemplates are the names that the exporter sends with each metric; Elasticsearch refuses a document that names
// one that it does not have.
func neededDynamicTemplates(signal string) []string {
	if signal != "metrics" {
		return nil
	}
	return []string{"histogram", "counter_long", "gauge_long", "counter_double", "gauge_double", "summary"}
}

type mappings struct {
	DynamicTemplates []map[string]any `json:"dynamic_templates"`
	Properties       map[string]any   `json:"properties"`
}

// mappingFaults says what is wrong with the mapping that the data stream would get.
func (c *Client) mappingFaults(ctx context.Context, name string) ([]string, error) {
	var answer struct {
		Template struct {
			Mappings mappings `json:"mappings"`
		} `json:"template"`
	}
	if err := c.do(ctx, http.MethodPost, TemplatesPath+"/_simulate_index/"+name, "filter_path=template.mappings", nil, &answer); err != nil {
		return nil, fmt.Errorf("simulating data stream %s: %w", name, err)
	}
	signal, _, _ := strings.Cut(name, "-")
	return answer.Template.Mappings.faults(signal), nil
}

func (m mappings) faults(signal string) []string {
	var faults []string
	for _, need := range neededFields(signal) {
		found := fieldType(m.Properties, need.path)
		if slices.Contains(need.types, found) {
			continue
		}
		if found == "" {
			found = "no mapping"
		}
		faults = append(faults, fmt.Sprintf("field %s needs type %s, found %s", need.path, strings.Join(need.types, " or "), found))
	}
	for _, wanted := range neededDynamicTemplates(signal) {
		if !slices.ContainsFunc(m.DynamicTemplates, func(t map[string]any) bool { return t[wanted] != nil }) {
			faults = append(faults, "dynamic template "+wanted+" is needed, found none")
		}
	}
	return faults
}

// fieldType looks up a dotted path; where the mapping is written with dots in names, the longest name that fits counts.
func fieldType(properties map[string]any, path string) string {
	if field, ok := properties[path].(map[string]any); ok {
		if t, ok := field["type"].(string); ok {
			return t
		}
		return "object"
	}
	for end := len(path); end > 0; {
		end = strings.LastIndexByte(path[:end], '.')
		if end < 0 {
			return ""
		}
		field, _ := properties[path[:end]].(map[string]any)
		inner, _ := field["properties"].(map[string]any)
		if t := fieldType(inner, path[end+1:]); t != "" {
			return t
		}
	}
	return ""
}
