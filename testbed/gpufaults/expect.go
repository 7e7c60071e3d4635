// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"strings"
	"testing"
)

// times demands exactly this many events of a name about a GPU, or about none where it is empty, and quotes the first.
func (r *run) times(t *testing.T, count int, name, gpu string) string {
	t.Helper()
	found := r.events(name, gpu)
	if len(found) != count {
		t.Errorf("%d events inferwatch.gpu.%s of %q were expected, found %d: %v", count, name, gpu, len(found), bodies(found))
	}
	return quote(found)
}

// some demands at least one such event.
func (r *run) some(t *testing.T, name, gpu string) string {
	t.Helper()
	found := r.events(name, gpu)
	if len(found) == 0 {
		t.Errorf("an event inferwatch.gpu.%s of %q was expected, found none", name, gpu)
	}
	return quote(found)
}

func bodies(records []record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.severity+" "+r.body)
	}
	return all
}

func quote(records []record) string {
	if len(records) == 0 {
		return ""
	}
	first := records[0]
	return fmt.Sprintf("`%s` %s: “%s”", first.name, first.severity, first.body)
}

// status demands that hw.status of a GPU is this in every collection while the fault is on.
func (r *run) status(t *testing.T, gpu, state string) string {
	t.Helper()
	during := r.during()
	if len(during) == 0 {
		t.Errorf("there was no collection while the fault was on")
	}
	for _, c := range during {
		if v, found := c.value("hw.status", "hw.id", gpu, "hw.state", state); !found || v != 1 {
			t.Errorf("hw.status{hw.id=%s, hw.state=%s} must be 1 at %v of the fault, found %v (%t)", gpu, state, c.time.Sub(r.on), v, found)
		}
	}
	if v, _ := r.collections[len(r.collections)-1].value("hw.status", "hw.id", gpu, "hw.state", "ok"); v != 1 {
		t.Errorf("hw.status{hw.id=%s, hw.state=ok} must be 1 again in the end, found %v", gpu, v)
	}
	return fmt.Sprintf("`hw.status{hw.state=\"%s\"}` = 1", state)
}

// others demands that hw.status of all GPUs but one stays ok.
func (r *run) others(t *testing.T, but string) {
	t.Helper()
	for _, gpu := range r.gpus {
		for _, c := range r.collections {
			if v, _ := c.value("hw.status", "hw.id", gpu, "hw.state", "ok"); gpu != but && v != 1 {
				t.Errorf("hw.status{hw.id=%s, hw.state=ok} must stay 1, found %v at %v of the fault", gpu, v, c.time.Sub(r.on))
			}
		}
	}
}

// errors is the count of an error of a GPU in the last collection.
func (r *run) errors(kind, gpu string) float64 {
	v, _ := r.collections[len(r.collections)-1].value("hw.errors", "hw.id", gpu, "error.type", kind)
	return v
}

func (r *run) errorCount(t *testing.T, kind, gpu string, want float64) string {
	t.Helper()
	if got := r.errors(kind, gpu); got != want {
		t.Errorf("hw.errors{error.type=%s, hw.id=%s} must be %v, found %v", kind, gpu, want, got)
	}
	return fmt.Sprintf("`hw.errors{error.type=\"%s\"}` = %v", kind, want)
}

// line demands that the collector's log has one line with this text, and quotes it.
func (r *run) line(t *testing.T, text string) string {
	t.Helper()
	var found []string
	for line := range strings.Lines(r.Log()) {
		if strings.Contains(line, text) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	if len(found) != 1 {
		t.Errorf("one log line with %q was expected, found %d: %v", text, len(found), found)
	}
	return "log: “" + text + "”"
}

// libraryIs demands that the collector's own metric names a state of the library now.
func (r *run) libraryIs(state string) {
	r.tb.Helper()
	r.WaitMetric(patience, "otelcol_receiver_nvml_library", map[string]string{"library_state": state}, func(v float64) bool { return v == 1 })
}

// restarted demands that the energy of a GPU counts from a later start after the fault than before.
func (r *run) restarted(t *testing.T, gpu string) string {
	t.Helper()
	const metric = "hw.energy"
	first, last := r.pointOf(0, metric, gpu), r.pointOf(len(r.collections)-1, metric, gpu)
	if !last.start.After(first.start) {
		t.Errorf("%s of %s must count from a new start, found %v as before", metric, gpu, last.start)
	}
	return fmt.Sprintf("`%s` counts from a new start", metric)
}

func (r *run) pointOf(i int, metric, gpu string) point {
	c := &r.collections[i]
	for key, s := range c.series {
		if s.metric == metric && s.attributes["hw.id"] == gpu {
			return c.points[key][len(c.points[key])-1]
		}
	}
	return point{}
}
