//go:build linux && cgo

// Package event waits for NVML's events on a thread of its own and queues them, bounded, for whoever sends them.
package event
