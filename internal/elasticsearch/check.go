// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// State is what Check finds about a data stream.
type State string

// What Check finds. All but StateOK and StateOutdated mean that documents are refused or cannot be searched.
const (
	// StateOK: the template that wins makes a data stream with the mapping that is needed.
	StateOK State = "ok"
	// StateOutdated: as StateOK, but it is an older version of ours.
	StateOutdated State = "outdated"
	// StateMissing: no template matches; Elasticsearch refuses each document with 404.
	StateMissing State = "missing"
	// StateNoDataStream: the template that wins makes plain indices; Elasticsearch refuses each document with 404.
	StateNoDataStream State = "no data stream"
	// StateUnfit: the template that wins maps fields in another way than the documents need.
	StateUnfit State = "unfit mapping"
	// StateBlocked: an index has the name of the data stream; Elasticsearch refuses each document with 404.
	StateBlocked State = "blocked by an index"
)

// Finding is the outcome for one data stream.
type Finding struct {
	DataStream string `json:"data_stream"`
	State      State  `json:"state"`
	// Template is the one that wins, with its priority; empty where none matches.
	Template string `json:"template,omitempty"`
	Priority int64  `json:"priority,omitempty"`
	// Detail says what is wrong and what to do.
	Detail string `json:"detail,omitempty"`
}

// Fault tells whether data for this stream would be refused or not be found.
func (f Finding) Fault() bool { return f.State != StateOK && f.State != StateOutdated }

// CheckReport is the outcome of Check.
type CheckReport struct {
	Cluster  Cluster   `json:"cluster"`
	Findings []Finding `json:"data_streams"`
}

// Faults returns the names of the data streams that are not fit for use.
func (r CheckReport) Faults() []string {
	var names []string
	for _, f := range r.Findings {
		if f.Fault() {
			names = append(names, f.DataStream)
		}
	}
	return names
}

// Check finds out for each of the data streams whether Elasticsearch would take the documents that inferwatch writes. Any
// template will do, ours or not, whose mapping fits.
func Check(ctx context.Context, client *Client, wanted []string) (CheckReport, error) {
	var report CheckReport
	var err error
	if report.Cluster, err = client.Info(ctx); err != nil {
		return report, err
	}
	var templates []IndexTemplate
	if err := client.do(ctx, http.MethodGet, TemplatesPath, TemplatesQuery, nil, &templates); err != nil {
		return report, err
	}
	blocked, err := client.plainIndices(ctx, wanted)
	if err != nil {
		return report, err
	}
	for _, name := range wanted {
		finding, err := client.examine(ctx, templates, blocked, name)
		if err != nil {
			return report, err
		}
		report.Findings = append(report.Findings, finding)
	}
	return report, nil
}

func (c *Client) examine(ctx context.Context, templates []IndexTemplate, blocked []string, name string) (Finding, error) {
	install := "inferwatchctl es install --url " + c.URL()
	finding := Finding{DataStream: name}
	t, ok := Match(templates, name)
	finding.Template, finding.Priority = t.Name, t.Priority
	switch {
	case slices.Contains(blocked, name):
		finding.State = StateBlocked
		finding.Detail = "an index or alias with this name exists and is not a data stream: reindex it under another name and delete it"
		return finding, nil
	case !ok:
		finding.State = StateMissing
		finding.Detail = "no index template matches: run " + install
		return finding, nil
	case !t.DataStream:
		finding.State = StateNoDataStream
		finding.Detail = "the template that wins has no data_stream: " + remedy(t, install)
		return finding, nil
	}
	faults, err := c.mappingFaults(ctx, name)
	switch {
	case err != nil:
		return finding, err
	case len(faults) > 0:
		finding.State = StateUnfit
		finding.Detail = strings.Join(faults, "; ") + ": " + remedy(t, install)
	case t.ManagedBy == ManagedBy && t.Version < Version:
		finding.State = StateOutdated
		finding.Detail = fmt.Sprintf("version %d of the template, version %d is current: run %s", t.Version, Version, install)
	default:
		finding.State = StateOK
	}
	return finding, nil
}

// remedy says what helps against a template that wins but does not fit: ours, where it would win over it.
func remedy(t IndexTemplate, install string) string {
	if t.ManagedBy == ManagedBy || t.Priority < priorityWritten {
		return "run " + install
	}
	return fmt.Sprintf("change template %s, or give it a priority below %d and run %s", t.Name, priorityWritten, install)
}

// plainIndices returns those of the names that an index or alias has taken.
func (c *Client) plainIndices(ctx context.Context, names []string) ([]string, error) {
	escaped := make([]string, len(names))
	for i, name := range names {
		escaped[i] = url.PathEscape(name)
	}
	var answer struct {
		Indices, Aliases []struct {
			Name string `json:"name"`
		}
	}
	err := c.do(ctx, http.MethodGet, "/_resolve/index/"+strings.Join(escaped, ","), "ignore_unavailable=true", nil, &answer)
	// Looking needs view_index_metadata, which a user who may manage templates need not have: then that part is left out.
	if IsStatus(err, http.StatusNotFound, http.StatusForbidden) {
		return nil, nil
	}
	var taken []string
	for _, list := range [][]struct {
		Name string `json:"name"`
	}{answer.Indices, answer.Aliases} {
		for _, entry := range list {
			taken = append(taken, entry.Name)
		}
	}
	return taken, err
}
