// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package repo finds the checkout that the testbed runs in.
package repo

import (
	"fmt"
	"os"
	"path/filepath"
)

// Root is the checkout's top folder: the nearest one at or above the working directory that holds testbed/go.mod. Paths that the
// compiler noted would be wrong under -trimpath.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "testbed", "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no inferwatch checkout (a folder with testbed/go.mod) at or above %s", start)
		}
	}
}
