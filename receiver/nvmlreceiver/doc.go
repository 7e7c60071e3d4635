//go:generate mdatagen metadata.yaml

// Package nvmlreceiver reports NVIDIA GPUs, MIG slices and the processes on them as metrics, and what happens to them as log events.
// NVML is read by a process of its own, inferwatchnvml: a call that hangs, a library that crashes or a driver that is replaced
// is then no matter of the collector's life.
package nvmlreceiver
