//go:build !linux || !cgo

// Command inferwatchnvml reads NVIDIA's management library for the nvml receiver. It needs Linux and a build with cgo.
package main

import "os"

func main() {
	_, _ = os.Stderr.WriteString("inferwatchnvml needs Linux and a build with CGO_ENABLED=1\n")
	os.Exit(2)
}
