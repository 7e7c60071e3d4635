// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// block is a component's text as it stands in one file.
type block struct {
	path  string
	line  int // of its key
	lines []string
}

// checkCopies compares, line by line, what each file directly in configs/ has under the same name.
func checkCopies(root string, copies []Copy) ([]result, error) {
	files, err := filepath.Glob(filepath.Join(root, "configs", "*.yaml"))
	if err != nil {
		return nil, err
	}
	var results []result
	for _, c := range copies {
		var blocks []block
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			if b, ok := findBlock(string(text), c); ok {
				b.path = "configs/" + filepath.Base(file)
				blocks = append(blocks, b)
			}
		}
		results = append(results, compare(c, blocks))
	}
	return results, nil
}

func compare(c Copy, blocks []block) result {
	name := fmt.Sprintf("%s::%s", c.Section, c.ID)
	if len(blocks) == 0 {
		return result{subject: "configs/", fault: fmt.Sprintf("%s must stand in a file, found none", name)}
	}
	var places []string
	for _, b := range blocks {
		if at, differ := difference(blocks[0], b); differ {
			return result{
				subject: fmt.Sprintf("%s:%d", b.path, b.line+at),
				fault: fmt.Sprintf("%s must be as in %s:%d: %q, found %q", name,
					blocks[0].path, blocks[0].line+at, lineOf(blocks[0], at), lineOf(b, at)),
			}
		}
		places = append(places, fmt.Sprintf("%s:%d", b.path, b.line))
	}
	return result{subject: fmt.Sprintf("%s is alike in %s", name, strings.Join(places, ", "))}
}

// difference returns the first line, counted from the key's, that two blocks do not share.
func difference(a, b block) (int, bool) {
	for i := range max(len(a.lines), len(b.lines)) {
		if lineOf(a, i) != lineOf(b, i) {
			return i, true
		}
	}
	return 0, false
}

func lineOf(b block, i int) string {
	if i < len(b.lines) {
		return b.lines[i]
	}
	return ""
}

// findBlock takes the lines from the component's key up to the next line that is indented no deeper. A text that is no YAML has
// none; that it is none is reported elsewhere.
func findBlock(text string, c Copy) (block, bool) {
	var root yaml.Node
	if err := yaml.Unmarshal([]byte(text), &root); err != nil || len(root.Content) == 0 {
		return block{}, false
	}
	_, section := lookup(root.Content[0], c.Section)
	if section == nil {
		return block{}, false
	}
	key, _ := lookup(section, c.ID)
	if key == nil {
		return block{}, false
	}
	b := block{line: key.Line}
	for i, line := range strings.Split(text, "\n")[key.Line-1:] {
		content := strings.TrimLeft(line, " ")
		if i > 0 && content != "" && len(line)-len(content) < key.Column {
			break
		}
		b.lines = append(b.lines, strings.TrimRight(line, " \r"))
	}
	for len(b.lines) > 0 && b.lines[len(b.lines)-1] == "" {
		b.lines = b.lines[:len(b.lines)-1]
	}
	return b, true
}
