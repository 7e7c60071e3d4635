// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"os"
	"testing"
	"time"
)

const (
	lostGPU = 2
	nextTo  = 5
	inMIG   = 7
)

// eightGPUs are eight H100 under load, the last in MIG, with a process on the first and on a slice.
func eightGPUs() []string {
	return []string{
		"driver 570.124.06",
		"gpu 0-7 board H100-SXM5-80GB",
		"gpu 0-7 load sine period=20 low=0.2 high=0.9",
		"gpu 0-7 memory 8GiB-40GiB",
		"gpu 7 mig 3g.40gb,1g.10gb*3",
		fmt.Sprintf("process gpu=0-6 pid=%d memory=4GiB sm=0.6", os.Getpid()),
	}
}

// oldGPUs are boards that a driver of the 450 branch knows.
func oldGPUs() []string {
	return []string{
		"driver 450.248.02", "cuda 11.0", "gpu 0-3 board V100", "gpu 4-7 board T4", "gpu 0-7 load constant level=0.5", "gpu 0-7 memory 4GiB",
	}
}

// says is a fault's line with its time.
func says(format string, args ...any) func(r *run) {
	return func(r *run) {
		line := fmt.Sprintf(format, args...)
		r.script.add(fmt.Sprintf("%s at=%.3f for=%.3f", line, r.script.at(r.on), r.off.Sub(r.on).Seconds()))
	}
}

func nothing(*run, *series) bool    { return false }
func everything(*run, *series) bool { return true }

// readings are all series of a GPU and its slices, but for what is known without it: what it is, and how it is.
func readings(gpus ...int) func(r *run, s *series) bool {
	return func(r *run, s *series) bool {
		for _, gpu := range gpus {
			if s.of(r.gpus[gpu]) && (s.metric != "hw.status" && s.metric != "hw.gpu.info" || s.attributes["hw.parent"] != "") {
				return true
			}
		}
		return false
	}
}

func xid(gpu int, codes ...int) func(r *run, s *series) bool {
	return func(r *run, s *series) bool {
		for _, code := range codes {
			if s.metric == "hw.errors" && s.attributes["error.type"] == fmt.Sprintf("xid_%d", code) && s.attributes["hw.id"] == r.gpus[gpu] {
				return true
			}
		}
		return false
	}
}

// means are GPM's: means between two samples, of which the first collection of a process has one only.
func means(r *run, s *series) bool {
	return s.metric == "hw.gpu.sm.utilization" || s.metric == "hw.gpu.sm.occupancy" || s.metric == "hw.gpu.pipe.utilization" ||
		s.metric == "hw.gpu.memory.bandwidth.utilization" || s.metric == "hw.gpu.utilization" && s.of(r.gpus[inMIG])
}

func info(_ *run, s *series) bool { return s.metric == "hw.gpu.info" }

// cases are the faults of the stand-in, in the order of its README, and what is near to them.
func cases() []fault {
	var all []fault
	for _, group := range [][]fault{
		libraryFaults(), driverFaults(), lossFaults(), moveFaults(), delayFaults(), readingFaults(), changeFaults(),
	} {
		all = append(all, group...)
	}
	return all
}

// lossFaults are GPUs that go and come.
func lossFaults() []fault {
	return []fault{
		{
			kind: "GPU lost", lasts: 3 * time.Second, within: 2,
			begin: says("fault gpu_lost gpu=%d", lostGPU), may: readings(lostGPU), fresh: xid(lostGPU, 79),
			expect: func(t *testing.T, r *run) []string {
				gpu := r.gpus[lostGPU]
				r.others(t, gpu)
				r.times(t, 1, "recovered", gpu)
				return []string{
					r.status(t, gpu, "failed"), r.times(t, 1, "lost", gpu), r.times(t, 1, "xid", gpu), r.errorCount(t, "xid_79", gpu, 1),
					r.restarted(t, gpu),
				}
			},
		},
		{
			kind: "GPU back", lasts: 3 * time.Second, within: 6, gap: 4 * time.Second,
			// It is seen again by a process that initialises NVML after it came back, and by no other.
			begin: func(r *run) {
				r.script.add(fmt.Sprintf("fault gpu_lost gpu=%d at=%.3f back=reinit", lostGPU, r.script.at(r.on)),
					fmt.Sprintf("fault gpu_back gpu=%d at=%.3f back=reinit", lostGPU, r.script.at(r.off)))
			},
			may: readings(lostGPU), fresh: xid(lostGPU, 79),
			expect: func(t *testing.T, r *run) []string {
				gpu := r.gpus[lostGPU]
				r.others(t, gpu)
				return []string{r.status(t, gpu, "failed"), r.times(t, 1, "recovered", gpu), r.restarted(t, gpu)}
			},
		},
		{
			kind: "Unknown Error after the container's cgroup was reset", lasts: 3 * time.Second, within: 2,
			begin: says("fault unknown_error gpu=0-3"), may: readings(0, 1, 2, 3), fresh: nothing,
			expect: func(t *testing.T, r *run) []string {
				for _, gpu := range r.gpus[1:4] {
					r.status(t, gpu, "failed")
					r.times(t, 1, "lost", gpu)
					r.times(t, 1, "recovered", gpu)
				}
				return []string{r.status(t, r.gpus[0], "failed"), r.times(t, 1, "lost", r.gpus[0]), r.times(t, 1, "recovered", r.gpus[0])}
			},
		},
	}
}

// moveFaults are GPUs that go and come on purpose.
func moveFaults() []fault {
	return []fault{
		{
			kind: "GPU unplugged and plugged in again", lasts: 3 * time.Second, within: 3, anew: 3,
			// Those behind it move up: their index is on hw.gpu.info alone.
			begin: says("fault hotplug gpu=%d", nextTo),
			may: func(r *run, s *series) bool {
				return readings(nextTo)(r, s) || info(r, s) && (s.of(r.gpus[6]) || s.of(r.gpus[7]))
			},
			fresh: info,
			expect: func(t *testing.T, r *run) []string {
				gpu := r.gpus[nextTo]
				return []string{r.status(t, gpu, "failed"), r.times(t, 1, "lost", gpu), r.times(t, 1, "recovered", gpu)}
			},
		},
		{
			kind: "GPU reset", lasts: time.Second, within: 2,
			begin: func(r *run) { r.script.add(fmt.Sprintf("fault gpu_reset gpu=%d at=%.3f", lostGPU, r.script.at(r.on))) },
			may:   nothing, fresh: nothing,
			expect: func(t *testing.T, r *run) []string {
				r.others(t, "")
				return []string{r.restarted(t, r.gpus[lostGPU])}
			},
		},
	}
}
