// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// dashboard is what these tests read of a Grafana dashboard.
type dashboard struct {
	UID           string `json:"uid"`
	Title         string `json:"title"`
	SchemaVersion int    `json:"schemaVersion"`
	Links         []link `json:"links"`
	Templating    struct {
		List []variable `json:"list"`
	} `json:"templating"`
	Panels []panel `json:"panels"`

	file string
	text string
}

type link struct {
	URL string `json:"url"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type variable struct {
	Name       string          `json:"name"`
	Type       string          `json:"type"`
	Datasource datasource      `json:"datasource"`
	Query      json.RawMessage `json:"query"`
	Multi      bool            `json:"multi"`
	IncludeAll bool            `json:"includeAll"`
	AllValue   string          `json:"allValue"`
}

// labelValues is the query of a query variable: label_values(selector, label).
func (v variable) labelValues() string {
	var q struct {
		Query string `json:"query"`
	}
	_ = json.Unmarshal(v.Query, &q) // of a data source variable it is a string
	return q.Query
}

type panel struct {
	ID          int        `json:"id"`
	Type        string     `json:"type"`
	Title       string     `json:"title"`
	Description string     `json:"description"`
	Datasource  datasource `json:"datasource"`
	GridPos     struct{ H, W, X, Y int }
	FieldConfig struct {
		Defaults struct {
			Unit  string `json:"unit"`
			Links []link `json:"links"`
		} `json:"defaults"`
	} `json:"fieldConfig"`
	Targets []target `json:"targets"`
}

type target struct {
	RefID      string     `json:"refId"`
	Datasource datasource `json:"datasource"`
	Expr       string     `json:"expr"`
	Instant    bool       `json:"instant"`
	Range      bool       `json:"range"`
}

func readDashboards(t *testing.T) []dashboard {
	t.Helper()
	const folder = "deploy/dashboards/grafana"
	files, err := filepath.Glob(filepath.Join(root(t), folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("%s has no dashboards", folder)
	}
	var all []dashboard
	for _, file := range files {
		name := filepath.Base(file)
		all = append(all, parse(t, name, string(readFile(t, filepath.Join(folder, name)))))
	}
	return all
}

func parse(t *testing.T, file, text string) dashboard {
	t.Helper()
	d := dashboard{file: file, text: text}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return d
}

// queries are all expressions of all panels.
func (d dashboard) queries() string {
	var all strings.Builder
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all.WriteString(target.Expr + "\n")
		}
	}
	return all.String()
}
