// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/internal/repo"
	"github.com/inferwatch/inferwatch/testbed/validate"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden checks each folder of testdata as if it were a checkout, with the real binary.
func TestGolden(t *testing.T) {
	entries, err := os.ReadDir("testdata")
	require.NoError(t, err)
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		t.Run(entry.Name(), func(t *testing.T) {
			folder := filepath.Join("testdata", entry.Name())
			golden := folder + ".golden"
			got := report(t, folder)
			if *update {
				require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), got)
		})
	}
}

// report is what is written, and the error that ends it.
func report(t *testing.T, folder string) string {
	t.Helper()
	root, err := filepath.Abs(folder)
	require.NoError(t, err)
	cfg := validate.Config{Binary: binary(t), Root: root}
	if filepath.Base(folder) == "copies" {
		cfg.Copies = []validate.Copy{
			{Section: "processors", ID: "transform/privacy"},
			{Section: "processors", ID: "transform/log_class"},
			{Section: "connectors", ID: "span_metrics"},
		}
	}
	var out bytes.Buffer
	err = validate.Run(t.Context(), cfg, &out)
	text := strings.ReplaceAll(fmt.Sprintf("%sresult: %v\n", out.String(), err), root, "ROOT")
	// What the binary has is not what is tested here.
	return regexp.MustCompile(`\(valid values: \[.*?\]\)`).ReplaceAllString(text, "(valid values: [...])")
}

func binary(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	return cmp.Or(os.Getenv("INFERWATCH_BIN"), filepath.Join(root, "bin", "inferwatch"))
}

func TestMissingBinaryIsNamed(t *testing.T) {
	cfg := validate.Config{Binary: "/nowhere/inferwatch", Root: "testdata/good"}
	err := validate.Run(t.Context(), cfg, &bytes.Buffer{})
	assert.EqualError(t, err, "/nowhere/inferwatch components: fork/exec /nowhere/inferwatch: no such file or directory")
}
