// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"fmt"
	"regexp"
	"strings"
)

// noCollector after "yaml" marks a block that is something else's configuration.
const noCollector = "no-collector"

// A fence may stand in a list or in a quotation: then its lines begin with what does not belong to the block.
var (
	opening = regexp.MustCompile("^((?:[ \\t>]|[-*+] |[0-9]+[.)] )*)(`{3,}|~{3,})[ \\t]*([^`]*)$")
	closing = regexp.MustCompile("^[ \\t>]*(`{3,}|~{3,})[ \\t]*$")
)

// fence is an opened block: the closing line must have at least as many of the same characters.
type fence struct {
	document
	prefix string // what stands before the fence on its line
	mark   string
	yaml   bool
	lines  []string
}

// fences returns the blocks of YAML in a Markdown text. A fence of another language hides what looks like one within it.
func fences(name, text string) []document {
	var found []document
	var open *fence
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		switch {
		case open == nil:
			open = openFence(name, i+1, line)
		case open.closedBy(line):
			found = append(found, open.blocks()...)
			open = nil
		default:
			open.lines = append(open.lines, unindent(line, len(open.prefix)))
		}
	}
	if open != nil {
		open.fault = fmt.Sprintf("the block that begins with %s is not closed", open.mark)
		found = append(found, open.blocks()...)
	}
	return found
}

func openFence(name string, number int, line string) *fence {
	parts := opening.FindStringSubmatch(line)
	if parts == nil {
		return nil
	}
	f := &fence{document: document{path: name, line: number + 1, fenced: true}, prefix: parts[1], mark: parts[2]}
	info := strings.Fields(parts[3])
	f.yaml = len(info) > 0 && (strings.EqualFold(info[0], "yaml") || strings.EqualFold(info[0], "yml"))
	if f.yaml && len(info) > 1 {
		f.plain = info[1] == noCollector && len(info) == 2
		if !f.plain {
			f.fault = fmt.Sprintf("the info string after %q must be empty or %q, found %q", info[0], noCollector, strings.Join(info[1:], " "))
		}
	}
	return f
}

func (f *fence) closedBy(line string) bool {
	parts := closing.FindStringSubmatch(line)
	return parts != nil && strings.HasPrefix(parts[1], f.mark)
}

func (f *fence) blocks() []document {
	if !f.yaml && f.fault == "" {
		return nil
	}
	f.text = strings.Join(f.lines, "\n") + "\n"
	return []document{f.document}
}

// unindent takes at most n characters off that are a block's indentation, not its content.
func unindent(line string, n int) string {
	for ; n > 0 && line != "" && strings.ContainsRune(" \t>", rune(line[0])); n-- {
		line = line[1:]
	}
	return line
}
