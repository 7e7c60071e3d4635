// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/inferwatch/inferwatch/internal/elasticsearch"
)

type esInstall struct {
	connection
	replicas  int
	retention []string
	force     bool
	dryRun    bool
	output    format
}

func installHelp() string {
	return `Install the index templates that inferwatch's data needs.

It can be repeated: what is there in this version and with these settings stays as it is, what is older is brought up
to date, a setting that is not given again is taken away. A template of a newer version, or one that inferwatchctl did
not make, is not overwritten without --force; then nothing is installed at all.

--retention 30d gives every class of data a data stream lifecycle; audit and security logs are kept for a year at least.
--retention audit=730d sets one class: ` + strings.Join(elasticsearch.Classes(), ", ") + `.
Without it, data is kept until somebody deletes it.

Needs the cluster privileges monitor and manage_index_templates.
`
}

func newESInstallCommand(s streams) *cobra.Command {
	install := &esInstall{output: formatText}
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install the index templates that inferwatch's data needs",
		Long:  installHelp() + connectionHelp,
		Example: "  inferwatchctl es install --url http://127.0.0.1:9200 --replicas 0\n" +
			"  inferwatchctl es install --url https://es:9200 --ca-file ca.pem --api-key-file key --retention 30d --retention audit=730d",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return install.run(cmd, s) },
	}
	install.register(cmd.Flags())
	cmd.Flags().IntVar(&install.replicas, "replicas", 0, "replicas of each index (without it, what the cluster does by itself)")
	cmd.Flags().StringArrayVar(&install.retention, "retention", nil, "how long data is kept, such as 30d or audit=730d; may be repeated")
	cmd.Flags().BoolVar(&install.force, "force", false, "overwrite newer templates and those that others made under our names")
	cmd.Flags().BoolVar(&install.dryRun, "dry-run", false, "say what would be done, and do nothing")
	cmd.Flags().Var(&install.output, "output", "how to report: text or json; json holds the templates in full")
	return cmd
}

func (i *esInstall) run(cmd *cobra.Command, s streams) error {
	opts := elasticsearch.InstallOptions{Force: i.force, DryRun: i.dryRun}
	var faults []error
	if cmd.Flags().Changed("replicas") {
		opts.Replicas = &i.replicas
		if i.replicas < 0 {
			faults = append(faults, fmt.Errorf("--replicas must be 0 or greater, found %d", i.replicas))
		}
	}
	var err error
	if opts.Retention, err = elasticsearch.ParseRetention(i.retention); err != nil {
		faults = append(faults, err)
	}
	if err := errors.Join(faults...); err != nil {
		return &usageError{err: err, command: cmd.CommandPath()}
	}
	client, err := i.client(cmd, s.getenv)
	if err != nil {
		return err
	}
	report, err := elasticsearch.Install(cmd.Context(), client, opts)
	if len(report.Steps) > 0 {
		if werr := i.write(s.out, report); werr != nil {
			return werr
		}
	}
	return explain(client, i.timeout, err)
}

func (i *esInstall) write(w io.Writer, report elasticsearch.InstallReport) error {
	if i.output == formatJSON {
		return writeJSON(w, report)
	}
	rows := [][]string{{"TEMPLATE", "KIND", "FOUND", "VERSION", "RESULT"}}
	for _, step := range report.Steps {
		found := "-"
		if step.Found > 0 {
			found = strconv.FormatInt(step.Found, 10)
		}
		rows = append(rows, []string{step.Name, string(step.Kind), found, strconv.Itoa(report.Version), result(step)})
	}
	if err := writeTable(w, rows); err != nil {
		return err
	}
	for _, note := range report.Notes {
		fmt.Fprintln(w, "note:", note)
	}
	_, err := fmt.Fprintf(w, "Elasticsearch %s, cluster %s, %s\n", report.Cluster.Version, report.Cluster.Name, report.Cluster.URL)
	return err
}

func result(step elasticsearch.Step) string {
	done := map[elasticsearch.Action]string{
		elasticsearch.ActionCreate:    "created",
		elasticsearch.ActionUpdate:    "updated",
		elasticsearch.ActionOverwrite: "overwritten: " + step.Reason,
	}
	switch {
	case step.Done:
		return done[step.Action]
	case step.Action == elasticsearch.ActionUnchanged:
		return "unchanged"
	case step.Action == elasticsearch.ActionRefuse:
		return "refused: " + step.Reason
	}
	return "not written: would be " + done[step.Action]
}
