// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzFences: whatever the text, each block's lines are lines of the text from where it says that it begins.
func FuzzFences(f *testing.F) {
	for _, file := range []string{"testdata/markdown/README.md", "testdata/bad/docs/fragments.md"} {
		text, err := os.ReadFile(file)
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines := strings.Split(text, "\n")
		for _, block := range fences("a.md", text) {
			for i, line := range strings.Split(strings.TrimSuffix(block.text, "\n"), "\n") {
				if block.text == "\n" && i == 0 {
					break // an empty block
				}
				if at := block.line - 1 + i; !strings.HasSuffix(strings.TrimSuffix(lines[at], "\r"), line) {
					t.Fatalf("line %d of the block at %d is %q, found %q", i+1, block.line, line, lines[at])
				}
			}
		}
	})
}
