// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// Log is the end of what this child wrote, at most 64 KiB. The file Spec.LogFile holds all of it.
func (p *Process) Log() string {
	file, err := os.Open(p.spec.LogFile)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	defer file.Close()
	from := p.from
	if info, err := file.Stat(); err == nil {
		from = max(from, info.Size()-tailBytes)
	}
	text, err := io.ReadAll(io.NewSectionReader(file, from, tailBytes))
	if err != nil {
		return fmt.Sprintf("(log not readable: %v)", err)
	}
	return string(text)
}

// tail is the end of text, at most size bytes and whole lines.
func tail(text string, size int) string {
	if len(text) <= size {
		return text
	}
	text = text[len(text)-size:]
	if _, after, found := strings.Cut(text, "\n"); found {
		return after
	}
	return text
}
