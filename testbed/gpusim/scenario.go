// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpusim

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// noticed is how long the library may take to notice another scenario, with a margin.
const noticed = 30 * time.Millisecond

// epochLine is the statement that says when t = 0 is.
var epochLine = regexp.MustCompile(`(?m)^\s*epoch\s+\S+`)

// Scenario is a scenario file that a test replaces while others read it.
type Scenario struct {
	tb    testing.TB
	path  string
	epoch time.Time
}

// New writes text to a file in the test's folder. Unless text has an epoch line, t = 0 is now, and stays so in later texts.
func New(tb testing.TB, text string) *Scenario {
	tb.Helper()
	s := &Scenario{tb: tb, path: filepath.Join(tb.TempDir(), "gpus.scenario"), epoch: time.Now()}
	s.write(text)
	return s
}

// Set replaces the scenario at once, by rename. Every call of the library that begins after it returns answers from the new one.
func (s *Scenario) Set(text string) {
	s.tb.Helper()
	s.write(text)
	time.Sleep(noticed)
}

// Path is the scenario's file.
func (s *Scenario) Path() string { return s.path }

// Env is what a process must have in its environment to play the scenario, as for exec.Cmd.
func (s *Scenario) Env() []string { return []string{"NVMLSIM_SCENARIO=" + s.path} }

// Now is t in seconds, for statements about what comes: at, from. It is wrong for a text with an epoch line of its own.
func (s *Scenario) Now() float64 { return time.Since(s.epoch).Seconds() }

// write appends the epoch, so that line numbers in messages are those of text.
func (s *Scenario) write(text string) {
	s.tb.Helper()
	if !epochLine.MatchString(text) {
		text += fmt.Sprintf("\nepoch %.6f\n", float64(s.epoch.UnixMicro())/1e6)
	}
	aside := s.path + ".new"
	if err := os.WriteFile(aside, []byte(text), 0o600); err != nil {
		s.tb.Fatal(err)
	}
	if err := os.Rename(aside, s.path); err != nil {
		s.tb.Fatal(err)
	}
}
