// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes: scripts and CI rely on them.
const (
	exitOK    = 0
	exitFault = 1
	exitUsage = 2
)

// streams are the process's ends, so that a test can hold them.
type streams struct {
	out, err io.Writer
	getenv   func(string) string
}

// usageError is a mistake on the command line, as opposed to a fault of what the command looked at.
type usageError struct {
	err     error
	command string
}

func (e *usageError) Error() string {
	return fmt.Sprintf("%v (see %s --help)", e.err, e.command)
}

func (e *usageError) Unwrap() error { return e.err }

func run(ctx context.Context, args []string, s streams) int {
	root := newRootCommand(s)
	root.SetArgs(args)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(s.err, "inferwatchctl:", line)
	}
	if usage := (*usageError)(nil); errors.As(err, &usage) {
		return exitUsage
	}
	return exitFault
}

func newRootCommand(s streams) *cobra.Command {
	root := newGroup("inferwatchctl", "Set up and check what inferwatch works with")
	root.Long = "inferwatchctl sets up and checks what inferwatch works with.\n\n" +
		"It exits with 0 when all is well, 1 on a fault, 2 when the command line is wrong."
	root.Version = buildVersion()
	root.SilenceUsage = true
	root.SilenceErrors = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{err: err, command: cmd.CommandPath()}
	})
	root.AddCommand(newESCommand(s), newTopCommand(s))
	return root
}

// newGroup returns a command that only holds others: called without one of them it is a mistake, not a success.
func newGroup(use, short string) *cobra.Command {
	return &cobra.Command{
		Use:   use + " COMMAND",
		Short: short,
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var names []string
			for _, sub := range cmd.Commands() {
				if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
					names = append(names, sub.Name())
				}
			}
			return &usageError{
				err:     fmt.Errorf("%s needs a command: %s", cmd.CommandPath(), strings.Join(names, ", ")),
				command: cmd.CommandPath(),
			}
		},
	}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return &usageError{err: err, command: cmd.CommandPath()}
	}
	return nil
}

// version is set by the linker (make build); a plain `go install` leaves it to the module's own version.
var version string

func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
