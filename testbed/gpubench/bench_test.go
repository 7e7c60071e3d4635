// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestShort runs everything briefly: that every part works, that the loop makes the same calls, and that the report has every part. It
// says nothing about figures.
func TestShort(t *testing.T) {
	program, report := filepath.Join(t.TempDir(), "gpubench"), filepath.Join(t.TempDir(), "report.md")
	out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	arguments := []string{"-short", "-report", report}
	if helper := os.Getenv("INFERWATCH_NVML_HELPER"); helper != "" {
		arguments = append(arguments, "-helper", helper)
	}
	out, err = exec.Command(program, arguments...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	text, err := os.ReadFile(report)
	require.NoError(t, err)
	for _, part := range []string{"## A collection against a bare C loop", "## Processor and memory", "## Sampling intervals", "## NVML in the process itself", "No peer given"} {
		assert.Contains(t, string(text), part)
	}
}

func TestTallyDifferences(t *testing.T) {
	ours := tally{"nvmlInit_v2": 1, "field 83": 8, "nvmlDeviceGetCount_v2": 2}
	assert.Empty(t, ours.differences(tally{"nvmlInit_v2": 1, "field 83": 8, "nvmlDeviceGetCount_v2": 2}))
	assert.Equal(t, []string{"field 83: 8 and 7", "nvmlShutdown: 0 and 1"}, ours.differences(tally{"nvmlInit_v2": 1, "field 83": 7, "nvmlDeviceGetCount_v2": 2, "nvmlShutdown": 1}))
	assert.Equal(t, uint64(3), ours.calls())
	assert.Equal(t, "field 83=8;nvmlDeviceGetCount_v2=2;nvmlInit_v2=1", ours.plan())
	assert.Equal(t, tally{"nvmlInit_v2": 1}, tally{"nvmlInit_v2": 3, "field 83": 8}.since(tally{"nvmlInit_v2": 2, "field 83": 8}))
}

func TestQuantiles(t *testing.T) {
	some := times{5, 1, 4, 2, 3}
	assert.EqualValues(t, 3, some.median())
	assert.EqualValues(t, 2, some.quantile(0.25))
	assert.EqualValues(t, 5, some.quantile(1))
	assert.InDelta(t, 2, pairwise(times{2, 9, 8}, times{1, 3, 4}).median(), 0)
}
