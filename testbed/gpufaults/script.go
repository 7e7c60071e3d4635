// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script is a scenario file of the stand-in that a test adds to while it runs. Times of statements are seconds since its epoch.
type script struct {
	tb    testing.TB
	path  string
	epoch time.Time
	lines []string
}

// startOfTime is how long before its writing a scenario began: long enough for every buffer of the driver to be full.
const startOfTime = 1000 * time.Second

// newScript writes a scenario of these lines.
func newScript(tb testing.TB, lines ...string) *script {
	tb.Helper()
	epoch := time.Now().Add(-startOfTime).Truncate(time.Millisecond)
	s := &script{tb: tb, path: filepath.Join(tb.TempDir(), "gpus.scenario"), epoch: epoch}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the scenario was, in the end:\n%s", strings.Join(s.lines, "\n"))
		}
	})
	s.add(append([]string{fmt.Sprintf("epoch %.3f", float64(epoch.UnixMilli())/1000)}, lines...)...)
	return s
}

// add puts further statements into force. The file is replaced as a whole, so that no reader sees half of it.
func (s *script) add(lines ...string) {
	s.tb.Helper()
	s.lines = append(s.lines, lines...)
	s.write(s.lines)
}

// show puts other statements into force beside those that were added, in place of those shown before.
func (s *script) show(lines ...string) {
	s.tb.Helper()
	s.write(append(append([]string{}, s.lines...), lines...))
}

func (s *script) write(lines []string) {
	s.tb.Helper()
	if err := replaceFile(s.path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		s.tb.Fatal(err)
	}
}

// at is a time in the scenario's own terms.
func (s *script) at(t time.Time) float64 { return t.Sub(s.epoch).Seconds() }

// replaceFile puts a whole new file where another one may be.
func replaceFile(path string, content []byte, mode os.FileMode) error {
	if err := os.WriteFile(path+".new", content, mode); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
