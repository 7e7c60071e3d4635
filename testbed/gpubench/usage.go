// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// memory is what a process has, of smaps_rollup.
type memory struct{ rss, pss int64 }

func memoryOf(pid int) (memory, error) {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return memory{}, err
	}
	var m memory
	for line := range strings.Lines(string(rollup)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		kib, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "Rss:":
			m.rss = kib << 10
		case "Pss:":
			m.pss = kib << 10
		}
	}
	return m, nil
}

func (m memory) String() string {
	return fmt.Sprintf("%.1f MiB PSS, %.1f MiB RSS", float64(m.pss)/(1<<20), float64(m.rss)/(1<<20))
}

// cpuClock is the kernel's clock of a process: user and system time of all its threads, utime and stime of /proc/pid/stat, in
// nanoseconds and not in ticks of 10 ms; its number is as clock_getcpuclockid(3) makes it.
func cpuClock(pid int) int32 { return int32(^pid<<3 | 2) }

func cpuOf(pid int) (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(cpuClock(pid), &t); err != nil {
		return 0, fmt.Errorf("processor time of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// childOf is the one child of a process.
func childOf(pid int) (int, error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return 0, err
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if fields := strings.Fields(string(text)); err == nil && len(fields) == 1 {
			return strconv.Atoi(fields[0])
		}
	}
	return 0, fmt.Errorf("process %d has no child", pid)
}

// share is what part of one core a process takes.
type share float64

func (s share) String() string { return fmt.Sprintf("%.3f %%", float64(s)*100) }

// shares measures processes for a time.
func shares(length time.Duration, pids ...int) ([]share, error) {
	before := make([]time.Duration, len(pids))
	began := time.Now()
	for i, pid := range pids {
		var err error
		if before[i], err = cpuOf(pid); err != nil {
			return nil, err
		}
	}
	time.Sleep(length)
	all := make([]share, len(pids))
	for i, pid := range pids {
		after, err := cpuOf(pid)
		if err != nil {
			return nil, err
		}
		all[i] = share(float64(after-before[i]) / float64(time.Since(began)))
	}
	return all, nil
}
