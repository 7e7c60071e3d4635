// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// check validates one document; what it writes goes to dir.
func (c *checker) check(ctx context.Context, d document, dir string) result {
	if d.fault != "" {
		return result{subject: d.at(1), fault: d.fault}
	}
	nodes, err := d.parse()
	if err != nil {
		return d.syntaxError(err)
	}
	if len(nodes) == 0 {
		return result{subject: d.at(1), fault: "is empty"}
	}
	if d.plain {
		return result{subject: d.subject() + " (" + noCollector + ")"}
	}
	if len(nodes) > 1 {
		return result{subject: d.at(nodes[1].Line), fault: "begins a second YAML document, which the collector would ignore"}
	}
	config, err := newConfiguration(nodes[0])
	if err != nil {
		return result{subject: d.at(1), fault: err.Error()}
	}
	note, fault, err := c.validate(ctx, d, config, dir)
	if err != nil {
		fault = err.Error()
	}
	if fault != "" {
		return result{subject: d.at(locate(config.root, fault)), fault: fault}
	}
	return result{subject: d.subject() + note}
}

// validate runs the binary. note says how the document was completed.
func (c *checker) validate(ctx context.Context, d document, config configuration, dir string) (note, fault string, err error) {
	bases, err := d.bases()
	if err != nil {
		return "", "", err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", "", err
	}
	file := d.path
	if d.fenced {
		file = filepath.Join(dir, "block.yaml")
		if err := os.WriteFile(file, []byte(d.text), 0o644); err != nil {
			return "", "", err
		}
	}
	switch {
	case len(bases) > 0:
		fault, err = c.binary.validate(ctx, append(bases, file)...)
		return " (over " + strings.Join(bases, ", ") + ")", fault, err
	case config.isFragment() && d.fenced:
		return c.validateFragment(ctx, config, file, dir)
	default:
		fault, err = c.binary.validate(ctx, file)
		return "", fault, err
	}
}

func (c *checker) validateFragment(ctx context.Context, fragment configuration, file, dir string) (note, fault string, err error) {
	trials, err := c.trials(fragment)
	if err != nil {
		return "", "", err
	}
	var used []string
	for i, t := range trials {
		signal, fault, err := c.try(ctx, t, file, filepath.Join(dir, fmt.Sprint(i)))
		if fault != "" || err != nil {
			return "", fault, err
		}
		used = append(used, t.component+" in "+signal)
	}
	return " (fragment: " + strings.Join(used, ", ") + ")", "", nil
}

// try returns the first signal in which the component is valid, or what is wrong in the first one.
func (c *checker) try(ctx context.Context, t trial, file, prefix string) (signal, fault string, err error) {
	for i, completion := range t.completions {
		text, err := marshal(completion)
		if err != nil {
			return "", "", err
		}
		added := fmt.Sprintf("%s-%d.yaml", prefix, i)
		if err := os.WriteFile(added, text, 0o644); err != nil {
			return "", "", err
		}
		found, err := c.binary.validate(ctx, file, added)
		if err != nil || found == "" {
			return t.alternatives[i], "", err
		}
		if fault == "" {
			fault = found
		}
	}
	return "", fault, nil
}
