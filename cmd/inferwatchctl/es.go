// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"
)

func newESCommand(s streams) *cobra.Command {
	group := newGroup("es", "Set up and check Elasticsearch")
	group.Long = "Set up and check Elasticsearch.\n\n" +
		"Elasticsearch refuses documents for a data stream that has no index template, and the collector's exporter\n" +
		"counts them as sent all the same. install puts the templates there, check tells whether they are."
	group.AddCommand(newESInstallCommand(s), newESCheckCommand(s))
	return group
}
