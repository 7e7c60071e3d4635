package helper

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// thread is one thread of a process, of proc(5)'s /proc/pid/task/tid/stat.
type thread struct {
	id    int
	name  string
	state byte // 'D' waits inside the kernel and takes no signal
}

// parseThread reads a stat file: "4242 (name) S …". The name may hold anything, spaces, parentheses and line breaks too.
func parseThread(stat []byte) (thread, error) {
	open, shut := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 1 || shut < open || len(stat) < shut+3 {
		return thread{}, fmt.Errorf("stat of a thread must be `id (name) state`, found %.64q", stat)
	}
	id, err := strconv.Atoi(string(bytes.TrimSpace(stat[:open])))
	if err != nil {
		return thread{}, fmt.Errorf("stat of a thread must begin with its id: %w", err)
	}
	return thread{id: id, name: printable(string(stat[open+1 : shut])), state: stat[shut+2]}, nil
}

// stuck lists the threads in state D for a person; empty means none.
func stuck(all []thread) string {
	var found []string
	for _, t := range all {
		if t.state == 'D' {
			found = append(found, fmt.Sprintf("%d (%s)", t.id, t.name))
		}
	}
	const shown = 4
	if more := len(found) - shown; more > 0 {
		found = append(found[:shown], fmt.Sprintf("%d more", more))
	}
	return strings.Join(found, ", ")
}
