// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/gpusim"
	"github.com/inferwatch/inferwatch/testbed/internal/repo"
)

// programs are what the tests run besides the collector.
type programs struct {
	library    string // the stand-in, as a driver of today
	oldLibrary string // the stand-in, as a driver of the 450 branch
	helper     string // inferwatchnvml
}

// prepared are the stand-in of this checkout, and the helper: $INFERWATCH_NVML_HELPER, else the one of `make build`.
func prepared(tb testing.TB) programs {
	tb.Helper()
	root, err := repo.Root()
	must(tb, err)
	p := programs{library: gpusim.Library(tb), oldLibrary: gpusim.OldLibrary(tb), helper: os.Getenv("INFERWATCH_NVML_HELPER")}
	if p.helper == "" {
		p.helper = filepath.Join(root, "bin", "inferwatchnvml")
	}
	if _, err := os.Stat(p.helper); err != nil {
		tb.Fatalf("inferwatchnvml is built by `make build`: %v", err)
	}
	return p
}

// install copies a library to where the driver's installer would put it, by rename, as a package manager does.
func install(tb testing.TB, library, path string) {
	tb.Helper()
	content, err := os.ReadFile(library)
	must(tb, err)
	must(tb, replaceFile(path, content, 0o755))
}
