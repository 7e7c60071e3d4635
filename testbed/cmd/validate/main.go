// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Command validate runs `inferwatch validate` on every configuration and every block of YAML in README and docs.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/inferwatch/inferwatch/testbed/internal/repo"
	"github.com/inferwatch/inferwatch/testbed/validate"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	root := flag.String("root", "", "the checkout's top folder (default: the one that holds the working directory)")
	bin := flag.String("bin", "", "the inferwatch to run (default: $INFERWATCH_BIN, else bin/inferwatch of the checkout)")
	flag.Parse()
	if *root == "" {
		found, err := repo.Root()
		if err != nil {
			return err
		}
		*root = found
	}
	binary := cmp.Or(*bin, os.Getenv("INFERWATCH_BIN"), filepath.Join(*root, "bin", "inferwatch"))
	return validate.Run(ctx, validate.Config{Binary: binary, Root: *root, Copies: validate.Copies()}, os.Stdout)
}
