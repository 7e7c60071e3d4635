//go:build linux && cgo

// Package check takes every reading on this machine's NVML, by the same code as the receiver's helper, and puts it beside what
// nvidia-smi says.
package check
