// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpusim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/cache"
	"github.com/inferwatch/inferwatch/testbed/internal/repo"
)

const libraryName = "libnvidia-ml.so.1"

// Library is the path of the library, built from the checkout's sources if the cache does not have it. It needs make and a C compiler.
func Library(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(build(tb), libraryName)
}

// OldLibrary is Library as of a driver of the 450 branch: without the calls that came later.
func OldLibrary(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(build(tb), "old", libraryName)
}

// ScenarioFile is the path of a ready scenario, such as demo.
func ScenarioFile(tb testing.TB, name string) string {
	tb.Helper()
	return filepath.Join(sources(tb), "scenarios", name+".scenario")
}

func sources(tb testing.TB) string {
	tb.Helper()
	root, err := repo.Root()
	if err != nil {
		tb.Fatal(err)
	}
	return filepath.Join(root, "testbed", "nvmlsim")
}

func build(tb testing.TB) string {
	tb.Helper()
	dir := sources(tb)
	key, err := hashOf(os.DirFS(dir))
	if err != nil {
		tb.Fatalf("cannot read the sources of nvmlsim: %v", err)
	}
	built, err := cache.Ensure(tb.Context(), "nvmlsim", key, tb.Output(), func(ctx context.Context, out string) error {
		said, err := exec.CommandContext(ctx, "make", "-C", dir, "OUT="+out).CombinedOutput()
		if err != nil {
			return fmt.Errorf("make -C %s: %w\n%s", dir, err, said)
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return built
}

// hashOf covers what the libraries are made of: the Makefile, and all in src.
func hashOf(dir fs.FS) (string, error) {
	sum := sha256.New()
	add := func(path string) error {
		file, err := dir.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		fmt.Fprintf(sum, "%q\n", path)
		_, err = io.Copy(sum, file)
		return err
	}
	if err := add("Makefile"); err != nil {
		return "", err
	}
	err := fs.WalkDir(dir, "src", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		return add(path)
	})
	return hex.EncodeToString(sum.Sum(nil))[:16], err
}
