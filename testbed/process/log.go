// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
)

// Log is the end of what this child wrote, at most 64 KiB. The file Spec.LogFile holds all of it.
func (p *Process) Log() string {
	text, err := p.read(tailBytes)
	if err != nil {
		return fmt.Sprintf("(log not readable: %v)", err)
	}
	return string(text)
}

// wrote tells whether this child, not an earlier one with the same log file, wrote text.
func (p *Process) wrote(text string) bool {
	log, err := p.read(math.MaxInt64)
	return err == nil && bytes.Contains(log, []byte(text))
}

// read returns the last limit bytes of what this child wrote.
func (p *Process) read(limit int64) ([]byte, error) {
	file, err := os.Open(p.spec.LogFile)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	from := max(p.from, info.Size()-limit)
	return io.ReadAll(io.NewSectionReader(file, from, info.Size()-from))
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
