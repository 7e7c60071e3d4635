// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/inferwatch/inferwatch/testbed/internal/repo"
)

const (
	gpus   = 8
	warmUp = 5
)

// setup is where the programs of a run are.
type setup struct {
	folder    string // scratch
	library   string // the stand-in
	helper    string // inferwatchnvml
	loop      string // the bare C loop
	inprocess string // NVML inside a Go process
	self      string // this program
	scenario  string
	calls     string // the tally's file; empty: nothing is counted
}

// prepare builds what the run needs.
func prepare(folder, helper string) (setup, error) {
	root, err := repo.Root()
	if err != nil {
		return setup{}, err
	}
	testbed := filepath.Join(root, "testbed")
	s := setup{
		folder: folder, library: filepath.Join(folder, "libnvidia-ml.so.1"), helper: helper, loop: filepath.Join(folder, "loop"),
		inprocess: filepath.Join(folder, "inprocess"), scenario: filepath.Join(folder, "gpus.scenario"),
	}
	if s.helper == "" {
		s.helper = filepath.Join(root, "bin", "inferwatchnvml")
	}
	if s.helper, err = filepath.Abs(s.helper); err != nil {
		return setup{}, err
	}
	if _, err := os.Stat(s.helper); err != nil {
		return setup{}, fmt.Errorf("inferwatchnvml is built by `make build`: %w", err)
	}
	if s.self, err = os.Executable(); err != nil {
		return setup{}, err
	}
	for _, command := range [][]string{
		{"make", "-s", "-C", filepath.Join(testbed, "nvmlsim"), "OUT=" + folder},
		{"make", "-s", "-C", filepath.Join(testbed, "nvmlsim", "bench"), "OUT=" + folder},
		{"go", "build", "-C", testbed, "-trimpath", "-ldflags=-s -w -extldflags=-Wl,-z,lazy", "-o", s.inprocess, "./gpubench/inprocess"},
	} {
		made := exec.Command(command[0], command[1:]...)
		made.Env = append(os.Environ(), "CGO_CFLAGS=-O2 -g -Wno-deprecated-declarations")
		if out, err := made.CombinedOutput(); err != nil {
			return setup{}, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
		}
	}
	return s, nil
}

// latency is the `latency` statement of the scenario.
type latency string

const (
	latencyNone      latency = "none"
	latencyRealistic latency = "realistic"
)

// play puts eight H100 into force whose calls take this long.
func (s setup) play(l latency) error {
	lines := []string{
		fmt.Sprintf("gpu 0-%d board H100-SXM5-80GB", gpus-1),
		fmt.Sprintf("gpu 0-%d load sine period=60 low=0.2 high=0.95", gpus-1),
		fmt.Sprintf("gpu 0-%d memory 30GiB", gpus-1),
		fmt.Sprintf("process gpu=0-%d pid=%d memory=20GiB sm=0.9", gpus-1, os.Getpid()),
		"latency " + string(l), "",
	}
	if err := os.WriteFile(s.scenario+".new", []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		return err
	}
	return os.Rename(s.scenario+".new", s.scenario)
}

// loopTally is the same with a tally of the loop's own.
func (s setup) loopTally() setup {
	s.calls += ".loop"
	return s
}

// environment is that of every program that loads the stand-in.
func (s setup) environment() []string {
	env := append(os.Environ(), "NVMLSIM_SCENARIO="+s.scenario, "LD_LIBRARY_PATH="+s.folder)
	if s.calls != "" {
		env = append(env, "NVMLSIM_CALLS="+s.calls)
	}
	return env
}
