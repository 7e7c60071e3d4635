//go:build linux && cgo

package serve

import (
	"os"
	"strings"
)

// OnWSL tells whether the machine reaches its GPUs through Windows.
func OnWSL() bool {
	_, err := os.Stat("/dev/dxg")
	return err == nil
}

// Plugged tells which GPUs NVIDIA's kernel module has; empty where it does not tell.
func Plugged() string {
	entries, err := os.ReadDir("/proc/driver/nvidia/gpus")
	if err != nil {
		return ""
	}
	names := make([]string, len(entries))
	for i := range entries {
		names[i] = entries[i].Name()
	}
	return strings.Join(names, " ")
}
