// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// TemplatesPath asks for the part of every composable index template that decides which of them makes an index.
const TemplatesPath = "/_index_template"

// TemplatesQuery goes with TemplatesPath: it leaves mappings and settings, which can be megabytes, on the server.
const TemplatesQuery = "filter_path=index_templates.name,index_templates.index_template.index_patterns," +
	"index_templates.index_template.priority,index_templates.index_template.version," +
	"index_templates.index_template._meta.managed_by,index_templates.index_template.data_stream"

// IndexTemplate is the part of a composable index template that decides whether it makes an index, and of which sort.
type IndexTemplate struct {
	Name       string
	Patterns   []string
	Priority   int64
	Version    int64
	ManagedBy  string
	DataStream bool
}

// Match returns the template that Elasticsearch would use for the name of an index or data stream that does not exist yet:
// the one with the highest priority among those with a fitting pattern. A missing priority counts as 0. Elasticsearch refuses
// overlapping patterns of equal priority; should they come in all the same, the first name wins, so that the answer is stable.
func Match(templates []IndexTemplate, name string) (IndexTemplate, bool) {
	var best IndexTemplate
	found := false
	for _, t := range templates {
		if !t.matches(name) {
			continue
		}
		if !found || t.Priority > best.Priority || (t.Priority == best.Priority && t.Name < best.Name) {
			best, found = t, true
		}
	}
	return best, found
}

// Missing returns those of the names for which no template would make a data stream, in the order given.
func Missing(templates []IndexTemplate, names []string) []string {
	var missing []string
	for _, name := range names {
		if t, ok := Match(templates, name); !ok || !t.DataStream {
			missing = append(missing, name)
		}
	}
	return missing
}

func (t IndexTemplate) matches(name string) bool {
	for _, pattern := range t.Patterns {
		if matchPattern(pattern, name) {
			return true
		}
	}
	return false
}

// matchPattern is Elasticsearch's simple match: * stands for any characters, nothing else is special, case counts.
func matchPattern(pattern, name string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == name
	}
	if !strings.HasPrefix(name, first) {
		return false
	}
	name = name[len(first):]
	for {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(name, part)
		}
		at := strings.Index(name, part)
		if at < 0 {
			return false
		}
		name, rest = name[at+len(part):], after
	}
}

type templatesAnswer struct {
	IndexTemplates []struct {
		Name          string `json:"name"`
		IndexTemplate struct {
			Patterns stringOrList `json:"index_patterns"`
			Priority int64        `json:"priority"`
			Version  int64        `json:"version"`
			Meta     struct {
				ManagedBy any `json:"managed_by"`
			} `json:"_meta"`
			DataStream *struct{} `json:"data_stream"`
		} `json:"index_template"`
	} `json:"index_templates"`
}

// ParseIndexTemplates reads the answer to TemplatesPath.
func ParseIndexTemplates(r io.Reader) ([]IndexTemplate, error) {
	var answer templatesAnswer
	if err := json.NewDecoder(r).Decode(&answer); err != nil {
		return nil, fmt.Errorf("reading the list of index templates: %w", err)
	}
	templates := make([]IndexTemplate, 0, len(answer.IndexTemplates))
	for _, t := range answer.IndexTemplates {
		// Others write what they like into _meta, so that only a string counts.
		managedBy, _ := t.IndexTemplate.Meta.ManagedBy.(string)
		templates = append(templates, IndexTemplate{
			Name:       t.Name,
			Patterns:   t.IndexTemplate.Patterns,
			Priority:   t.IndexTemplate.Priority,
			Version:    t.IndexTemplate.Version,
			ManagedBy:  managedBy,
			DataStream: t.IndexTemplate.DataStream != nil,
		})
	}
	return templates, nil
}

// stringOrList takes both forms that Elasticsearch allows where a list may have one element.
type stringOrList []string

// UnmarshalJSON implements json.Unmarshaler.
func (s *stringOrList) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*s = make(stringOrList, 1)
		return json.Unmarshal(data, &(*s)[0])
	}
	return json.Unmarshal(data, (*[]string)(s))
}
