// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Command gpubench measures what it costs to watch eight GPUs, on the NVML stand-in: a collection against a bare C loop of the same
// calls, the processor time and memory of the helper process, sampling intervals, NVML inside the process instead, and, where its
// driver is given, Google's nvmlreceiver. All of it in one run, alternating, with the figures of every party from the same clock.
//
//	go run ./gpubench -helper ../bin/inferwatchnvml -report ../docs/proof/gpu-bench.md
package main
