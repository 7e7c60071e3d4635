// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/inferwatch/inferwatch/testbed/cache"
	"github.com/inferwatch/inferwatch/testbed/internal/repo"
)

// recipe fills out with a server made from source, a copy of testbed/servers/<name>.
type recipe struct {
	// version goes into the cache's key: raise it when build changes what it makes of the same source.
	version string
	build   func(ctx context.Context, source, out string) error
}

func recipes() map[string]recipe {
	golang := recipe{version: "go-1", build: buildGo}
	return map[string]recipe{
		"alertmanager":  golang,
		"elasticsearch": {version: "elasticsearch-1", build: buildElasticsearch},
		"jaeger":        golang,
		"kafka":         {version: "kafka-1", build: buildKafka},
		"prometheus":    golang,
		"tempo":         golang,
	}
}

// Names lists the servers that Build knows.
func Names() []string { return slices.Sorted(maps.Keys(recipes())) }

// Build returns the folder with the built server of that name, and builds it first if the cache does not have it.
//
// The key is the recipe's own files and version. The Go and Java versions are no part of it: a server that an older compiler made
// is as good a counterpart, and making all of them takes 20 minutes.
func Build(ctx context.Context, name string, progress io.Writer) (string, error) {
	recipe, ok := recipes()[name]
	if !ok {
		return "", fmt.Errorf("no server %q; there are %v", name, Names())
	}
	root, err := repo.Root()
	if err != nil {
		return "", err
	}
	source := os.DirFS(filepath.Join(root, "testbed", "servers", name))
	key, err := hash(recipe.version, source)
	if err != nil {
		return "", fmt.Errorf("cannot read the recipe of %s: %w", name, err)
	}
	return cache.Ensure(ctx, name, key, progress, func(ctx context.Context, out string) error {
		return buildFromCopy(ctx, name, recipe, source, out)
	})
}

// buildFromCopy spares the checkout: go build and mvn write into the folder that they work in.
func buildFromCopy(ctx context.Context, name string, recipe recipe, source fs.FS, out string) error {
	work, err := os.MkdirTemp("", "inferwatch-"+name+"-")
	if err != nil {
		return err
	}
	copied := filepath.Join(work, "source")
	if err = os.CopyFS(copied, source); err == nil {
		err = recipe.build(ctx, copied, out)
	}
	return errors.Join(err, os.RemoveAll(work))
}

func hash(version string, source fs.FS) (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, version)
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(source, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", path, len(text))
		_, err = sum.Write(text)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:16], err
}

// buildGo builds the programs that the module in source names as its tools.
func buildGo(ctx context.Context, source, out string) error {
	return command(ctx, source, []string{"CGO_ENABLED=0", "GOWORK=off"},
		"go", "build", "-mod=mod", "-trimpath", "-ldflags=-s -w", "-o", out+string(filepath.Separator), "tool")
}

// command runs a program of the build; its output is shown only if it fails.
func command(ctx context.Context, dir string, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	output, err := cmd.CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return missingTool(name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", cmd, err, output)
	}
	return nil
}

// missingTool names what to install, for the tools that a recipe may find missing.
func missingTool(name string) error {
	if name == "go" {
		return errors.New("go is not on the PATH; see https://go.dev/dl/")
	}
	return fmt.Errorf("%s is not installed; on Debian and Ubuntu: apt-get install -y maven default-jdk-headless", name)
}
