// Package kernellog follows the kernel log for what the NVIDIA driver writes there (lines with NVRM: and SXid) and turns
// them into typed events, each once, over restarts and over both sources: journald, by a child journalctl, and /dev/kmsg.
//
// The kernel log is untrusted text. Records that user space wrote to /dev/kmsg are left out by their facility, every
// length is bounded, and Parse is fuzzed.
package kernellog
