//go:build linux && cgo

// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
)

// showMemory calls a function that a library of an old driver does not have, without asking first.
func showMemory(path string) error {
	l, err := open(path)
	if err != nil {
		return err
	}
	device, ret := l.DeviceGetHandleByIndex(0)
	if ret != nvml.SUCCESS {
		return fmt.Errorf("nvmlDeviceGetHandleByIndex: %w", ret)
	}
	memory, ret := device.GetMemoryInfo_v2()
	fmt.Println("memory", memory.Total, ret)
	return nil
}

// showReplaced prints NVML's version, waits for a line, in which time the file is replaced, and closes and opens the library again.
func showReplaced(path string) error {
	lines := bufio.NewScanner(os.Stdin)
	for range 2 {
		l, err := open(path)
		if err != nil {
			return err
		}
		version, ret := l.SystemGetNVMLVersion()
		fmt.Println("version", version, ret)
		if ret := l.Shutdown(); ret != nvml.SUCCESS {
			return fmt.Errorf("nvmlShutdown: %w", ret)
		}
		lines.Scan()
	}
	return nil
}

func open(path string) (nvml.Interface, error) {
	l := nvml.New(nvml.WithLibraryPath(path))
	if ret := l.Init(); ret != nvml.SUCCESS {
		return nil, fmt.Errorf("nvmlInit: %w", ret)
	}
	return l, nil
}
