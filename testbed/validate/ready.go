// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// readyOption finds an option that waits in a comment; the groups are its indentation and the option.
var readyOption = regexp.MustCompile(`^( *)# ([a-z][a-z0-9_/]*: \S.*)$`)

// checkReady takes each option of a valid file that stands in a comment, ready to use, out of it, one at a time.
func (c *checker) checkReady(ctx context.Context, d document, dir string) []result {
	bases, err := d.bases()
	if err != nil {
		return []result{{subject: d.at(1), fault: err.Error()}}
	}
	var results []result
	lines := strings.Split(d.text, "\n")
	for i, line := range lines {
		parts := readyOption.FindStringSubmatch(line)
		if parts == nil {
			continue
		}
		fault, err := c.validateReady(ctx, lines, i, parts[1]+parts[2], bases, dir)
		if err != nil {
			fault = err.Error()
		}
		subject := d.at(i + 1)
		if fault == "" {
			subject += " (ready in a comment)"
		}
		results = append(results, result{subject: subject, fault: fault})
	}
	return results
}

// validateReady puts option in the place of line number i. If it does not fit there beside the option above, it must fit instead of
// that one.
func (c *checker) validateReady(ctx context.Context, lines []string, i int, option string, bases []string, dir string) (fault string, err error) {
	if err := c.knowsReferences(option); err != nil {
		return "", err
	}
	for _, text := range places(lines, i, option) {
		file := filepath.Join(dir, fmt.Sprintf("ready-%d.yaml", i))
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return "", err
		}
		found, err := c.binary.validate(ctx, placeholders(option), slices.Concat(bases, []string{file})...)
		if err != nil || found == "" {
			return "", err
		}
		if fault == "" {
			fault = found
		}
	}
	return fault, nil
}

// places returns the text with option for line number i: beside the option above, and instead of it.
func places(lines []string, i int, option string) []string {
	with := func(before int) string {
		return strings.Join(slices.Concat(lines[:before], []string{option}, lines[i+1:]), "\n")
	}
	above := i - 1
	for above >= 0 && strings.HasPrefix(strings.TrimSpace(lines[above]), "#") {
		above--
	}
	if above < 0 || indentation(lines[above]) != indentation(option) {
		return []string{with(i)}
	}
	return []string{with(i), with(above)}
}

func indentation(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// knowsReferences checks what the binary would find out only when it starts.
func (c *checker) knowsReferences(option string) error {
	var options any
	if err := yaml.Unmarshal([]byte(option), &options); err != nil {
		return err
	}
	for _, id := range references(options) {
		if _, err := c.signals("extensions", id); err != nil {
			return err
		}
	}
	return nil
}
