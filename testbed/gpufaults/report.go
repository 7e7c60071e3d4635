// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"io"
)

// writeTable writes the rows as Markdown.
func writeTable(w io.Writer, rows []row) error {
	_, err := fmt.Fprint(w, "| fault | reported | lost | recovered, in collections | collector alive, same pid |\n| --- | --- | --- | ---: | --- |\n")
	for _, r := range rows {
		if err == nil {
			_, err = fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", r.fault, r.reported, r.lost, r.recovery, r.process)
		}
	}
	return err
}
