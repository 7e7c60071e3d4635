//go:build linux && cgo

// Package check takes every reading on this machine's NVML and puts it beside what nvidia-smi says.
package check

import "io"

// Main is a placeholder during construction.
func Main([]string, io.Writer, io.Writer) int { return 2 }
