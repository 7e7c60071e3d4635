// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// command finds what follows the program's name in a comment: pairs of --config and a file.
var command = regexp.MustCompile(`\binferwatch((?: --config \S+)+)`)

// needed finds environment variables without a default.
var needed = regexp.MustCompile(`\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)\}`)

// yamlLine finds where the YAML parser stumbled.
var yamlLine = regexp.MustCompile(`\bline (\d+): `)

// document is a file in configs/ or a fenced block.
type document struct {
	path   string // from the checkout's top
	line   int    // of path, where text begins
	text   string
	fenced bool
	plain  bool   // to be parsed only
	fault  string // why it cannot be checked at all
}

// subject names the document in the report: a block by the line of its fence.
func (d document) subject() string {
	if !d.fenced {
		return d.path
	}
	return d.at(0)
}

// at is a line of the text, counted from 1, as a place in the file.
func (d document) at(line int) string { return fmt.Sprintf("%s:%d", d.path, d.line+line-1) }

// parse returns the text's YAML documents.
func (d document) parse() ([]*yaml.Node, error) {
	decoder := yaml.NewDecoder(strings.NewReader(d.text))
	var nodes []*yaml.Node
	for {
		var node yaml.Node
		err := decoder.Decode(&node)
		if errors.Is(err, io.EOF) {
			return nodes, nil
		}
		if err != nil {
			return nil, err
		}
		// Keys that occur twice are found only when a value is made of the nodes.
		var value any
		if err := node.Decode(&value); err != nil {
			return nil, err
		}
		nodes = append(nodes, &node)
	}
}

// syntaxError makes a failure of what parse returned.
func (d document) syntaxError(err error) result {
	place, fault := d.at(1), strings.Join(strings.Fields(err.Error()), " ")
	if found := yamlLine.FindStringSubmatch(fault); found != nil {
		line, _ := strconv.Atoi(found[1]) // digits
		fault = strings.Replace(fault, found[0], "", 1)
		if strings.Contains(fault, "did not find expected") {
			line++ // the YAML package counts these from 0
		}
		place = d.at(line)
	}
	return result{subject: place, fault: fault}
}

// placeholders sets the environment variables that the text needs, because it gives no default for them.
func placeholders(text string) []string {
	var variables []string
	for _, found := range needed.FindAllStringSubmatch(text, -1) {
		variables = append(variables, found[1]+"=1") // is a string and a number
	}
	return variables
}

// bases returns the files that the comment at the text's head has merged below this document.
func (d document) bases() ([]string, error) {
	var commands int
	for line := range strings.Lines(d.text) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") {
			break
		}
		found := command.FindStringSubmatch(line)
		if found == nil {
			continue
		}
		commands++
		files := slices.DeleteFunc(strings.Fields(found[1]), func(word string) bool { return word == "--config" })
		last := len(files) - 1
		if d.fenced || files[last] == d.path {
			return files[:last], nil
		}
	}
	if commands > 0 {
		return nil, fmt.Errorf("the comment at its head must have a command that ends with `--config %s`, found none among %d", d.path, commands)
	}
	return nil, nil
}

// configuration is a document's content as far as this package looks into it.
type configuration struct {
	root     *yaml.Node
	sections map[string]map[string]any
	service  map[string]any
}

func newConfiguration(root *yaml.Node) (configuration, error) {
	c := configuration{root: root, sections: map[string]map[string]any{}}
	var raw map[string]map[string]any
	if err := root.Decode(&raw); err != nil {
		return c, errors.New("is no collector configuration: sections and, in them, components by their names")
	}
	for _, name := range sectionNames() {
		c.sections[name] = raw[name]
		delete(raw, name)
	}
	c.service = raw["service"]
	delete(raw, "service")
	for name := range raw {
		return c, fmt.Errorf("`%s` is no section of a collector configuration; a block that is something else is marked %q", name, "yaml "+noCollector)
	}
	return c, nil
}

// isFragment tells whether it lacks what the collector needs to run.
func (c configuration) isFragment() bool { return c.service["pipelines"] == nil }

func sectionNames() []string {
	return []string{"receivers", "processors", "exporters", "connectors", "extensions"}
}

// marshal writes what this package adds to a configuration.
func marshal(value map[string]any) ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return text.Bytes(), encoder.Close()
}
