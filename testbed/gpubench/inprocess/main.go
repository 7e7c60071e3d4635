//go:build linux && cgo

// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Command inprocess is NVML inside a Go process, for testbed/gpubench: what a collection costs without a helper process, and how much
// memory the library takes there. It answers plans as nvmlsim/bench/loop.c does, through go-nvml. Without a library it answers with 0 and
// loads none.
package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

func main() {
	if len(os.Args) == 3 {
		if err := show(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<16)
	if len(os.Args) != 2 {
		for lines.Scan() {
			fmt.Println(0)
		}
		return
	}
	if err := serve(os.Args[1], lines); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(path string, lines *bufio.Scanner) error {
	l, err := load(path)
	if err != nil {
		return err
	}
	for lines.Scan() {
		if err := l.plan(lines.Text()); err != nil {
			return err
		}
		began := time.Now()
		l.collect()
		fmt.Println(time.Since(began).Nanoseconds())
	}
	return lines.Err()
}

// library is NVML with its GPUs.
type library struct {
	nvml   nvml.Interface
	gpus   []*gpu
	fields []nvml.FieldValue
	calls  []planned
}

type planned struct {
	call func(*library, *gpu, int)
	each int
}

type gpu struct {
	index   int
	device  nvml.Device
	gpm     [2]nvml.GpmSample
	newest  int
	seen    [4]uint64
	useSeen uint64
}

func load(path string) (*library, error) {
	l := &library{nvml: nvml.New(nvml.WithLibraryPath(path))}
	if ret := l.nvml.Init(); ret != nvml.SUCCESS {
		return nil, fmt.Errorf("nvmlInit: %w", ret)
	}
	count, ret := l.nvml.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return nil, fmt.Errorf("nvmlDeviceGetCount: %w", ret)
	}
	for i := range count {
		g := &gpu{index: i}
		g.device, ret = l.nvml.DeviceGetHandleByIndex(i)
		for n := range g.gpm {
			if ret == nvml.SUCCESS {
				g.gpm[n], ret = l.nvml.GpmSampleAlloc()
			}
			if ret == nvml.SUCCESS {
				ret = g.device.GpmSampleGet(g.gpm[n])
			}
		}
		if ret != nvml.SUCCESS {
			return nil, fmt.Errorf("GPU %d: %w", i, ret)
		}
		l.gpus = append(l.gpus, g)
	}
	return l, nil
}

// plan takes `name=count` pairs. go-nvml's GetSamples and GetProcessUtilization are two calls of the library each.
func (l *library) plan(text string) error {
	l.fields, l.calls = l.fields[:0], l.calls[:0]
	known := callers()
	for item := range strings.SplitSeq(text, ";") {
		name, number, _ := strings.Cut(item, "=")
		count, err := strconv.Atoi(number)
		if err != nil {
			return fmt.Errorf("a plan must hold `name=count`, found %q", item)
		}
		if field, ok := strings.CutPrefix(name, "field "); ok {
			id, err := strconv.ParseUint(field, 10, 32)
			if err != nil {
				return err
			}
			value := nvml.FieldValue{FieldId: uint32(id)}
			if id == nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX || id == nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX {
				value.ScopeId = ^uint32(0)
			}
			l.fields = append(l.fields, value)
			continue
		}
		call, ok := known[name]
		if !ok {
			return fmt.Errorf("%s is not among the calls of testbed/gpubench/inprocess", name)
		}
		each := count / len(l.gpus)
		if slices.Contains([]string{"nvmlDeviceGetSamples", "nvmlDeviceGetProcessUtilization"}, name) {
			each = (each + 1) / 2
		}
		l.calls = append(l.calls, planned{call: call, each: each})
	}
	return nil
}

func (l *library) collect() {
	for _, g := range l.gpus {
		for _, p := range l.calls {
			for nth := range p.each {
				p.call(l, g, nth)
			}
		}
	}
}

// show prints what one call gives: a fact for the tests.
func show(what, path string) error {
	switch what {
	case "memory":
		return showMemory(path)
	case "replaced":
		return showReplaced(path)
	}
	return fmt.Errorf("no such fact: %s", what)
}
