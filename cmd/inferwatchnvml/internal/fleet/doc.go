//go:build linux && cgo

// Package fleet keeps the GPUs of a machine: it finds them, gives each a thread of its own, asks all of them at once for a collection and
// waits no longer than it was told. A call that hangs in the driver takes its GPU's thread and nothing else.
package fleet
