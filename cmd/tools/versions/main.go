// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Command versions compares the versions of the modules that two go.mod files share, and with -align lifts or lowers those of the
// first to those of the second: the distribution's generated go.mod leads, so that components are tested with what they ship with.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"

	"golang.org/x/mod/modfile"
)

func main() {
	align := flag.Bool("align", false, "set the first file's versions to the second's")
	flag.Parse()
	if err := run(*align, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "versions:", err)
		os.Exit(1)
	}
}

func run(align bool, files []string) error {
	if len(files) != 2 {
		return errors.New("usage: versions [-align] go.mod other/go.mod")
	}
	ours, err := requirements(files[0])
	if err != nil {
		return err
	}
	theirs, err := requirements(files[1])
	if err != nil {
		return err
	}
	differ := differences(ours, theirs)
	if align && len(differ) > 0 {
		return alignTo(filepath.Dir(files[0]), differ, theirs)
	}
	for _, module := range differ {
		fmt.Printf("%s: %s has %s, %s has %s\n", module, files[0], ours[module], files[1], theirs[module])
	}
	if len(differ) > 0 {
		return fmt.Errorf("%d modules differ; `make upgrade` aligns them", len(differ))
	}
	fmt.Printf("%s and %s agree on the modules they share\n", files[0], files[1])
	return nil
}

func requirements(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	file, err := modfile.ParseLax(path, text, nil)
	if err != nil {
		return nil, err
	}
	versions := make(map[string]string, len(file.Require))
	for _, r := range file.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	return versions, nil
}

// differences returns, sorted, the modules in both with different versions.
func differences(ours, theirs map[string]string) []string {
	var differ []string
	for module, version := range ours {
		if other, shared := theirs[module]; shared && other != version {
			differ = append(differ, module)
		}
	}
	sort.Strings(differ)
	return differ
}

func alignTo(dir string, modules []string, versions map[string]string) error {
	args := []string{"get"}
	for _, module := range modules {
		args = append(args, module+"@"+versions[module])
	}
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	return cmd.Run()
}
