// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The README says what the code does.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	text := string(readme)
	cfg := createDefaultConfig().(*Config)
	for option, value := range map[string]string{
		"data_streams":     strings.Join(cfg.DataStreams, "`, `"),
		"check_interval":   cfg.CheckInterval.String(),
		"recheck_interval": cfg.RecheckInterval.String(),
		"check_timeout":    cfg.CheckTimeout.String(),
		"max_answer_size":  fmt.Sprint(cfg.MaxAnswerSize),
	} {
		assert.Contains(t, text, "| `"+option+"` | `"+value+"` |")
	}
	for _, kind := range append(knownErrorTypes(), otherErrorType) {
		assert.Contains(t, text, "`"+kind+"`")
	}
}
