// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package process_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/process"
)

const (
	soon       = 5 * time.Second
	parentMode = "TESTBED_PROCESS_TEST_PARENT" // names the log file of the child to start
)

// TestMain lets the test binary be the parent that TestChildDiesWithItsParent kills.
func TestMain(m *testing.M) {
	log := os.Getenv(parentMode)
	if log == "" {
		os.Exit(m.Run())
	}
	p, err := process.Start(context.Background(), process.Spec{Name: "orphan", Path: "sleep", Args: []string{"600"}, LogFile: log})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(p.Pid())
	<-p.Exited()
}

// shell is the spec of a script.
func shell(t *testing.T, script string) process.Spec {
	return process.Spec{
		Name:    "script",
		Path:    "sh",
		Args:    []string{"-c", script},
		LogFile: filepath.Join(t.TempDir(), "logs", "script.log"),
	}
}

func start(t *testing.T, spec process.Spec) *process.Process {
	t.Helper()
	p, err := process.Start(t.Context(), spec)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Kill()) })
	return p
}

func TestStopEndsBySIGTERM(t *testing.T) {
	spec := shell(t, `trap 'echo bye >&2; exit 3' TERM; echo up; while :; do sleep 0.05; done`)
	spec.ReadyText = "up"
	p := start(t, spec)
	assert.Equal(t, -1, p.ExitCode(), "while it runs")
	require.NoError(t, p.Stop(soon))
	assert.Equal(t, 3, p.ExitCode())
	assert.Equal(t, "up\nbye\n", p.Log(), "standard output and error")
	require.NoError(t, p.Stop(soon), "a second time")
}

func TestStopKillsWhatIgnoresSIGTERM(t *testing.T) {
	spec := shell(t, `trap '' TERM; echo up; while :; do sleep 0.05; done`)
	spec.ReadyText = "up"
	p := start(t, spec)
	err := p.Stop(200 * time.Millisecond)
	require.ErrorContains(t, err, fmt.Sprintf("script (pid %d) did not end within 200ms of SIGTERM and was killed; its log ends:\nup", p.Pid()))
	assert.Equal(t, -1, p.ExitCode(), "ended by a signal")
}

func TestStopKillsAfterLastWords(t *testing.T) {
	spec := shell(t, `trap 'echo done' TERM; echo up; while :; do sleep 0.05; done`)
	spec.ReadyText, spec.LastWords = "up", "done"
	p := start(t, spec)
	require.NoError(t, p.Stop(soon))
	assert.Equal(t, -1, p.ExitCode(), "ended by a signal")
}

func TestStopEndsWhatIsPaused(t *testing.T) {
	p := start(t, process.Spec{Name: "sleep", Path: "sleep", Args: []string{"600"}, LogFile: filepath.Join(t.TempDir(), "log")})
	require.NoError(t, p.Pause())
	assert.Eventually(t, func() bool { return state(t, p.Pid()) == "T" }, soon, time.Millisecond)
	require.NoError(t, p.Stop(soon))
}

func TestResumeEndsAPause(t *testing.T) {
	p := start(t, process.Spec{Name: "sleep", Path: "sleep", Args: []string{"600"}, LogFile: filepath.Join(t.TempDir(), "log")})
	require.NoError(t, p.Pause())
	assert.Eventually(t, func() bool { return state(t, p.Pid()) == "T" }, soon, time.Millisecond)
	require.NoError(t, p.Resume())
	assert.Eventually(t, func() bool { return state(t, p.Pid()) == "S" }, soon, time.Millisecond)
}

func TestKill(t *testing.T) {
	p := start(t, process.Spec{Name: "sleep", Path: "sleep", Args: []string{"600"}, LogFile: filepath.Join(t.TempDir(), "log")})
	require.NoError(t, p.Kill())
	<-p.Exited()
	require.NoError(t, p.Kill(), "a second time")
	require.NoError(t, p.Signal(syscall.SIGHUP), "to a child that has ended")
}

func TestStartReportsAChildThatEnds(t *testing.T) {
	spec := shell(t, `echo "no such option" >&2; exit 7`)
	spec.ReadyText = "never"
	_, err := process.Start(t.Context(), spec)
	var ended *process.ExitError
	require.ErrorAs(t, err, &ended)
	assert.Equal(t, process.ExitError{Name: "script", Code: 7, Log: "no such option\n"}, *ended)
	require.EqualError(t, err, "script ended with exit status 7 before it was ready; its log ends:\nno such option\n")
}

func TestStartReportsAChildThatIsNeverReady(t *testing.T) {
	spec := shell(t, `echo $$; exec sleep 600`)
	spec.Ready = func(context.Context) error { return errors.New("not yet") }
	spec.ReadyTimeout = 300 * time.Millisecond
	_, err := process.Start(t.Context(), spec)
	require.ErrorContains(t, err, "script was not ready within 300ms: not yet; its log ends:\n")
	log, err := os.ReadFile(spec.LogFile)
	require.NoError(t, err)
	assert.NoDirExists(t, filepath.Join("/proc", strings.TrimSpace(string(log))), "the child is left behind")
}

func TestStartReportsAMissingProgram(t *testing.T) {
	_, err := process.Start(t.Context(), process.Spec{Name: "x", Path: "/no/such/program", LogFile: filepath.Join(t.TempDir(), "log")})
	require.ErrorContains(t, err, "x did not start: ")
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestLogFileIsAppendedToAndOnlyTheOwnPartCounts(t *testing.T) {
	spec := shell(t, `echo $WORD; exec sleep 600`)
	for _, word := range []string{"first", "second"} {
		spec.Env, spec.ReadyText = []string{"WORD=" + word}, word
		p := start(t, spec)
		assert.Equal(t, word+"\n", p.Log())
		require.NoError(t, p.Stop(soon))
	}
	log, err := os.ReadFile(spec.LogFile)
	require.NoError(t, err)
	assert.Equal(t, "first\nsecond\n", string(log))

	spec.ReadyText, spec.ReadyTimeout = "first", 200*time.Millisecond
	_, err = process.Start(t.Context(), spec)
	require.ErrorContains(t, err, `its log does not say "first"`)
}

func TestHTTPReady(t *testing.T) {
	status := http.StatusServiceUnavailable
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		fmt.Fprintln(w, "starting")
	}))
	ready := process.HTTPReady(server.URL)
	require.EqualError(t, ready(t.Context()), server.URL+" answers 503 Service Unavailable: starting")
	status = http.StatusOK
	require.NoError(t, ready(t.Context()))
	server.Close()
	require.ErrorContains(t, ready(t.Context()), "connection refused")
}

func TestChildDiesWithItsParent(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentMode+"="+filepath.Join(t.TempDir(), "log"))
	output, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	line, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	var pid int
	_, err = fmt.Sscan(line, &pid)
	require.NoError(t, err)
	require.DirExists(t, fmt.Sprintf("/proc/%d", pid))

	require.NoError(t, parent.Process.Kill())
	require.Error(t, parent.Wait())
	// Whoever adopts it may leave it as a zombie for a while.
	dead := []string{"Z", "X", "gone"}
	assert.Eventually(t, func() bool { return slices.Contains(dead, state(t, pid)) }, soon, 10*time.Millisecond)
}

// state is the letter that /proc has for the process: S sleeping, T stopped, Z zombie.
func state(t *testing.T, pid int) string {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "gone"
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[:1]
}
