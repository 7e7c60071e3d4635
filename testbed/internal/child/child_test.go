// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package child_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/internal/child"
	"github.com/inferwatch/inferwatch/testbed/process"
)

const soon = 5 * time.Second

func shell(t *testing.T, script string) *child.Child {
	c := child.New(process.Spec{
		Name: "script", Path: "sh", Args: []string{"-c", script}, LogFile: filepath.Join(t.TempDir(), "log"), ReadyText: "up",
	})
	c.EndWith(t)
	return c
}

func TestChildRunsAgainAfterStopAndKill(t *testing.T) {
	c := shell(t, "echo up; exec sleep 600")
	assert.Zero(t, c.Pid())
	c.Start()
	first := c.Pid()
	require.ErrorContains(t, c.TryStart(), "script runs already")
	c.Stop()
	c.Stop() // does nothing
	c.Start()
	assert.NotEqual(t, first, c.Pid())
	c.Kill()
	assert.Zero(t, c.Pid())
	c.Start()
	assert.Equal(t, "up\nup\nup\n", c.Log())
}

func TestStopReportsAChildThatEndedByItself(t *testing.T) {
	c := shell(t, "echo up; sleep 0.2; exit 9")
	c.Start()
	<-c.Exited()
	require.ErrorContains(t, c.TryStop(), "had ended by itself with exit status 9; its log ends:\nup\n")
	require.NoError(t, c.TryStop(), "it was reported")
}

func TestWaitExitExpectsIt(t *testing.T) {
	c := shell(t, "echo up; sleep 0.2; exit 9")
	c.Start()
	assert.Equal(t, 9, c.WaitExit(soon))
	require.NoError(t, c.TryStop())
}

func TestStartContextGivesUp(t *testing.T) {
	c := shell(t, "exec sleep 600") // never says that it is up
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(200*time.Millisecond, cancel)
	started := time.Now()
	require.ErrorContains(t, c.StartContext(ctx), `script was not ready when the wait was called off: its log does not say "up"`)
	assert.Less(t, time.Since(started), soon)
	assert.Zero(t, c.Pid())
}
