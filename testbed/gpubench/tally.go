// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// tally is how often each NVML function was called, and each field asked for, by all processes that have this file as NVMLSIM_CALLS.
type tally map[string]uint64

const (
	tallyRecord = 64
	tallyName   = 56
)

func readTally(path string) (tally, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t := tally{}
	for ; len(content) >= tallyRecord; content = content[tallyRecord:] {
		name, _, _ := bytes.Cut(content[:tallyName], []byte{0})
		if count := binary.LittleEndian.Uint64(content[tallyName:tallyRecord]); count > 0 {
			t[string(name)] = count
		}
	}
	return t, nil
}

// since is what was counted after an earlier reading.
func (t tally) since(before tally) tally {
	diff := tally{}
	for name, count := range t {
		if count > before[name] {
			diff[name] = count - before[name]
		}
	}
	return diff
}

// collected leaves out the waiting for events, which is no part of a collection.
func (t tally) collected() tally {
	for name := range t {
		if strings.HasPrefix(name, "nvmlEventSet") {
			delete(t, name)
		}
	}
	return t
}

// calls are all calls of functions, without fields.
func (t tally) calls() (total uint64) {
	for name, count := range t {
		if !strings.HasPrefix(name, "field ") {
			total += count
		}
	}
	return total
}

// differences names what two tallies do not share; nothing where they are the same calls.
func (t tally) differences(other tally) []string {
	names := map[string]bool{}
	for name := range t {
		names[name] = true
	}
	for name := range other {
		names[name] = true
	}
	var found []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if t[name] != other[name] {
			found = append(found, fmt.Sprintf("%s: %d and %d", name, t[name], other[name]))
		}
	}
	return found
}
