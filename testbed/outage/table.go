// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package outage

import (
	"fmt"
	"io"
)

// writeTable writes the rows as Markdown.
func writeTable(w io.Writer, rows []row) error {
	_, err := fmt.Fprint(w, "| case | signal | back-end | sent | accepted | delivered | lost | duplicated | of these by the sender's own resend |\n",
		"| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, r := range rows {
		duplicated, resent := "not visible", ""
		if r.delivery.showsRepeats {
			duplicated, resent = fmt.Sprint(r.repeated), fmt.Sprint(r.repeated-r.unasked)
		}
		if err == nil {
			_, err = fmt.Fprintf(w, "| %s | %s | %s | %d | %d | %d | %d | %s | %s |\n", r.name, r.delivery.signal, r.delivery.backEnd,
				len(r.result.Sent), len(r.result.Accepted), r.delivered, len(r.result.Accepted)-r.delivered, duplicated, resent)
		}
	}
	return err
}
