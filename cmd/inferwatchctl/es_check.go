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

type esCheck struct {
	connection
	dataStreams []string
	output      format
}

const checkHelp = `Tell whether Elasticsearch is ready for inferwatch's data: for each data stream, which index template wins, and whether
it makes a data stream with a mapping that fits. Templates of others are fine when they do. Nothing is changed.

Needs the cluster privileges monitor and manage_index_templates (to simulate an index), and for a full answer the index
privilege view_index_metadata on the data streams.
`

func newESCheckCommand(s streams) *cobra.Command {
	check := &esCheck{output: formatText}
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Tell whether Elasticsearch is ready for inferwatch's data",
		Long:  checkHelp + connectionHelp,
		Example: "  inferwatchctl es check --url http://127.0.0.1:9200\n" +
			"  inferwatchctl es check --data-stream metrics-generic.otel-default",
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return check.run(cmd, s) },
	}
	check.register(cmd.Flags())
	cmd.Flags().StringSliceVar(&check.dataStreams, "data-stream", elasticsearch.DefaultDataStreams(), "data streams to look at; may be repeated")
	cmd.Flags().Var(&check.output, "output", "how to report: text or json")
	return cmd
}

func (c *esCheck) run(cmd *cobra.Command, s streams) error {
	var faults []error
	for _, name := range c.dataStreams {
		if err := elasticsearch.ValidateDataStream(name); err != nil {
			faults = append(faults, fmt.Errorf("--data-stream %w", err))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return &usageError{err: err, command: cmd.CommandPath()}
	}
	client, err := c.client(cmd, s.getenv)
	if err != nil {
		return err
	}
	report, err := elasticsearch.Check(cmd.Context(), client, c.dataStreams)
	if err != nil {
		return explain(client, c.timeout, err)
	}
	if err := c.write(s.out, report); err != nil {
		return err
	}
	if names := report.Faults(); len(names) > 0 {
		return fmt.Errorf("%d of %d data streams are not ready at %s: %s", len(names), len(report.Findings), client.URL(), strings.Join(names, ", "))
	}
	return nil
}

func (c *esCheck) write(w io.Writer, report elasticsearch.CheckReport) error {
	if c.output == formatJSON {
		return writeJSON(w, report)
	}
	rows := [][]string{{"DATA STREAM", "STATE", "TEMPLATE", "PRIORITY"}}
	for _, f := range report.Findings {
		template, priority := "-", "-"
		if f.Template != "" {
			template, priority = f.Template, strconv.FormatInt(f.Priority, 10)
		}
		rows = append(rows, []string{f.DataStream, string(f.State), template, priority})
	}
	if err := writeTable(w, rows); err != nil {
		return err
	}
	for _, f := range report.Findings {
		if f.Detail != "" {
			fmt.Fprintf(w, "%s: %s\n", f.DataStream, f.Detail)
		}
	}
	_, err := fmt.Fprintf(w, "Elasticsearch %s, cluster %s, %s\n", report.Cluster.Version, report.Cluster.Name, report.Cluster.URL)
	return err
}
