// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// How the collector's messages say which component they are about.
var (
	aboutPath    = regexp.MustCompile(`\b((?:receivers|processors|exporters|connectors|extensions|service)(?:::[^\s:"]+)*)`)
	aboutSection = regexp.MustCompile(`'(\w+)' .*?\bfor (?:id: )?"([^"]+)"`)
	aboutCreate  = regexp.MustCompile(`failed to create "([^"]+)" (\w+)`)
	aboutKeys    = regexp.MustCompile(`invalid keys: ([^\s,;]+)`)
)

// locate returns the line of the YAML text that a message is about: that of the deepest key that it names, or the first one.
func locate(root *yaml.Node, message string) int {
	node, line := root.Content[0], 1
	for _, key := range keysIn(message) {
		at, value := lookup(node, key)
		if at == nil {
			break
		}
		node, line = value, at.Line
	}
	if found := aboutKeys.FindStringSubmatch(message); found != nil {
		if at := searchKey(node, found[1]); at != nil {
			line = at.Line
		}
	}
	return line
}

// keysIn returns the way from the top of the configuration that the message names.
func keysIn(message string) []string {
	if found := aboutSection.FindStringSubmatch(message); found != nil {
		return found[1:]
	}
	if found := aboutCreate.FindStringSubmatch(message); found != nil {
		return []string{found[2] + "s", found[1]}
	}
	if found := aboutPath.FindStringSubmatch(message); found != nil {
		return strings.Split(found[1], "::")
	}
	return nil
}

// lookup returns a mapping's key and value.
func lookup(node *yaml.Node, key string) (at, value *yaml.Node) {
	if node.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i], node.Content[i+1]
		}
	}
	return nil, nil
}

// searchKey returns the first key of that name in the tree.
func searchKey(node *yaml.Node, key string) *yaml.Node {
	if at, _ := lookup(node, key); at != nil {
		return at
	}
	for _, child := range node.Content {
		if at := searchKey(child, key); at != nil {
			return at
		}
	}
	return nil
}
