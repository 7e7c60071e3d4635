// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchtest // import "github.com/inferwatch/inferwatch/internal/elasticsearch/elasticsearchtest"

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
)

type content struct {
	Template struct {
		Mappings struct {
			DynamicTemplates []json.RawMessage `json:"dynamic_templates"`
			Properties       map[string]any    `json:"properties"`
		} `json:"mappings"`
	} `json:"template"`
}

// simulate merges what the winning template is composed of, well enough to look at the types of fields.
func (s *Server) simulate(name string) Answer {
	winner, priority := "", -1
	for candidate, body := range s.templates["_index_template"] {
		var t struct {
			Patterns []string `json:"index_patterns"`
			Priority int      `json:"priority"`
		}
		if err := json.Unmarshal(body, &t); err != nil {
			return Answer{http.StatusInternalServerError, err.Error()}
		}
		for _, pattern := range t.Patterns {
			if matched, err := path.Match(pattern, name); err == nil && matched && t.Priority > priority {
				winner, priority = candidate, t.Priority
			}
		}
	}
	if winner == "" {
		return Answer{http.StatusOK, `{}`}
	}
	var t struct {
		ComposedOf []string `json:"composed_of"`
	}
	parts := []json.RawMessage{}
	if err := json.Unmarshal(s.templates["_index_template"][winner], &t); err != nil {
		return Answer{http.StatusInternalServerError, err.Error()}
	}
	for _, component := range t.ComposedOf {
		if body, ok := s.templates["_component_template"][component]; ok {
			parts = append(parts, body)
		}
	}
	return merge(append(parts, s.templates["_index_template"][winner]))
}

func merge(parts []json.RawMessage) Answer {
	merged := content{}
	merged.Template.Mappings.Properties = map[string]any{}
	for _, part := range parts {
		var c content
		if err := json.Unmarshal(part, &c); err != nil {
			return Answer{http.StatusInternalServerError, err.Error()}
		}
		for field, mapping := range c.Template.Mappings.Properties {
			merged.Template.Mappings.Properties[field] = mapping
		}
		merged.Template.Mappings.DynamicTemplates = append(merged.Template.Mappings.DynamicTemplates, c.Template.Mappings.DynamicTemplates...)
	}
	body, err := json.Marshal(merged)
	if err != nil {
		return Answer{http.StatusInternalServerError, fmt.Sprint(err)}
	}
	return Answer{http.StatusOK, string(body)}
}
