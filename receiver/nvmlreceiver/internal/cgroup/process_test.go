// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	testContainer = "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"
	testUID       = "7d9f4a51-6f3b-4c0e-9a55-2d1f0b7c8e31"
)

type fakeProc struct{ root string }

func (p fakeProc) add(t testing.TB, pid, comm, cgroup string, start uint64) {
	t.Helper()
	dir := filepath.Join(p.root, "proc", pid)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	stat := fmt.Sprintf("%s (%s) S 1 7 7 0 -1 4194560 90 0 3 0 11 5 0 0 20 0 4 0 %d 1024 99 18446744073709551615 0\n", "7", comm, start)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "stat"), []byte(stat), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup"), []byte(cgroup), 0o600))
}

func podPath() string { return "0::/kubepods/burstable/pod" + testUID + "/" + testContainer + "\n" }

func TestReadThisProcess(t *testing.T) {
	r := NewReader("/")
	r.own = func() []byte { return nil } // this process is in its own container, of course
	p, err := r.Read(uint32(os.Getpid()))
	require.NoError(t, err)
	exe, err := os.Executable()
	require.NoError(t, err)
	assert.Equal(t, filepath.Base(exe), p.Executable)
	assert.True(t, strings.HasPrefix(p.Executable, p.Name) || p.Name != "", "comm %q", p.Name)
	start, err := r.StartTime(uint32(os.Getpid()))
	require.NoError(t, err)
	assert.Equal(t, p.StartTime, start)
	assert.NotZero(t, start)
}

func TestGoneProcess(t *testing.T) {
	cmd := exec.Command("true")
	require.NoError(t, cmd.Run())
	_, err := NewReader("").Read(uint32(cmd.Process.Pid))
	assert.ErrorIs(t, err, ErrGone)
	_, err = NewReader("").StartTime(uint32(cmd.Process.Pid))
	assert.ErrorIs(t, err, ErrGone)
}

func TestHostMount(t *testing.T) {
	p := fakeProc{root: t.TempDir()}
	p.add(t, "7", "tmux: (server) x", podPath(), 8812)
	require.NoError(t, os.Symlink("/usr/bin/python3.12 (deleted)", filepath.Join(p.root, "proc/7/exe")))
	got, err := NewReader(p.root).Read(7)
	require.NoError(t, err)
	assert.Equal(t, Process{
		Identity:   Identity{ContainerID: testContainer, PodUID: testUID},
		Name:       "tmux: (server) x",
		Executable: "python3.12",
		StartTime:  8812,
	}, got)
}

func TestForbiddenExeGivesNoName(t *testing.T) {
	p := fakeProc{root: t.TempDir()}
	p.add(t, "7", "vllm\x01", podPath(), 1)
	got, err := NewReader(p.root).Read(7)
	require.NoError(t, err)
	assert.Empty(t, got.Executable)
	assert.Equal(t, "vllm", got.Name, "control characters leave")
}

func TestBadStat(t *testing.T) {
	p := fakeProc{root: t.TempDir()}
	p.add(t, "7", "x", podPath(), 1)
	for _, content := range []string{"", "7", "7 (x", "7 (x) S 1 2 3", "7 (x) S 1 7 7 0 -1 4194560 90 0 3 0 11 5 0 0 20 0 4 0 abc 1"} {
		require.NoError(t, os.WriteFile(filepath.Join(p.root, "proc/7/stat"), []byte(content), 0o600))
		_, err := NewReader(p.root).Read(7)
		assert.Error(t, err, content)
		assert.NotErrorIs(t, err, ErrGone, content)
	}
}

// Without hostPID an old driver's PID may by chance be a process of the collector's own container.
func TestOwnContainerIsRefusedWithoutHostPID(t *testing.T) {
	p := fakeProc{root: t.TempDir()}
	p.add(t, "self", "inferwatch", podPath(), 1)
	p.add(t, "7", "sh", podPath(), 2)
	p.add(t, "8", "vllm", "0::/docker/"+testContainer+"\n", 3)
	r := NewReader(p.root)
	assert.False(t, r.HostPID())
	_, err := r.Read(7)
	assert.ErrorIs(t, err, ErrOwnContainer)
	_, err = r.Read(8)
	assert.NoError(t, err, "another container's process is beyond doubt")

	p.add(t, "2", "kthreadd", "0::/\n", 4)
	r = NewReader(p.root)
	assert.True(t, r.HostPID())
	_, err = r.Read(7)
	assert.NoError(t, err, "with hostPID every PID is what it seems")
}

func TestHugeFileIsBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "cgroup")
	require.NoError(t, os.WriteFile(name, []byte(strings.Repeat("9:memory:/x\n", 100_000)), 0o600))
	content, err := readBounded(name)
	require.NoError(t, err)
	assert.Len(t, content, maxFile)
}

func BenchmarkRead(b *testing.B) {
	p := fakeProc{root: b.TempDir()}
	p.add(b, "7", "python3", podPath(), 1)
	r := NewReader(p.root)
	b.Run("whole", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Read(7); err != nil {
				b.Fatal(err)
			}
		}
	})
	real := NewReader("/")
	b.Run("start time, real proc", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := real.StartTime(1); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// The PID is given to another process between the reads of its files.
func TestPIDReusedWhileItIsRead(t *testing.T) {
	p := fakeProc{root: t.TempDir()}
	p.add(t, "7", "old", podPath(), 1)
	pipe := filepath.Join(p.root, "proc/7/cgroup")
	require.NoError(t, os.Remove(pipe))
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	failed := make(chan error)
	go func() {
		_, err := NewReader(p.root).Read(7)
		failed <- err
	}()
	w, err := os.OpenFile(pipe, os.O_WRONLY, 0) // returns once the reader has opened it, so after it has read stat
	require.NoError(t, err)
	stat := filepath.Join(p.root, "proc/7/stat")
	content, err := os.ReadFile(stat)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(stat, []byte(strings.Replace(string(content), " 1 1024", " 2 1024", 1)), 0o600))
	_, err = w.WriteString(podPath())
	require.NoError(t, err)
	require.NoError(t, w.Close())
	assert.ErrorIs(t, <-failed, ErrGone)
}
