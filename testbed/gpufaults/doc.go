// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package gpufaults puts every fault of the NVML stand-in in force under a collector that runs, and looks at each series of each
// collection: what the fault is about is reported, everything else goes on, and all of it comes back. Two levels: the real binary, one
// fault after the other; and the receiver with its helper process through 1,000 cycles, counting what could leak.
package gpufaults
