// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Each cycle is a fault on and off again, seen both times.
const (
	shortCycles = 25
	fullCycles  = 1000
	samples     = 10
)

// What may be more at the end than when half of the cycles are over. The first half fills what is kept for reuse: the C library's arenas,
// one for each thread, grow for some hundred cycles with the stand-in's scenarios in them, and Go's pools.
//   - Goroutines and file handles are counted when nothing is under way: none may be more.
//   - Go never ends a thread that it made, and may at any time need another: it settles at a few.
//   - A leak of a kilobyte in each cycle would be 500 KiB of live heap, and as much of the helper. What is resident beside it is garbage
//     and free pages, which come and go.
const (
	moreThreads = 6
	moreHeap    = 384 << 10
	moreRSS     = 4 << 20
	moreHelper  = 1 << 20
)

// held is what receiver and helper hold between two cycles.
type held struct {
	cycle, goroutines int
	heap              int64
	own, helper       usage
	pid               int
}

// TestCyclesOfGPUFaults has every fault of a GPU at once, each on a GPU of its own, again and again in one life of the helper.
func TestCyclesOfGPUFaults(t *testing.T) {
	p := prepared(t)
	base := []string{"driver 570.124.06", "gpu 0-8 board H100-SXM5-80GB", "gpu 0-8 load constant level=0.5", "gpu 8 mig 1g.10gb*2"}
	faults := []string{
		"fault event_storm gpu=0 rate=1000 code=31", "fault gpu_lost gpu=1 xid=0", "fault call_hangs gpu=2", "fault call_slow gpu=3 seconds=0.7",
		"fault not_supported gpu=4 call=DeviceGetClockInfo", "fault garbage gpu=5", "fault unknown_error gpu=6", "fault hotplug gpu=7",
		"fault mig_change gpu=8 layout=3g.40gb",
	}
	script := newScript(t, base...)
	t.Setenv("NVMLSIM_SCENARIO", script.path)
	b := startBare(t, p, p.library)
	var gpus [9]string
	b.until(t, "all GPUs", func(c *collection) bool { return healthy(c) == len(gpus) })
	c, _ := b.newest()
	for _, s := range c.series {
		if s.metric == "hw.gpu.info" && s.attributes["hw.parent"] == "" {
			var index int
			_, err := fmt.Sscan(s.attributes["hw.gpu.index"], &index)
			require.NoError(t, err)
			gpus[index] = s.attributes["hw.id"]
		}
	}
	runCycles(t, b, "every fault of a GPU at once, one helper process", true, func(int) {
		script.show(faults...)
		seen := map[string]bool{}
		b.until(t, "every fault seen", func(c *collection) bool {
			note(seen, c, gpus)
			return len(seen) == len(want)
		}, func() string {
			c, came := b.newest()
			return fmt.Sprintf("seen so far: %v; %d collections, the last with %v", seen, came, states(c))
		})
		script.show()
		b.until(t, "all GPUs again", func(c *collection) bool { return healthy(c) == len(gpus) && slicesIn(c, gpus[8]) == 2 })
	})
}

// want are the signs of the faults; that a call is not supported is learned once, and shows in no later cycle.
var want = []string{"storm", "lost", "hung", "slow", "garbage", "unknown", "unplugged", "mig"}

// note looks for the sign of each fault.
func note(seen map[string]bool, c *collection, gpus [9]string) {
	is := func(gpu int, state string) bool {
		v, _ := c.value("hw.status", "hw.id", gpus[gpu], "hw.state", state)
		return v == 1
	}
	_, power := c.value("hw.power", "hw.id", gpus[5])
	xids, _ := c.value("hw.errors", "hw.id", gpus[0], "error.type", "xid_31")
	for sign, holds := range map[string]bool{
		"storm": xids > 0 && is(0, "ok"), "lost": is(1, "failed"), "hung": is(2, "degraded"), "slow": is(3, "degraded"), "garbage": !power,
		"unknown": is(6, "failed"), "unplugged": is(7, "failed"), "mig": slicesIn(c, gpus[8]) == 1,
	} {
		if holds {
			seen[sign] = true
		}
	}
}

// states lists hw.status.
func states(c *collection) []string {
	var all []string
	for key, s := range c.series {
		if s.metric == "hw.status" && c.points[key][0].value == 1 {
			all = append(all, s.attributes["hw.id"]+" "+s.attributes["hw.state"])
		}
	}
	return all
}

func healthy(c *collection) int {
	count := 0
	for key, s := range c.series {
		if s.metric == "hw.status" && s.attributes["hw.state"] == "ok" && strings.HasPrefix(s.attributes["hw.id"], "GPU-") {
			count += int(c.points[key][0].value)
		}
	}
	return count
}

func slicesIn(c *collection, gpu string) int {
	count := 0
	for _, s := range c.series {
		if s.metric == "hw.gpu.info" && s.attributes["hw.parent"] == gpu {
			count++
		}
	}
	return count
}

// TestCyclesOfLibraryFaults ends the helper in each cycle: by a library that cannot be initialised, and by a driver that was replaced.
func TestCyclesOfLibraryFaults(t *testing.T) {
	p := prepared(t)
	script := newScript(t, "driver 570.124.06", "gpu 0-7 board H100-SXM5-80GB", "gpu 0-7 load constant level=0.5")
	t.Setenv("NVMLSIM_SCENARIO", script.path)
	library := t.TempDir() + "/libnvidia-ml.so.1"
	install(t, p.library, library)
	b := startBare(t, p, library)
	b.until(t, "all GPUs", func(c *collection) bool { return healthy(c) == 8 })
	runCycles(t, b, "library absent, init fails, version mismatch in turn, a helper process each", false, func(cycle int) {
		var state string
		switch cycle % 3 {
		case 0:
			require.NoError(t, os.Rename(library, library+".away"))
			script.show("fault version_mismatch") // ends the helper, and the next one finds no library
			state = "not_found"
		case 1:
			script.show("fault version_mismatch")
			state = "version_mismatch"
		case 2:
			script.show("fault version_mismatch", "fault init_fails code=DRIVER_NOT_LOADED")
			state = "init_failed"
		}
		require.Eventually(t, func() bool { return b.state() == state }, patience, pause, "library must be %s, is %s", state, b.state())
		_, before := b.newest()
		if cycle%3 == 0 {
			require.NoError(t, os.Rename(library+".away", library))
		}
		script.show()
		b.until(t, "all GPUs again", func(c *collection) bool {
			_, now := b.newest()
			return now > before+1 && healthy(c) == 8
		})
	})
}

// until waits for a collection that came after the call and that has what is wanted.
func (b *bare) until(t *testing.T, what string, holds func(*collection) bool, more ...func() string) {
	t.Helper()
	_, seen := b.newest()
	for end := time.Now().Add(patience); ; time.Sleep(pause / 4) {
		c, now := b.newest()
		if now > seen {
			seen = now
			if holds(c) {
				return
			}
		}
		if time.Now().After(end) {
			for _, m := range more {
				t.Log(m())
			}
			t.Fatalf("after %v still not: %s (library %s)", patience, what, b.state())
		}
	}
}

// runCycles counts what is held, and demands that it does not grow.
func runCycles(t *testing.T, b *bare, name string, oneHelper bool, cycle func(int)) {
	count := shortCycles
	if *full {
		count = fullCycles
	}
	began := time.Now()
	var all []held
	for i := range count {
		cycle(i)
		if (i+1)%max(count/samples, 1) == 0 {
			all = append(all, b.held(t, i+1))
		}
	}
	first, last := all[len(all)/2-1], all[len(all)-1]
	assert.LessOrEqual(t, last.goroutines, first.goroutines, "goroutines")
	assert.LessOrEqual(t, last.own.files, first.own.files, "file handles")
	assert.LessOrEqual(t, last.own.threads, first.own.threads+moreThreads, "threads")
	assert.LessOrEqual(t, last.heap, first.heap+moreHeap, "live heap")
	assert.LessOrEqual(t, last.own.rss, first.own.rss+moreRSS, "resident memory")
	assert.LessOrEqual(t, last.helper.files, first.helper.files, "file handles of the helper")
	assert.LessOrEqual(t, last.helper.threads, first.helper.threads+moreThreads, "threads of the helper")
	assert.LessOrEqual(t, last.helper.pss, first.helper.pss+moreHelper, "memory of the helper")
	if oneHelper {
		assert.Equal(t, first.pid, last.pid, "the helper must be the same process throughout")
	}
	table := cyclesTable(name, count, time.Since(began), all)
	t.Log("\n" + table)
	appendReport(t, table)
}

// held measures when nothing is under way: the least of a few looks, as a collection may be.
func (b *bare) held(t *testing.T, cycle int) held {
	t.Helper()
	h := held{cycle: cycle, goroutines: 1 << 30}
	const looks = 10
	for range looks {
		time.Sleep(fastInterval / 3)
		own, err := usageOf(os.Getpid())
		require.NoError(t, err)
		if n := runtime.NumGoroutine(); n < h.goroutines {
			h.goroutines = n
		}
		if h.own.files == 0 || own.files < h.own.files {
			h.own.files = own.files
		}
	}
	debug.FreeOSMemory()
	debug.FreeOSMemory() // what sync.Pool keeps outlives one collection of garbage
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	h.heap = int64(memory.HeapAlloc)
	own, err := usageOf(os.Getpid())
	require.NoError(t, err)
	own.files = h.own.files
	h.own = own
	children := childrenOf(os.Getpid())
	require.Len(t, children, 1, "one helper, and no zombie")
	h.pid = children[0]
	h.helper, err = usageOf(h.pid)
	require.NoError(t, err)
	return h
}

func cyclesTable(name string, count int, took time.Duration, all []held) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d cycles of %s, in %v, one every %v. Each fault was seen, and its end, in each cycle.\n\n", count, name, took.Round(time.Second),
		(took / time.Duration(count)).Round(time.Millisecond))
	b.WriteString("| after cycle | goroutines | file handles | threads | live heap | resident | helper: file handles | threads | PSS |\n")
	b.WriteString("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, h := range all {
		fmt.Fprintf(&b, "| %d | %d | %d | %d | %s | %s | %d | %d | %s |\n", h.cycle, h.goroutines, h.own.files, h.own.threads, mebibytes(h.heap),
			mebibytes(h.own.rss), h.helper.files, h.helper.threads, mebibytes(h.helper.pss))
	}
	return b.String()
}
