// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// check validates one document and, of a file in configs/, each option that stands ready in a comment. What it writes goes to dir.
func (c *checker) check(ctx context.Context, d document, dir string) []result {
	if d.fault != "" {
		return []result{{subject: d.at(1), fault: d.fault}}
	}
	nodes, err := d.parse()
	if err != nil {
		return []result{d.syntaxError(err)}
	}
	switch {
	case len(nodes) == 0:
		return []result{{subject: d.at(1), fault: "is empty"}}
	case d.plain:
		return []result{{subject: d.subject() + " (" + noCollector + ")"}}
	case len(nodes) > 1:
		return []result{{subject: d.at(nodes[1].Line), fault: "begins a second YAML document, which the collector would ignore"}}
	}
	config, err := newConfiguration(nodes[0])
	if err != nil {
		return []result{{subject: d.at(1), fault: err.Error()}}
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return []result{{subject: d.at(1), fault: err.Error()}}
	}
	note, fault, err := c.validate(ctx, d, config, dir)
	if err != nil {
		fault = err.Error()
	}
	if fault != "" {
		return []result{{subject: d.at(locate(config.root, fault)), fault: fault}}
	}
	results := []result{{subject: d.subject() + note}}
	if !d.fenced {
		results = append(results, c.checkReady(ctx, d, dir)...)
	}
	return results
}

// validate runs the binary. note says how the document was completed.
func (c *checker) validate(ctx context.Context, d document, config configuration, dir string) (note, fault string, err error) {
	bases, err := d.bases()
	if err != nil {
		return "", "", err
	}
	file, env := d.path, []string(nil)
	if d.fenced {
		file, env = filepath.Join(dir, "block.yaml"), placeholders(d.text)
		if err := os.WriteFile(file, []byte(d.text), 0o644); err != nil {
			return "", "", err
		}
		if len(bases) == 0 && config.isFragment() {
			return c.validateFragment(ctx, config, env, file)
		}
	}
	fault, err = c.binary.validate(ctx, env, slices.Concat(bases, []string{file})...)
	if fault == "" && err == nil {
		fault, err = c.checkReferences(config, bases)
	}
	return over(bases), fault, err
}

func over(bases []string) string {
	if len(bases) == 0 {
		return ""
	}
	return " (over " + strings.Join(bases, ", ") + ")"
}

func (c *checker) validateFragment(ctx context.Context, fragment configuration, env []string, file string) (note, fault string, err error) {
	trials, err := c.trials(fragment)
	if err != nil {
		return "", "", err
	}
	var used []string
	for i, t := range trials {
		added := fmt.Sprintf("%s-%d.yaml", strings.TrimSuffix(file, ".yaml"), i)
		signal, fault, err := c.try(ctx, t, env, file, added)
		if fault != "" || err != nil {
			return "", fault, err
		}
		used = append(used, t.component+" in "+signal)
	}
	return " (fragment: " + strings.Join(used, ", ") + ")", "", nil
}

// try returns the first signal in which the component is valid, or what is wrong in the first one. The completions are written to
// added, one after another.
func (c *checker) try(ctx context.Context, t trial, env []string, file, added string) (signal, fault string, err error) {
	for i, completion := range t.completions {
		text, err := marshal(completion)
		if err != nil {
			return "", "", err
		}
		if err := os.WriteFile(added, text, 0o644); err != nil {
			return "", "", err
		}
		found, err := c.binary.validate(ctx, env, file, added)
		if err != nil || found == "" {
			return t.alternatives[i], "", err
		}
		if fault == "" {
			fault = found
		}
	}
	return "", fault, nil
}
