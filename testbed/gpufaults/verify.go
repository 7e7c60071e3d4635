// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// history is a run of a case, to be judged.
type history struct {
	collections []collection
	records     []record
	baseline    map[string]series // as before the fault; for a fault from the start on, as after it
	from        time.Time         // since when there is all of the baseline
	on, off     time.Time         // of the fault
	back        time.Time         // of the first collection that has all again; zero if there was none
}

// problems bounds what is told of one kind.
const problems = 8

// listed cuts a list of problems.
func listed(all []string) []string {
	if len(all) > problems {
		return append(all[:problems:problems], fmt.Sprintf("and %d more", len(all)-problems))
	}
	return all
}

// lacks names every series that the fault must not touch, and that a collection lacks all the same.
func (h *history) lacks(may func(*series) bool) []string {
	var found []string
	for _, c := range h.collections {
		if c.time.Before(h.from) {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(h.baseline)) {
			if s := h.baseline[key]; !may(&s) && !c.has(key) {
				found = append(found, fmt.Sprintf("the collection at %v of the fault has no %s", c.time.Sub(h.on).Round(time.Millisecond), key))
			}
		}
	}
	return listed(found)
}

// strangers names every series that was not there before and may not come: a label that changed makes one.
func (h *history) strangers(fresh func(*series) bool) []string {
	found := map[string]bool{}
	for _, c := range h.collections {
		for key, s := range c.series {
			if _, known := h.baseline[key]; !known && !fresh(&s) {
				found["new series "+key] = true
			}
		}
	}
	return listed(slices.Sorted(maps.Keys(found)))
}

// misordered names every series whose points contradict each other: a time that does not go on, a counter that falls without a new
// start, a start that goes back or lies before a point of the count that it ends.
func (h *history) misordered() []string {
	var found []string
	last := map[string]point{}
	for _, c := range h.collections {
		for _, key := range slices.Sorted(maps.Keys(c.points)) {
			for _, p := range c.points[key] {
				if what := follows(last, key, p); what != "" {
					found = append(found, fmt.Sprintf("%s at %v of the fault: %s", key, p.time.Sub(h.on).Round(time.Millisecond), what))
				}
				last[key] = p
			}
		}
	}
	return listed(found)
}

func follows(last map[string]point, key string, p point) string {
	before, known := last[key]
	switch {
	case math.IsNaN(p.value) || math.IsInf(p.value, 0):
		return fmt.Sprintf("value %v", p.value)
	case p.counter && p.start.After(p.time):
		return fmt.Sprintf("starts at %v, after its time %v", p.start, p.time)
	case !known:
		return ""
	case !p.time.After(before.time):
		return fmt.Sprintf("time %v after %v", p.time, before.time)
	case !p.counter:
		return ""
	case p.start.Before(before.start):
		return fmt.Sprintf("start went back from %v to %v", before.start, p.start)
	case p.start.After(before.start) && p.start.Before(before.time):
		return fmt.Sprintf("new start %v lies before the last point of the old count, %v", p.start, before.time)
	case p.value < before.value && p.start.Equal(before.start):
		return fmt.Sprintf("fell from %v to %v without a new start", before.value, p.value)
	}
	return ""
}

// gap is the longest time between two collections that had series, from the fault's begin to the end of the run.
func (h *history) gap() time.Duration {
	longest := time.Duration(0)
	for i := 1; i < len(h.collections); i++ {
		if h.collections[i].time.After(h.on) {
			longest = max(longest, h.collections[i].time.Sub(h.collections[i-1].time))
		}
	}
	return longest
}

// during are the collections that were made while the fault was on: those that ended a while after it began and before it ended.
func (h *history) during() []collection {
	var found []collection
	for _, c := range h.collections {
		if c.time.After(h.on.Add(interval)) && c.time.Before(h.off) {
			found = append(found, c)
		}
	}
	return found
}

// events are the records of this name about this GPU, or any if it is empty, that came of the fault.
func (h *history) events(name, gpu string) []record {
	var found []record
	for _, r := range h.records {
		if r.name == "inferwatch.gpu."+name && (gpu == "" || r.attributes["hw.id"] == gpu) && r.time.After(h.on.Add(-interval)) {
			found = append(found, r)
		}
	}
	return found
}

// recovery is how many collections after the fault's end it took until one had everything.
func (h *history) recovery() int {
	return int(math.Ceil(float64(h.back.Sub(h.off)) / float64(interval)))
}

// losses says what the fault took: how many series of which GPUs for how many collections. It counts what was missing, whatever may be.
func (h *history) losses() string {
	during := h.during()
	missing, empty := map[string]int{}, 0
	for _, c := range during {
		for key, s := range h.baseline {
			if !c.has(key) {
				missing[s.attributes["hw.id"]]++
			}
		}
	}
	slots := int(h.off.Sub(h.on)/interval) - 1
	if empty = slots - len(during); len(during) == 0 {
		return fmt.Sprintf("all %d series, for the %d collections of the fault", len(h.baseline), slots)
	}
	if len(missing) == 0 {
		return fmt.Sprintf("nothing: all %d series in each of %d collections", len(h.baseline), len(during))
	}
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		parts = append(parts, fmt.Sprintf("%s: %.4g series", short(id), float64(missing[id])/float64(len(during))))
	}
	text := strings.Join(parts, "; ") + fmt.Sprintf(" of %d, mean of %d collections", len(h.baseline), len(during))
	if empty > 1 {
		text += fmt.Sprintf(" (%d more were late)", empty)
	}
	return text
}

// short is the beginning of a UUID.
func short(id string) string {
	if first, _, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(id, "GPU-"), "MIG-"), "-"); ok {
		return id[:4] + first
	}
	return id
}
