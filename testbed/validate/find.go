// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// markdownPatterns is where blocks of YAML are read by users; ** stands for any number of folders.
func markdownPatterns() []string {
	return []string{
		"*.md",
		"*/*/README.md", // components
		"configs/**/*.md",
		"docs/**/*.md",
		"deploy/**/README.md",
		"examples/**/README.md",
	}
}

// find returns everything there is to check under root, by path and then by line.
func find(root string) ([]document, error) {
	var found []document
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		if entry.IsDir() {
			if relative != "." && foreign(entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		documents, err := read(name, relative)
		found = append(found, documents...)
		return err
	})
	return found, err
}

// foreign tells a folder whose content is not this repository's own text.
func foreign(folder string) bool {
	return strings.HasPrefix(folder, ".") || folder == "node_modules" || folder == "testdata"
}

func read(name, relative string) ([]document, error) {
	isMarkdown := matchesAny(markdownPatterns(), relative)
	if !isMarkdown && !match("configs/**/*", relative) {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	switch ext := path.Ext(relative); {
	case isMarkdown:
		return fences(relative, string(text)), nil
	case ext == ".yaml" || ext == ".yml":
		return []document{{path: relative, line: 1, text: string(text)}}, nil
	default:
		fault := fmt.Sprintf("must be named *.yaml or *.yml, found %q: what is in configs/ is validated", ext)
		return []document{{path: relative, line: 1, fault: fault}}, nil
	}
}

func matchesAny(patterns []string, name string) bool {
	for _, pattern := range patterns {
		if match(pattern, name) {
			return true
		}
	}
	return false
}

// match is path.Match with ** for any number of folders, none included.
func match(pattern, name string) bool {
	head, rest, nested := strings.Cut(pattern, "**/")
	if !nested {
		ok, _ := path.Match(pattern, name) // the patterns are constants and well formed
		return ok
	}
	tail, ok := strings.CutPrefix(name, head)
	for ok {
		if match(rest, tail) {
			return true
		}
		_, tail, ok = strings.Cut(tail, "/")
	}
	return false
}
