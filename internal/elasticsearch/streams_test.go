// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestValidateDataStream(t *testing.T) {
	for _, name := range DefaultDataStreams() {
		assert.NoError(t, ValidateDataStream(name))
	}
	for name, want := range map[string]string{
		"":                                  "must not be empty",
		strings.Repeat("a", 256):            "must be at most 255 bytes long, found 256",
		"Logs-a-b":                          `must be lower case, found "Logs-a-b"`,
		"logs-*":                            `must name one data stream, not a pattern, found "logs-*"`,
		"logs a":                            `must not contain any of \ / ? " < > | , # : or a space, found "logs a"`,
		"logs/a":                            `must not contain any of`,
		"cluster:logs-request.otel-default": `must not contain any of`,
		".ds-logs":                          `must not begin with any of . - _ +, found ".ds-logs"`,
		"_all":                              `must not begin with any of . - _ +`,
	} {
		assert.ErrorContains(t, ValidateDataStream(name), want)
	}
}
