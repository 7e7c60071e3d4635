// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpusim_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/gpusim"
)

func text(t *testing.T, s *gpusim.Scenario) string {
	t.Helper()
	content, err := os.ReadFile(s.Path())
	require.NoError(t, err)
	return string(content)
}

func TestEpochStays(t *testing.T) {
	s := gpusim.New(t, "gpu 0 board L4")
	first := text(t, s)
	assert.Regexp(t, `^gpu 0 board L4\nepoch \d+\.\d{6}\n$`, first)
	time.Sleep(10 * time.Millisecond)
	s.Set("gpu 0 board L4")
	assert.Equal(t, first, text(t, s))
	assert.Greater(t, s.Now(), 0.01)
	s.Set("  epoch 5\ngpu 0 board T4\n")
	assert.Equal(t, "  epoch 5\ngpu 0 board T4\n", text(t, s))
	assert.Equal(t, []string{"NVMLSIM_SCENARIO=" + s.Path()}, s.Env())
}
