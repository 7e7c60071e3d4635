// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

const (
	stormCode  = 31
	beforeCode = 13
	whileCode  = 94
	afterCode  = 48
	stormRate  = 10000
)

// changeFaults are a machine that changes, and one that says too much.
func changeFaults() []fault {
	return []fault{
		{
			kind: "MIG layout changed, and changed back", lasts: 3 * time.Second, within: 2,
			begin: says("fault mig_change gpu=%d layout=7g.80gb", inMIG), may: slicesOf(inMIG), fresh: slicesOf(inMIG),
			expect: func(t *testing.T, r *run) []string {
				r.others(t, "")
				for _, c := range r.during() {
					if count := r.sliceCount(&c); count != 1 {
						t.Errorf("one slice must be there at %v of the fault, found %d", c.time.Sub(r.on), count)
					}
				}
				return []string{r.some(t, "mig_changed", r.gpus[inMIG])}
			},
		},
		{
			kind: "event storm, 10,000 a second", lasts: 4 * time.Second, full: 20 * time.Second, within: 2,
			begin: func(r *run) {
				on, off := r.script.at(r.on), r.script.at(r.off)
				r.script.add(
					fmt.Sprintf("fault event_storm gpu=%d rate=%d type=xid code=%d at=%.3f for=%.3f", lostGPU, stormRate, stormCode, on, off-on),
					fmt.Sprintf("at %.3f xid gpu=0 code=%d", on-lead.Seconds()/4, beforeCode), // before it
					fmt.Sprintf("at %.3f xid gpu=1 code=%d", off+0.3, afterCode),
				)
			},
			may: nothing, fresh: func(r *run, s *series) bool {
				return xid(lostGPU, stormCode)(r, s) || xid(0, beforeCode)(r, s) || xid(1, afterCode)(r, s)
			},
			expect: expectStorm,
		},
	}
}

// slicesOf are the series of the slices of a GPU, also those that do not name it: hw.status.
func slicesOf(gpu int) func(r *run, s *series) bool {
	return func(r *run, s *series) bool {
		return s.attributes["hw.parent"] == r.gpus[gpu] || slices.Contains(r.slicesOf(gpu), s.attributes["hw.id"])
	}
}

func (r *run) slicesOf(gpu int) []string {
	var found []string
	for _, c := range r.collections {
		for _, s := range c.series {
			if s.metric == "hw.gpu.info" && s.attributes["hw.parent"] == r.gpus[gpu] {
				found = append(found, s.attributes["hw.id"])
			}
		}
	}
	return found
}

func (r *run) sliceCount(c *collection) int {
	count := 0
	for _, s := range c.series {
		if s.metric == "hw.gpu.info" && s.attributes["hw.parent"] == r.gpus[inMIG] {
			count++
		}
	}
	return count
}

// The bounds on what a storm may make the processes grow by. The collector's is its garbage between two collections of the heap.
const (
	collectorGrowth = 48 << 20
	helperGrowth    = 8 << 20
)

func expectStorm(t *testing.T, r *run) []string {
	r.others(t, "")
	counted := r.errors(fmt.Sprintf("xid_%d", stormCode), r.gpus[lostGPU])
	lost := r.own("otelcol_receiver_nvml_lost_events")
	made := stormRate * r.off.Sub(r.on).Seconds()
	if counted == 0 || counted > made+1 {
		t.Errorf("xid_%d must be counted between 1 and %v times, found %v", stormCode, made, counted)
	}
	if missing := made - counted - lost; missing > made/100 {
		t.Errorf("of %v events %v were counted and %v told as lost: %v are missing", made, counted, lost, missing)
	}
	records := len(r.events("xid", r.gpus[lostGPU]))
	if limit := 11 * (int(r.off.Sub(r.on)/(10*time.Second)) + 2); records == 0 || records > limit {
		t.Errorf("the storm must make between 1 and %d records, found %d", limit, records)
	}
	grownCollector, grownHelper := r.peak.collector.rss-r.before.collector.rss, r.peak.helper.rss-r.before.helper.rss
	if grownCollector > collectorGrowth || grownHelper > helperGrowth {
		t.Errorf("memory grew by %s in the collector and %s in the helper", mebibytes(grownCollector), mebibytes(grownHelper))
	}
	return []string{
		fmt.Sprintf("%.0f events made, `hw.errors{error.type=\"xid_%d\"}` = %.0f, `receiver_nvml_lost_events` = %.0f, %d records", made, stormCode, counted, lost, records),
		r.times(t, 1, "xid", r.gpus[0]), r.errorCount(t, fmt.Sprintf("xid_%d", beforeCode), r.gpus[0], 1),
		r.times(t, 1, "xid", r.gpus[1]), r.errorCount(t, fmt.Sprintf("xid_%d", afterCode), r.gpus[1], 1),
		fmt.Sprintf("memory: collector %+.1f MiB, helper %+.1f MiB", float64(grownCollector)/(1<<20), float64(grownHelper)/(1<<20)),
	}
}
