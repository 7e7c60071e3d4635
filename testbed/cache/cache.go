// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package cache keeps what takes long to build in a folder outside the checkout, once for all processes.
package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	lockPause     = 200 * time.Millisecond
	progressPause = 10 * time.Second
)

// Dir is the cache's folder: $INFERWATCH_CACHE, else inferwatch in the user's cache folder.
func Dir() (string, error) {
	if dir := os.Getenv("INFERWATCH_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w; set INFERWATCH_CACHE to one", err)
	}
	return filepath.Join(base, "inferwatch"), nil
}

// Ensure returns the folder that holds name as built from the inputs that key stands for. If it is not there, build fills an empty
// temporary folder, which then is renamed: a build that was interrupted leaves nothing that looks complete. Whoever asks for the
// same name meanwhile, in this or another process, waits and uses the result.
func Ensure(ctx context.Context, name, key string, progress io.Writer, build func(ctx context.Context, dir string) error) (string, error) {
	root, err := Dir()
	if err != nil {
		return "", err
	}
	done := filepath.Join(root, name+"-"+key)
	if exists(done) {
		return done, nil
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	report := startReport(progress, name)
	defer report.stop()
	unlock, err := lock(ctx, filepath.Join(root, name+".lock"), report)
	if err != nil {
		return "", err
	}
	defer unlock()
	if exists(done) {
		return done, nil
	}
	report.state("building")
	if err := buildAside(ctx, root, name, done, build); err != nil {
		return "", fmt.Errorf("cannot build %s: %w", name, err)
	}
	report.state("built")
	return done, nil
}

// buildAside runs under the lock of name, so whatever temporary folder of that name exists is left over from an interrupted build.
func buildAside(ctx context.Context, root, name, done string, build func(ctx context.Context, dir string) error) error {
	pattern := "." + name + ".building-"
	leftovers, err := filepath.Glob(filepath.Join(root, pattern+"*"))
	if err != nil {
		return err
	}
	for _, dir := range leftovers {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	aside, err := os.MkdirTemp(root, pattern)
	if err != nil {
		return err
	}
	if err := build(ctx, aside); err != nil {
		return errors.Join(err, os.RemoveAll(aside))
	}
	return os.Rename(aside, done)
}

// lock takes an exclusive lock that the kernel gives back when this process ends.
func lock(ctx context.Context, path string, report *report) (func(), error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			_ = file.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", path, err)
		}
		report.state("another process builds it, waiting")
		select {
		case <-ctx.Done():
			_ = file.Close()
			return nil, fmt.Errorf("waiting for the lock %s: %w", path, ctx.Err())
		case <-time.After(lockPause):
		}
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
