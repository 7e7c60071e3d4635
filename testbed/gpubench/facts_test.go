// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/gpusim"
	"github.com/inferwatch/inferwatch/testbed/internal/repo"
)

// The facts behind the helper process (docs/adr/0005), of a program that loads NVML into itself through go-nvml.

// inprocess builds testbed/gpubench/inprocess.
func inprocess(t *testing.T) string {
	t.Helper()
	root, err := repo.Root()
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "inprocess")
	build := exec.Command("go", "build", "-C", filepath.Join(root, "testbed"), "-ldflags=-extldflags=-Wl,-z,lazy", "-o", path, "./gpubench/inprocess")
	build.Env = append(os.Environ(), "CGO_CFLAGS=-O2 -g -Wno-deprecated-declarations")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return path
}

const scenario = "driver 570.124.06\ngpu 0 board T4\ngpu 0 load constant level=0.5\n"

// TestAMissingSymbolEndsTheProcess calls a function that the library of an old driver does not have.
func TestAMissingSymbolEndsTheProcess(t *testing.T) {
	program, sim := inprocess(t), gpusim.New(t, scenario)
	run := func(library string) (string, error) {
		command := exec.Command(program, "memory", library)
		command.Env = append(os.Environ(), sim.Env()...)
		out, err := command.CombinedOutput()
		return string(out), err
	}
	out, err := run(gpusim.Library(t))
	require.NoError(t, err)
	assert.Contains(t, out, "memory 16")

	out, err = run(gpusim.OldLibrary(t))
	var ended *exec.ExitError
	require.ErrorAs(t, err, &ended, "it must end: %s", out)
	assert.Equal(t, 127, ended.ExitCode(), "the loader ends it; Go cannot recover from that")
	assert.Contains(t, out, "symbol lookup error")
	assert.Contains(t, out, "nvmlDeviceGetMemoryInfo_v2")
}

// TestAReplacedLibraryNeedsAFreshProcess replaces the library's file, and closes and opens the library in the same process: the old
// code answers on. A fresh process has the new.
func TestAReplacedLibraryNeedsAFreshProcess(t *testing.T) {
	program, sim := inprocess(t), gpusim.New(t, scenario)
	library := filepath.Join(t.TempDir(), "libnvidia-ml.so.1")
	install := func(from string) {
		content, err := os.ReadFile(from)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(library+".new", content, 0o600))
		require.NoError(t, os.Rename(library+".new", library))
	}
	mapped := func(pid int) bool {
		maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
		require.NoError(t, err)
		return strings.Contains(string(maps), library+" (deleted)")
	}
	install(gpusim.OldLibrary(t))
	command := exec.Command(program, "replaced", library)
	command.Env = append(os.Environ(), sim.Env()...)
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := bufio.NewScanner(stdout)

	require.True(t, lines.Scan())
	before := lines.Text()
	install(gpusim.Library(t))
	_, err = fmt.Fprintln(stdin)
	require.NoError(t, err)
	require.True(t, lines.Scan())
	assert.Equal(t, before, lines.Text(), "dlclose and dlopen in the same process")
	assert.True(t, mapped(command.Process.Pid), "the deleted file is still mapped")
	require.NoError(t, stdin.Close())
	require.NoError(t, command.Wait())

	fresh := exec.Command(program, "replaced", library)
	fresh.Env = append(os.Environ(), sim.Env()...)
	out, err := fresh.Output()
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(out), "\n")
	assert.NotEqual(t, before, first, "a fresh process")
	t.Logf("before: %s; after, in the same process: the same; in a fresh one: %s", before, first)
}
