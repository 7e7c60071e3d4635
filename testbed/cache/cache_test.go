// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package cache_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/cache"
)

const builderMode = "TESTBED_CACHE_TEST_BUILDER" // how long a build takes

// TestMain lets the test binary be another process that builds.
func TestMain(m *testing.M) {
	pause, err := time.ParseDuration(os.Getenv(builderMode))
	if err != nil {
		os.Exit(m.Run())
	}
	_, err = cache.Ensure(context.Background(), "thing", "key", os.Stderr, func(_ context.Context, dir string) error {
		fmt.Println("building")
		time.Sleep(pause)
		return os.WriteFile(filepath.Join(dir, "content"), []byte("other"), 0o600)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// use makes a cache of its own for the test.
func use(t *testing.T) string {
	dir := filepath.Join(t.TempDir(), "cache")
	t.Setenv("INFERWATCH_CACHE", dir)
	return dir
}

func writing(text string) func(context.Context, string) error {
	return func(_ context.Context, dir string) error {
		return os.WriteFile(filepath.Join(dir, "content"), []byte(text), 0o600)
	}
}

func content(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "content"))
	require.NoError(t, err)
	return string(text)
}

func TestDir(t *testing.T) {
	t.Setenv("INFERWATCH_CACHE", "")
	t.Setenv("XDG_CACHE_HOME", "/xdg")
	dir, err := cache.Dir()
	require.NoError(t, err)
	assert.Equal(t, "/xdg/inferwatch", dir)

	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "/home/me")
	dir, err = cache.Dir()
	require.NoError(t, err)
	assert.Equal(t, "/home/me/.cache/inferwatch", dir)

	t.Setenv("INFERWATCH_CACHE", "/mine")
	dir, err = cache.Dir()
	require.NoError(t, err)
	assert.Equal(t, "/mine", dir)
}

func TestEnsureBuildsEachKeyOnce(t *testing.T) {
	root := use(t)
	var progress bytes.Buffer
	first, err := cache.Ensure(t.Context(), "thing", "a", &progress, writing("1"))
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "thing-a"), first)
	assert.Equal(t, "[   0 s] thing: building\n[   0 s] thing: built\n", progress.String())

	again, err := cache.Ensure(t.Context(), "thing", "a", io.Discard, writing("2"))
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Equal(t, "1", content(t, again))

	other, err := cache.Ensure(t.Context(), "thing", "b", io.Discard, writing("3"))
	require.NoError(t, err)
	assert.Equal(t, "3", content(t, other))
}

func TestEnsureLeavesNothingOfAFailedBuild(t *testing.T) {
	root := use(t)
	_, err := cache.Ensure(t.Context(), "thing", "a", io.Discard, func(ctx context.Context, dir string) error {
		return errors.Join(writing("half")(ctx, dir), errors.New("no compiler"))
	})
	require.EqualError(t, err, "cannot build thing: no compiler")
	entries, err := os.ReadDir(root)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	assert.Equal(t, "thing.lock", entries[0].Name())

	dir, err := cache.Ensure(t.Context(), "thing", "a", io.Discard, writing("whole"))
	require.NoError(t, err)
	assert.Equal(t, "whole", content(t, dir))
}

func TestEnsureBuildsOnceForAllInAProcess(t *testing.T) {
	use(t)
	var builds atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			_, err := cache.Ensure(t.Context(), "thing", "a", io.Discard, func(context.Context, string) error {
				builds.Add(1)
				time.Sleep(50 * time.Millisecond)
				return nil
			})
			assert.NoError(t, err)
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, builds.Load())
}

// otherProcess starts one that builds the same thing, and waits until it has begun.
func otherProcess(t *testing.T, pause time.Duration) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), builderMode+"="+pause.String())
	output, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = output.Read(make([]byte, 1))
	require.NoError(t, err)
	return cmd
}

func TestEnsureWaitsForAnotherProcess(t *testing.T) {
	use(t)
	other := otherProcess(t, 500*time.Millisecond)
	var progress bytes.Buffer
	dir, err := cache.Ensure(t.Context(), "thing", "key", &progress, writing("mine"))
	require.NoError(t, err)
	require.NoError(t, other.Wait())
	assert.Equal(t, "other", content(t, dir))
	assert.Equal(t, "[   0 s] thing: another process builds it, waiting\n", progress.String())
}

func TestEnsureBuildsAfterAnotherProcessWasKilled(t *testing.T) {
	root := use(t)
	other := otherProcess(t, time.Minute)
	require.NoError(t, other.Process.Kill())
	require.Error(t, other.Wait())
	leftover, err := filepath.Glob(filepath.Join(root, ".thing.building-*"))
	require.NoError(t, err)
	require.Len(t, leftover, 1)

	dir, err := cache.Ensure(t.Context(), "thing", "key", io.Discard, writing("mine"))
	require.NoError(t, err)
	assert.Equal(t, "mine", content(t, dir))
	assert.NoDirExists(t, leftover[0])
}

func TestEnsureStopsWaitingWhenItsContextEnds(t *testing.T) {
	use(t)
	other := otherProcess(t, time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := cache.Ensure(ctx, "thing", "key", io.Discard, writing("mine"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NoError(t, other.Process.Kill())
	require.Error(t, other.Wait())
}
