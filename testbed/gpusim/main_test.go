// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpusim_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// In a child process the test binary is a program that loads the library named there, prints what it reads, and ends.
const libraryVariable = "GPUSIM_TEST_LIBRARY"

func TestMain(m *testing.M) {
	library := os.Getenv(libraryVariable)
	if library == "" {
		os.Exit(m.Run())
	}
	if err := walk(os.Stdout, library, os.Getenv("NVMLSIM_SCENARIO")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// readAll runs the walk over all devices in a child process and returns what it printed.
func readAll(t *testing.T, library string, env []string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(append(os.Environ(), libraryVariable+"="+library), env...)
	var said strings.Builder
	child.Stderr = &said
	out, err := child.Output()
	if err != nil {
		t.Fatalf("the child with %s: %v\n%s%s", library, err, out, said.String())
	}
	return string(out)
}
