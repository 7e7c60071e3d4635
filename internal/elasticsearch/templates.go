// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// Version counts the changes of the templates. Raise it with every change of what is installed.
const Version = 1

// ManagedBy is written into the _meta of each template, to tell ours from those that only have the same name.
const ManagedBy = "inferwatch"

// Elastic's own templates for OpenTelemetry data have 120, the ones for logs-*-* and the like 100, those of Fleet's
// integrations up to 200, and Elastic's manual asks everybody else to stay above 500.
const (
	// priorityWritten is for data streams that inferwatch's own configurations write: ours to shape, so that we win.
	priorityWritten = 550
	// priorityOther is for the data streams of other receivers and users. Where Elastic's templates are, they win.
	priorityOther = 110
)

const (
	typeHistogram             = "histogram"
	typeAggregateMetricDouble = "aggregate_metric_double"
)

//go:embed templates/*.json
var templateFiles embed.FS

// Kind is one of the two sorts of template.
type Kind string

// The two sorts of template. An index template is composed of component templates, which must be there first.
const (
	ComponentTemplate Kind = "component template"
	IndexTemplateKind Kind = "index template"
)

// Template is one template, ready to be sent.
type Template struct {
	Kind     Kind            `json:"kind"`
	Name     string          `json:"name"`
	Checksum string          `json:"checksum"`
	Body     json.RawMessage `json:"body"`
}

// Path is where the template is stored.
func (t Template) Path() string {
	if t.Kind == ComponentTemplate {
		return "/_component_template/" + t.Name
	}
	return TemplatesPath + "/" + t.Name
}

// Options shape the templates.
type Options struct {
	// Replicas is the number of replicas of each backing index; nil leaves it to the cluster.
	Replicas *int
	// Retention is how long each class of data is kept.
	Retention Retention
	// AbsentTypes are field types that the cluster does not know: plain objects stand in for them.
	AbsentTypes []string
}

type indexSpec struct {
	name, class, signal, pattern, description string
	priority                                  int
}

// indexSpecs is the table of index templates. Logs have one for each class, because retention belongs to the template.
func indexSpecs() []indexSpec {
	return []indexSpec{
		{"inferwatch-logs-request", "request", "logs", "logs-request.otel-*", "access and request logs", priorityWritten},
		{"inferwatch-logs-system", "system", "logs", "logs-system.otel-*", "logs of services and hosts", priorityWritten},
		{"inferwatch-logs-security", "security", "logs", "logs-security.otel-*", "security logs", priorityWritten},
		{"inferwatch-logs-audit", "audit", "logs", "logs-audit.otel-*", "audit logs", priorityWritten},
		{"inferwatch-logs-generic", "generic", "logs", "logs-generic.otel-*", "span events and logs without a class", priorityWritten},
		{"inferwatch-traces-generic", "traces", "traces", "traces-generic.otel-*", "spans", priorityWritten},
		{"inferwatch-metrics-generic", "metrics", "metrics", "metrics-generic.otel-*", "metrics", priorityWritten},
		{"inferwatch-logs-other", "generic", "logs", "logs-*.otel-*", "logs of any other data set", priorityOther},
		{"inferwatch-traces-other", "traces", "traces", "traces-*.otel-*", "spans of any other data set", priorityOther},
		{"inferwatch-metrics-other", "metrics", "metrics", "metrics-*.otel-*", "metrics of any other data set", priorityOther},
	}
}

// Templates returns every template in the order in which to install them.
func Templates(opts Options) ([]Template, error) {
	components, err := componentTemplates(opts)
	if err != nil {
		return nil, err
	}
	for _, spec := range indexSpecs() {
		t, err := spec.template(opts)
		if err != nil {
			return nil, err
		}
		components = append(components, t)
	}
	return components, nil
}

func componentTemplates(opts Options) ([]Template, error) {
	files, err := templateFiles.ReadDir("templates")
	if err != nil {
		return nil, err
	}
	var templates []Template
	for _, file := range files {
		data, err := templateFiles.ReadFile(path.Join("templates", file.Name()))
		if err != nil {
			return nil, err
		}
		content := map[string]any{}
		if err := json.Unmarshal(data, &content); err != nil {
			return nil, fmt.Errorf("%s: %w", file.Name(), err)
		}
		replaceTypes(content, opts.AbsentTypes)
		name := strings.TrimSuffix(file.Name(), ".json")
		t, err := newTemplate(ComponentTemplate, name, map[string]any{"template": content})
		if err != nil {
			return nil, err
		}
		templates = append(templates, t)
	}
	return templates, nil
}

func (s indexSpec) template(opts Options) (Template, error) {
	custom := "inferwatch-" + s.signal + "-custom"
	content := map[string]any{}
	if opts.Replicas != nil {
		content["settings"] = map[string]any{"index": map[string]any{"number_of_replicas": *opts.Replicas}}
	}
	if keep := opts.Retention[s.class]; keep != "" {
		content["lifecycle"] = map[string]any{"data_retention": keep}
	}
	return newTemplate(IndexTemplateKind, s.name, map[string]any{
		"index_patterns": []string{s.pattern},
		"priority":       s.priority,
		"data_stream":    map[string]any{},
		// Holds also where action.auto_create_index forbids the cluster to make indices by itself.
		"allow_auto_create": true,
		// The last one is the user's, to change what he likes without an upgrade taking it away.
		"composed_of":                        []string{"inferwatch-otel-settings", "inferwatch-otel-mappings", "inferwatch-" + s.signal + "-mappings", custom},
		"ignore_missing_component_templates": []string{custom},
		"template":                           content,
		"_meta":                              map[string]any{"description": "inferwatch: " + s.description},
	})
}

// newTemplate adds what tells ours apart, and the checksum by which a second installation knows that nothing changed.
func newTemplate(kind Kind, name string, body map[string]any) (Template, error) {
	meta, _ := body["_meta"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	meta["managed_by"], meta["version"] = ManagedBy, Version
	body["version"], body["_meta"] = Version, meta
	plain, err := json.Marshal(body)
	if err != nil {
		return Template{}, err
	}
	sum := sha256.Sum256(plain)
	checksum := hex.EncodeToString(sum[:])
	meta["checksum"] = checksum
	data, err := json.Marshal(body)
	return Template{Kind: kind, Name: name, Checksum: checksum, Body: data}, err
}

// replaceTypes puts plain objects with the same sub-fields in the place of dynamic templates of types that the cluster lacks:
// a document with a field of an unknown type would be refused, and so be lost.
func replaceTypes(content map[string]any, absent []string) {
	mappings, _ := content["mappings"].(map[string]any)
	list, _ := mappings["dynamic_templates"].([]any)
	for _, entry := range list {
		named, _ := entry.(map[string]any)
		for _, value := range named {
			rule, _ := value.(map[string]any)
			mapping, _ := rule["mapping"].(map[string]any)
			if fieldType, _ := mapping["type"].(string); slices.Contains(absent, fieldType) {
				rule["mapping"] = plainObject(fieldType)
			}
		}
	}
}

func plainObject(fieldType string) map[string]any {
	field := func(t string) map[string]any { return map[string]any{"type": t} }
	properties := map[string]any{"counts": field("long"), "values": field("double")}
	if fieldType == typeAggregateMetricDouble {
		properties = map[string]any{"sum": field("double"), "value_count": field("long")}
	}
	return map[string]any{"type": "object", "properties": properties}
}
