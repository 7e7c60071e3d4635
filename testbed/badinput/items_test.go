// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package badinput

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/collector"
	"github.com/inferwatch/inferwatch/testbed/load"
)

const (
	patience = 10 * time.Second
	pause    = 50 * time.Millisecond
)

// sending starts to send one numbered item, again and again until it is taken. The filler makes it larger.
func sending(t *testing.T, cfg load.Config, filler int) *load.Generator {
	t.Helper()
	cfg.Items, cfg.RetryPause = 1, pause
	cfg.Attributes = map[string]string{"filler": strings.Repeat("x", filler)}
	g, err := load.New(cfg)
	require.NoError(t, err)
	g.Start(t.Context())
	return g
}

// accepted waits until the item is taken and returns its id.
func accepted(t *testing.T, g *load.Generator) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result := g.Wait(ctx)
	require.Len(t, result.Accepted, 1, "the good item was not accepted: %v", result.LastErr)
	return load.RequestID(g.Run(), 0)
}

// sendLog delivers one good log record to the collector.
func sendLog(t *testing.T, c *collector.Collector) string {
	t.Helper()
	return accepted(t, sending(t, load.Config{Signal: load.Logs, Protocol: load.HTTP, Endpoint: c.OTLPHTTP}, 0))
}

// awaitLogs waits until each of these records stands once in the collector's file, and returns the file.
func awaitLogs(t *testing.T, c *collector.Collector, ids ...string) string {
	t.Helper()
	var text string
	require.Eventually(t, func() bool {
		content, err := os.ReadFile(filepath.Join(c.Storage, "logs.json"))
		text = string(content)
		for _, id := range ids {
			if err != nil || strings.Count(text, `"`+id+`"`) != 1 {
				return false
			}
		}
		return true
	}, patience, pause, "%s/logs.json must have each of %v once", c.Storage, ids)
	return text
}
