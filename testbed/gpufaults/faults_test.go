// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var (
	full   = flag.Bool("full", false, "60 s of each hang, 1,000 cycles; else the short form")
	report = flag.String("report", "", "append the tables to this file")
)

// introduction stands above the table in the report.
var introduction = fmt.Sprintf(`# GPU faults under collection

By `+"`make gpu-faults`"+`: the collector's own binary reads eight simulated H100, one of them in MIG, every %v, and each fault of the NVML
stand-in comes and goes. "Lost" counts, over every collection while the fault lasts, the series that were there before and are missing; a
series that the fault is not about and that is missing fails the run, as do a counter that falls without a new start, a label that
changes, and a collector that ends. Recovery is the first collection after the fault that has everything.

`, interval)

// TestFaults runs the real collector through each fault. They run beside each other: what they do is mostly to wait.
func TestFaults(t *testing.T) {
	p := prepared(t)
	all := cases()
	rows := make([]row, len(all))
	t.Run("each", func(t *testing.T) {
		for i, f := range all {
			t.Run(f.kind, func(t *testing.T) {
				t.Parallel()
				rows[i] = f.run(t, p, *full)
			})
		}
	})
	var table strings.Builder
	require.NoError(t, writeTable(&table, rows))
	t.Log("\n" + table.String())
	appendReport(t, introduction+table.String())
}

// TestShutdownDuringAHang ends a collector while the driver blocks every call.
func TestShutdownDuringAHang(t *testing.T) {
	t.Parallel()
	const limit = 3 * time.Second
	p := prepared(t)
	for _, scope := range []string{fmt.Sprintf("gpu=%d", lostGPU), "scope=all"} {
		t.Run(scope, func(t *testing.T) {
			n := prepare(t, p, p.library, eightGPUs()...)
			n.start()
			n.steady(time.Time{})
			n.script.add("fault call_hangs " + scope)
			n.eventually("the hang is seen", func() bool {
				return n.own("otelcol_receiver_nvml_gpus", "inferwatch_gpu_condition", "hung") > 0
			})
			helpers := n.helpers()
			require.Len(t, helpers, 1)
			began := time.Now()
			n.Stop()
			took := time.Since(began)
			require.Less(t, took, limit)
			require.NoFileExists(t, fmt.Sprintf("/proc/%d/stat", helpers[0]), "the helper is gone, too")
			appendReport(t, fmt.Sprintf("Shutdown while a call hangs (`%s`): the collector ended %v after SIGTERM, its helper with it.\n",
				scope, took.Round(10*time.Millisecond)))
		})
	}
}

func appendReport(t *testing.T, text string) {
	t.Helper()
	if *report == "" {
		return
	}
	file, err := os.OpenFile(*report, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	require.NoError(t, err)
	defer file.Close()
	_, err = file.WriteString(text + "\n")
	require.NoError(t, err)
}
