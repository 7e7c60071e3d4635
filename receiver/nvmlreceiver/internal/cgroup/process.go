// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"unicode"
)

// Errors of Reader. Any other error is a read that failed for a reason of its own.
var (
	// ErrGone: no such process in the PID namespace of this procfs.
	ErrGone = errors.New("no such process")
	// ErrOwnContainer: the PID is a process of the reader's own container, which may be another process than the one
	// meant. See Reader.
	ErrOwnContainer = errors.New("the process identifier is one of the collector's own container")
)

// Process is what /proc tells of a process.
type Process struct {
	Identity
	// Name is the process's comm, at most 15 bytes long; a program may set it freely.
	Name string
	// Executable is process.executable.name: the base name of the exe link's target; empty where reading it is forbidden.
	Executable string
	// StartTime in clock ticks since boot: with the PID it names one process and no later one.
	StartTime uint64
}

// Reader reads /proc below a root folder. Its methods may be called at the same time; each may block as long as the kernel
// does, so they belong in a worker.
//
// Without the host's PID namespace (hostPID) a driver that does not translate PIDs into the caller's namespace (NVIDIA's open
// kernel modules do, and give 0 where that fails) gives PIDs of the host, which may by chance be a process of the
// collector's own container. So, where kthreadd is not in sight, a process that shares the reader's cgroup is refused with
// ErrOwnContainer.
type Reader struct {
	proc string
	host func() bool
	own  func() []byte
}

// NewReader takes the folder that proc/ lies in: "/" or "", or where the host's root is mounted.
func NewReader(root string) *Reader {
	r := &Reader{proc: filepath.Join("/", root, "proc")}
	r.host = sync.OnceValue(r.seesKthreadd)
	r.own = sync.OnceValue(func() []byte {
		content, err := readBounded(filepath.Join(r.proc, "self", "cgroup"))
		if err != nil {
			return nil
		}
		return content
	})
	return r
}

// HostPID tells whether this procfs is of the host's PID namespace: only there is kthreadd PID 2.
func (r *Reader) HostPID() bool { return r.host() }

func (r *Reader) seesKthreadd() bool {
	st, err := r.stat(2)
	return err == nil && st.comm == "kthreadd"
}

// Read gives the process, or ErrGone, ErrOwnContainer or the error of the read. What it gives is of one process even where
// the PID is used again meanwhile: the start time is the same before and after.
func (r *Reader) Read(pid uint32) (Process, error) {
	before, err := r.stat(pid)
	if err != nil {
		return Process{}, err
	}
	content, err := readBounded(r.file(pid, "cgroup"))
	if err != nil {
		return Process{}, gone(err)
	}
	executable := r.executable(pid)
	after, err := r.stat(pid)
	if err != nil {
		return Process{}, err
	}
	if after.start != before.start {
		return Process{}, ErrGone
	}
	if own := r.own(); own != nil && !r.host() && bytes.Equal(own, content) {
		return Process{}, ErrOwnContainer
	}
	return Process{Identity: Parse(content), Name: after.comm, Executable: executable, StartTime: after.start}, nil
}

// StartTime is Process.StartTime alone, for telling whether a process known is still the same.
func (r *Reader) StartTime(pid uint32) (uint64, error) {
	st, err := r.stat(pid)
	return st.start, err
}

func (r *Reader) file(pid uint32, name string) string {
	return r.proc + "/" + strconv.FormatUint(uint64(pid), 10) + "/" + name
}

func (r *Reader) executable(pid uint32) string {
	target, err := os.Readlink(r.file(pid, "exe"))
	if err != nil {
		return ""
	}
	return printable(filepath.Base(strings.TrimSuffix(target, deletedSuffix)))
}

func (r *Reader) stat(pid uint32) (stat, error) {
	content, err := readBounded(r.file(pid, "stat"))
	if err != nil {
		return stat{}, gone(err)
	}
	return parseStat(content)
}

// stat is the part of /proc/<pid>/stat that is used.
type stat struct {
	comm  string
	start uint64
}

// startField is the place of starttime (field 22) behind the comm, where field 3 comes first.
const startField = 22 - 3

// parseStat finds the comm between the first "(" and the last ")", for it may itself hold both and blanks.
func parseStat(content []byte) (stat, error) {
	open, end := bytes.IndexByte(content, '('), bytes.LastIndexByte(content, ')')
	if open < 0 || end < open {
		return stat{}, fmt.Errorf("stat without a command name: %w", errFormat)
	}
	rest := bytes.TrimLeft(content[end+1:], " ")
	for range startField {
		_, next, ok := bytes.Cut(rest, []byte(" "))
		if !ok {
			return stat{}, fmt.Errorf("stat with fewer than 22 fields: %w", errFormat)
		}
		rest = next
	}
	field, _, _ := bytes.Cut(rest, []byte(" "))
	start, err := strconv.ParseUint(string(bytes.TrimSpace(field)), 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("start time in stat: %w", err)
	}
	return stat{comm: printable(string(content[open+1 : end])), start: start}, nil
}

var errFormat = errors.New("unknown format")

// maxFile bounds a read: a cgroup v1 file has a dozen lines, each with a path of at most 4,096 bytes.
const maxFile = 64 << 10

func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // The path is built from the configured root and a number.
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, 0, 512)
	for len(buf) < maxFile {
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
		n, err := f.Read(buf[len(buf):min(cap(buf), maxFile)])
		buf = buf[:len(buf)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return buf, nil
}

// gone turns both ways in which the kernel says that a process ended into ErrGone.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return ErrGone
	}
	return err
}

// maxName bounds a name; Linux allows 15 bytes in a comm and 255 in a file name.
const maxName = 255

// printable makes a name fit for an attribute value: valid UTF-8, no control characters.
func printable(s string) string {
	if len(s) > maxName {
		s = s[:maxName]
	}
	return strings.Map(func(c rune) rune {
		if c == unicode.ReplacementChar || unicode.IsControl(c) {
			return -1
		}
		return c
	}, s)
}
