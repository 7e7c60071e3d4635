// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"context"
	"fmt"
	"net/http"
	"strings"
)

// InstallOptions say what to install and how.
type InstallOptions struct {
	Replicas  *int
	Retention Retention
	// Force overwrites templates of a newer version and those that somebody else made under our names.
	Force bool
	// DryRun only says what would be done.
	DryRun bool
}

// Action is what is done with one template.
type Action string

// What Install does with a template.
const (
	ActionCreate    Action = "create"
	ActionUpdate    Action = "update"
	ActionOverwrite Action = "overwrite"
	ActionUnchanged Action = "unchanged"
	ActionRefuse    Action = "refuse"
)

// Step is what is done with one template and why.
type Step struct {
	Template
	Action Action `json:"action"`
	// Found is the version that the cluster has, 0 where it has none.
	Found int64 `json:"found_version"`
	// Done tells whether the template was written.
	Done bool `json:"done"`
	// Reason says why a template is refused or overwritten.
	Reason string `json:"reason,omitempty"`
}

// InstallReport is the outcome of Install.
type InstallReport struct {
	Cluster Cluster `json:"cluster"`
	Version int     `json:"version"`
	Steps   []Step  `json:"templates"`
	// Notes name what the cluster cannot do, and what that means.
	Notes []string `json:"notes,omitempty"`
}

// Install writes what is missing or older, components first. Nothing is written when any template is refused. The report
// tells how far it came also when there is an error.
func Install(ctx context.Context, client *Client, opts InstallOptions) (InstallReport, error) {
	report := InstallReport{Version: Version}
	var err error
	if report.Cluster, err = client.Info(ctx); err != nil {
		return report, err
	}
	absent, notes, err := probe(ctx, client, opts)
	report.Notes = notes
	if err != nil {
		return report, err
	}
	templates, err := Templates(Options{Replicas: opts.Replicas, Retention: opts.Retention, AbsentTypes: absent})
	if err != nil {
		return report, err
	}
	if report.Steps, err = plan(ctx, client, templates, opts.Force); err != nil {
		return report, err
	}
	if err := refusals(report.Steps); err != nil || opts.DryRun {
		return report, err
	}
	if err := write(ctx, client, report.Steps); err != nil {
		return report, err
	}
	if updated(report.Steps) {
		report.Notes = append(report.Notes,
			"data streams that exist keep their mapping until the next rollover (POST "+client.URL()+"/NAME/_rollover)"+
				" and their retention until it is set on them (PUT "+client.URL()+"/_data_stream/NAME/_lifecycle)")
	}
	return report, nil
}

// probe finds out what the cluster lacks, and says it.
func probe(ctx context.Context, client *Client, opts InstallOptions) (absent, notes []string, err error) {
	for _, fieldType := range []string{typeHistogram, typeAggregateMetricDouble} {
		known, err := client.hasFieldType(ctx, fieldType)
		if err != nil {
			return nil, notes, fmt.Errorf("finding out whether the cluster knows field type %s: %w", fieldType, err)
		}
		if !known {
			absent = append(absent, fieldType)
			notes = append(notes, "the cluster does not know field type "+fieldType+": "+withoutType(fieldType))
		}
	}
	if len(opts.Retention) == 0 {
		return absent, notes, nil
	}
	acts, err := client.hasLifecycle(ctx)
	switch {
	case IsStatus(err, http.StatusUnauthorized, http.StatusForbidden):
		return absent, append(notes, "could not see whether the cluster acts on data stream lifecycles: "+err.Error()), nil
	case err != nil:
		return absent, notes, err
	case !acts:
		notes = append(notes, "the cluster has no data stream lifecycle: the retention is stored in the templates, but nothing will be deleted")
	}
	return absent, notes, nil
}

func withoutType(fieldType string) string {
	if fieldType == typeHistogram {
		return "histograms are indexed as numbers (counts, values); percentile aggregations will not work on them"
	}
	return "summaries are indexed as numbers (sum, value_count); avg and the like will not work on them"
}

// plan compares each template with what the cluster has under its name.
func plan(ctx context.Context, client *Client, templates []Template, force bool) ([]Step, error) {
	stored, err := client.storedTemplates(ctx)
	if err != nil {
		return nil, err
	}
	steps := make([]Step, 0, len(templates))
	for _, t := range templates {
		have, found := stored[t.Kind][t.Name]
		steps = append(steps, decide(t, have, found, force))
	}
	return steps, nil
}

func decide(t Template, have stamp, found, force bool) Step {
	step := Step{Template: t, Action: ActionCreate}
	if !found {
		return step
	}
	step.Found = have.version
	switch {
	case have.managedBy != ManagedBy:
		step.Action, step.Reason = ActionRefuse, "it exists, and inferwatchctl did not make it"
	case have.version > Version:
		step.Action, step.Reason = ActionRefuse, fmt.Sprintf("the cluster has version %d, newer than version %d of this inferwatchctl", have.version, Version)
	case have.checksum == t.Checksum && !force:
		step.Action = ActionUnchanged
		return step
	default:
		step.Action = ActionUpdate
		return step
	}
	if force {
		step.Action = ActionOverwrite
	}
	return step
}

func refusals(steps []Step) error {
	var refused []string
	for _, step := range steps {
		if step.Action == ActionRefuse {
			refused = append(refused, fmt.Sprintf("%s %s (%s)", step.Kind, step.Name, step.Reason))
		}
	}
	if len(refused) == 0 {
		return nil
	}
	return fmt.Errorf("nothing was installed, so as not to overwrite %s: --force overwrites", strings.Join(refused, ", "))
}

func write(ctx context.Context, client *Client, steps []Step) error {
	for i := range steps {
		step := &steps[i]
		if step.Action == ActionUnchanged {
			continue
		}
		if err := client.do(ctx, http.MethodPut, step.Path(), "", step.Body, nil); err != nil {
			return fmt.Errorf("%s %s was not installed: %w", step.Kind, step.Name, err)
		}
		step.Done = true
	}
	return nil
}

func updated(steps []Step) bool {
	for _, step := range steps {
		if step.Done && step.Action != ActionCreate {
			return true
		}
	}
	return false
}

// stamp is what we write into a template to know it again.
type stamp struct {
	version             int64
	managedBy, checksum string
}

type storedTemplate struct {
	Version int64 `json:"version"`
	Meta    struct {
		ManagedBy any `json:"managed_by"`
		Checksum  any `json:"checksum"`
	} `json:"_meta"`
}

func (s storedTemplate) stamp() stamp {
	managedBy, _ := s.Meta.ManagedBy.(string)
	checksum, _ := s.Meta.Checksum.(string)
	return stamp{version: s.Version, managedBy: managedBy, checksum: checksum}
}

// storedTemplates returns the stamps of everything whose name begins as ours do.
func (c *Client) storedTemplates(ctx context.Context) (map[Kind]map[string]stamp, error) {
	var answer struct {
		Components []struct {
			Name string         `json:"name"`
			Body storedTemplate `json:"component_template"`
		} `json:"component_templates"`
		Indices []struct {
			Name string         `json:"name"`
			Body storedTemplate `json:"index_template"`
		} `json:"index_templates"`
	}
	stamps := map[Kind]map[string]stamp{ComponentTemplate: {}, IndexTemplateKind: {}}
	for _, path := range []string{"/_component_template/inferwatch-*", TemplatesPath + "/inferwatch-*"} {
		// The metrics template alone is some kilobytes: only the stamps are wanted.
		filter := strings.Join([]string{"*.name", "*.*.version", "*.*._meta.managed_by", "*.*._meta.checksum"}, ",")
		err := c.do(ctx, http.MethodGet, path, "filter_path="+filter, nil, &answer)
		if err != nil && !IsStatus(err, http.StatusNotFound) {
			return nil, err
		}
	}
	for _, t := range answer.Components {
		stamps[ComponentTemplate][t.Name] = t.Body.stamp()
	}
	for _, t := range answer.Indices {
		stamps[IndexTemplateKind][t.Name] = t.Body.stamp()
	}
	return stamps, nil
}
