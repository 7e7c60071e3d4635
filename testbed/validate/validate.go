// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// atOnce is how many validations run at the same time.
const atOnce = 2

// Config says what to check with what.
type Config struct {
	Binary string // the inferwatch to run
	Root   string // the checkout's top folder
	Copies []Copy // blocks that must be alike wherever they stand in configs/*.yaml
}

// Copy names a component that several configurations hold, each its own copy, because each stands alone.
type Copy struct {
	Section string
	ID      string
}

// Copies is what the repository's configurations have in common.
func Copies() []Copy {
	return []Copy{
		{"processors", "transform/privacy"},
		{"processors", "transform/log_class"},
		{"processors", "transform/log_json"},
		{"connectors", "span_metrics"},
	}
}

// result is one line of the report.
type result struct {
	subject string // what was checked; in a failure, the place to look at
	fault   string // empty: none
}

func (r result) String() string {
	if r.fault == "" {
		return "ok   " + r.subject
	}
	return "FAIL " + r.subject + " " + r.fault
}

// Run checks everything under cfg.Root, writes a line for each to out and a count at the end. The error says that something
// failed, or that there was nothing to check.
func Run(ctx context.Context, cfg Config, out io.Writer) error {
	dir, err := os.MkdirTemp("", "inferwatch-validate-")
	if err != nil {
		return err
	}
	return errors.Join(run(ctx, cfg, dir, out), os.RemoveAll(dir))
}

func run(ctx context.Context, cfg Config, dir string, out io.Writer) error {
	documents, err := find(cfg.Root)
	if err != nil {
		return err
	}
	if len(documents) == 0 {
		return fmt.Errorf("nothing to check: %s has no file in configs/ and no block of YAML in %v", cfg.Root, markdownPatterns())
	}
	c, err := newChecker(ctx, cfg, dir)
	if err != nil {
		return err
	}
	results := c.checkAll(ctx, documents)
	copies, err := checkCopies(cfg.Root, cfg.Copies)
	if err != nil {
		return err
	}
	return report(out, append(results, copies...))
}

func report(out io.Writer, results []result) error {
	failed := 0
	for _, r := range results {
		if r.fault != "" {
			failed++
		}
		fmt.Fprintln(out, r)
	}
	fmt.Fprintf(out, "%d checked: %d ok, %d failed\n", len(results), len(results)-failed, failed)
	if failed > 0 {
		return fmt.Errorf("%d of %d checks failed", failed, len(results))
	}
	return nil
}

// checker has what every check needs.
type checker struct {
	binary  binary
	catalog catalog
	root    string
	dir     string // for what is written on the way
}

func newChecker(ctx context.Context, cfg Config, dir string) (*checker, error) {
	path, err := filepath.Abs(cfg.Binary)
	if err != nil {
		return nil, err
	}
	b := binary{path: path, root: cfg.Root, storage: filepath.Join(dir, "storage")}
	if err := os.Mkdir(b.storage, 0o755); err != nil {
		return nil, err
	}
	known, err := b.components(ctx)
	if err != nil {
		return nil, err
	}
	return &checker{binary: b, catalog: known, root: cfg.Root, dir: dir}, nil
}

// checkAll keeps the order of the documents.
func (c *checker) checkAll(ctx context.Context, documents []document) []result {
	results := make([][]result, len(documents))
	next := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				results[i] = c.check(ctx, documents[i], filepath.Join(c.dir, fmt.Sprint(i)))
			}
		})
	}
	for i := range documents {
		next <- i
	}
	close(next)
	workers.Wait()
	return slices.Concat(results...)
}
