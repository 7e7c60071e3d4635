// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"regexp"
	"strings"
	"testing"
)

var promQLBlock = regexp.MustCompile("(?ms)^```promql\n(.*?)^```$")

// documentationAnswers runs each PromQL block of docs/gpu.md: one query a block, # begins a comment.
func (w *world) documentationAnswers(t *testing.T) {
	blocks := promQLBlock.FindAllStringSubmatch(string(readFile(t, "docs/gpu.md")), -1)
	if len(blocks) == 0 {
		t.Fatal("docs/gpu.md has no PromQL")
	}
	for _, block := range blocks {
		found, err := w.run(t.Context(), strings.TrimSpace(block[1]), false)
		if err != nil || len(found) == 0 {
			t.Errorf("docs/gpu.md: %d series, %v:\n%s", len(found), err, block[1])
		}
	}
	t.Logf("docs/gpu.md: %d queries", len(blocks))
}
