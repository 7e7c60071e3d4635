// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package gpusim gives tests GPUs on machines without any: it builds testbed/nvmlsim, a library with NVML's ABI, and writes the
// scenarios that it plays. What a scenario can say is in testbed/nvmlsim/README.md, ready ones are in testbed/nvmlsim/scenarios.
//
// A Go program binds to the NVML of its process by name, once and for all: load the library in a child process, never in the test's.
package gpusim
