// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Command servers builds the real servers that the tests run, and runs some of them by hand.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/inferwatch/inferwatch/testbed/cache"
	"github.com/inferwatch/inferwatch/testbed/servers"
)

const usage = `usage: servers build [name...]   build these (default: all) into the cache
       servers up [flags]        run Elasticsearch, Prometheus and Tempo until Ctrl-C
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command given\n%s", usage)
	}
	switch args[0] {
	case "build":
		return build(ctx, args[1:])
	case "up":
		return up(ctx, args[1:])
	default:
		return fmt.Errorf("no command %q\n%s", args[0], usage)
	}
}

func build(ctx context.Context, names []string) error {
	if len(names) == 0 {
		names = servers.Names()
	}
	for _, name := range names {
		started := time.Now()
		dir, err := servers.Build(ctx, name, os.Stderr)
		if err != nil {
			return err
		}
		fmt.Printf("%-14s %6.1f s  %s\n", name, time.Since(started).Seconds(), dir)
	}
	return nil
}

func up(ctx context.Context, args []string) error {
	base, err := cache.Dir()
	if err != nil {
		return err
	}
	var cfg servers.UpConfig
	flags := flag.NewFlagSet("servers up", flag.ExitOnError)
	flags.StringVar(&cfg.Dir, "dir", filepath.Join(base, "up"), "folder for data, configuration and logs")
	flags.IntVar(&cfg.Elasticsearch, "elasticsearch", 9200, "Elasticsearch's HTTP port")
	flags.IntVar(&cfg.Prometheus, "prometheus", 9090, "Prometheus' HTTP port")
	flags.IntVar(&cfg.Tempo, "tempo", 3200, "Tempo's HTTP port")
	flags.IntVar(&cfg.TempoOTLP, "tempo-otlp", 24317, "Tempo's OTLP gRPC port")
	if err := flags.Parse(args); err != nil {
		return err
	}
	return servers.Up(ctx, cfg, os.Stdout)
}
