// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// newDriver is of the branch of the one before: another branch may split a reading, such as thermal throttling, into others.
const newDriver = "570.172.08"

// changesDriver lets the kernel module be replaced when the fault ends.
func changesDriver(r *run) string {
	return fmt.Sprintf("driver %s from=%.3f", newDriver, r.script.at(r.off))
}

// libraryFaults are those that leave no GPU to be read.
func libraryFaults() []fault {
	return []fault{
		{
			kind: "library absent", lasts: 2 * time.Second, atStart: true, within: 3, may: everything, fresh: nothing,
			begin: func(r *run) {
				if err := os.Rename(r.library, r.library+".away"); err != nil {
					r.tb.Fatal(err)
				}
			},
			end: func(r *run) {
				r.libraryIs("not_found")
				if err := os.Rename(r.library+".away", r.library); err != nil {
					r.tb.Fatal(err)
				}
			},
			expect: func(t *testing.T, r *run) []string {
				r.libraryIs("ready")
				// Notes of one kind wait for each other up to 10 s.
				r.eventually("the event that the library is ready", func() bool {
					_, r.records = r.sink.got()
					return len(r.events("library", "")) == 2
				})
				return []string{
					r.line(t, "No NVML library: this node has no NVIDIA GPU"), "`receiver_nvml_library{library_state=\"not_found\"}` = 1",
					r.times(t, 2, "library", ""),
				}
			},
		},
		{
			kind: "old driver without symbols, then upgraded", scenario: oldGPUs(), old: true, lasts: 2 * time.Second, within: 4, gap: 4 * time.Second,
			begin: func(r *run) { r.script.add(changesDriver(r)) },
			anew:  1, may: nothing, fresh: everything, gone: info,
			end: func(r *run) { install(r.tb, r.newLibrary, r.library) },
			expect: func(t *testing.T, r *run) []string {
				return []string{r.line(t, "The NVML library lacks functions"), r.times(t, 1, "driver_changed", "")}
			},
		},
		{
			kind: "init fails", lasts: 2 * time.Second, atStart: true, within: 3, may: everything, fresh: nothing,
			begin: func(r *run) {
				r.script.add(fmt.Sprintf("fault init_fails code=DRIVER_NOT_LOADED at=0 for=%.3f", r.script.at(r.off)))
			},
			expect: func(t *testing.T, r *run) []string {
				r.libraryIs("ready")
				return []string{r.line(t, "No GPU can be read"), r.times(t, 2, "library", "")}
			},
		},
	}
}

// driverFaults are a driver that is replaced under the library.
func driverFaults() []fault {
	return []fault{
		{
			kind: "version mismatch after an upgrade", lasts: 3 * time.Second, within: 4, gap: 8 * time.Second,
			begin: func(r *run) {
				r.script.add(fmt.Sprintf("fault version_mismatch at=%.3f for=%.3f", r.script.at(r.on), r.off.Sub(r.on).Seconds()), changesDriver(r))
			},
			anew: 1, may: nothing, fresh: info, gone: info,
			midway: func(r *run) { r.libraryIs("version_mismatch") },
			expect: func(t *testing.T, r *run) []string {
				r.libraryIs("ready")
				return []string{
					"`receiver_nvml_library{library_state=\"version_mismatch\"}` = 1",
					r.times(t, 2, "library", ""), r.line(t, "No GPU can be read"), r.times(t, 1, "driver_changed", ""),
					r.restarted(t, r.gpus[0]),
				}
			},
		},
		{
			kind: "driver changed", lasts: time.Second, within: 4, gap: 4 * time.Second,
			begin: func(r *run) { r.script.add(fmt.Sprintf("driver %s from=%.3f", newDriver, r.script.at(r.on))) },
			anew:  1, may: nothing, fresh: info, gone: info,
			expect: func(t *testing.T, r *run) []string {
				return []string{r.times(t, 1, "driver_changed", ""), r.restarted(t, r.gpus[0])}
			},
		},
	}
}
