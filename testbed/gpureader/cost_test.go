package gpureader

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

const eight = "gpu 0-7 board H100-SXM5-80GB\ngpu 0-7 load sine period=10 low=0.2 high=0.95\nprocess gpu=0-7 pid=1000 memory=40GiB sm=1\n"

// TestCost holds the helper to its budget: processor and memory of the whole process, stand-in included, on 8 GPUs. Events are measured
// apart: the stand-in looks at its scenario 50 times a second while a set waits, where a driver sleeps.
func TestCost(t *testing.T) {
	const interval = 10 * time.Second
	cases := map[string]struct {
		sampling time.Duration
		events   bool
		most     float64 // share of a core
	}{
		"nothing but collections":  {0, false, 0.005},
		"sampled at 10 Hz":         {100 * time.Millisecond, false, 0.01},
		"sampled at 10 Hz, events": {100 * time.Millisecond, true, 0.03},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := start(t, eight, func(h *nvmlwire.Hello) { h.Sampling, h.Events = tc.sampling, tc.events })
			collect(t, r)
			time.Sleep(time.Second) // as long as the driver's buffers are empty, utilisation is polled
			collect(t, r)
			before := processorTime(t, r.PID())
			time.Sleep(interval)
			s := collect(t, r)
			share := (processorTime(t, r.PID()) - before).Seconds() / interval.Seconds()
			pss := proportional(t, r.PID(), "Pss")
			t.Logf("8 GPUs: %.2f %% of a core, %.1f MiB PSS, of it %.1f MiB anonymous; a collection takes %v",
				100*share, float64(pss)/1024, float64(proportional(t, r.PID(), "Pss_Anon"))/1024, s.Took)
			assert.Less(t, share, tc.most)
			assert.Less(t, pss, 8<<10)
		})
	}
}

// processorTime is the time that a process's threads spent on a processor, by the scheduler's own account: the one in stat counts whole
// ticks, with which a sampling interval of 100 ms beats.
func processorTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	require.NoError(t, err)
	require.NotEmpty(t, tasks)
	var total time.Duration
	for _, task := range tasks {
		raw, err := os.ReadFile(task)
		require.NoError(t, err)
		ns, err := strconv.ParseInt(strings.Fields(string(raw))[0], 10, 64)
		require.NoError(t, err)
		total += time.Duration(ns)
	}
	return total
}

// proportional is a process's proportional set size in KiB, or a part of it.
func proportional(t testing.TB, pid int, part string) int {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	require.NoError(t, err)
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), part+":"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			require.NoError(t, err)
			return n
		}
	}
	t.Fatalf("no %s in smaps_rollup", part)
	return 0
}
