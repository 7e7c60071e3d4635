// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// references returns the extensions that options, or what is in them, name.
func references(options any) []string {
	var found []string
	switch options := options.(type) {
	case []any:
		for _, item := range options {
			found = append(found, references(item)...)
		}
	case map[string]any:
		named := []any{options["storage"], options["authenticator"]}
		middlewares, _ := options["middlewares"].([]any)
		for _, middleware := range middlewares {
			if middleware, ok := middleware.(map[string]any); ok {
				named = append(named, middleware["id"])
			}
		}
		for _, value := range named {
			if id, ok := value.(string); ok && !strings.Contains(id, "${") {
				found = append(found, id)
			}
		}
		for _, value := range options {
			found = append(found, references(value)...)
		}
	}
	return found
}

// started lists the extensions of `service::extensions`.
func (c configuration) started() []string {
	var ids []string
	named, _ := c.service["extensions"].([]any)
	for _, id := range named {
		ids = append(ids, fmt.Sprint(id))
	}
	return ids
}

// checkReferences finds what the binary would find out only when it starts: an extension that a component of config, which is merged
// over bases, refers to and that is not started.
func (c *checker) checkReferences(config configuration, bases []string) (fault string, err error) {
	started := config.started()
	for _, base := range slices.Backward(bases) {
		if config.service["extensions"] != nil {
			break
		}
		below, err := c.load(base)
		if err != nil {
			return "", err
		}
		started, config.service = below.started(), below.service
	}
	for _, section := range sectionNames() {
		for _, id := range slices.Sorted(slices.Values(references(config.sections[section]))) {
			if !slices.Contains(started, id) {
				return fmt.Sprintf("%s: `service::extensions` must have %q, which is referred to there, found %v", section, id, started), nil
			}
		}
	}
	return "", nil
}

// load reads a file that the binary has accepted.
func (c *checker) load(file string) (configuration, error) {
	text, err := os.ReadFile(filepath.Join(c.root, file))
	if err != nil {
		return configuration{}, err
	}
	nodes, err := document{text: string(text)}.parse()
	if err != nil || len(nodes) == 0 {
		return configuration{}, err
	}
	return newConfiguration(nodes[0])
}
