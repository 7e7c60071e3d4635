// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/inferwatch/inferwatch/testbed/query"
)

var metricName = regexp.MustCompile(`\b(?:hw|container_gpu|process_gpu|otelcol_receiver_nvml)_\w+`)

// TestEveryQueryFindsSomething runs each query of each panel with every variable at All, and with one value each.
func TestEveryQueryFindsSomething(t *testing.T) {
	w := newWorld(t)
	for _, d := range readDashboards(t) {
		choices := w.choices(t, d)
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				for name, substitutions := range choices {
					if err := w.anyFinds(t.Context(), target, substitutions); err != nil {
						t.Errorf("%s, panel %q, query %s, %s: %v\n%s", d.file, p.Title, target.RefID, name, err, target.Expr)
					}
				}
			}
		}
		t.Logf("%s: %d queries, with %d choices of variables each", d.file, strings.Count(d.queries(), "\n"), len(choices))
	}
	t.Run("documentation", w.documentationAnswers)
	t.Run("names", w.namesExist)
	t.Run("broken", w.refusesBroken)
}

// refusesBroken: the mistakes that such a query has had elsewhere must not pass here.
func (w *world) refusesBroken(t *testing.T) {
	for name, expr := range map[string]string{
		"a metric without the suffix of its unit": `hw_gpu_utilization{instance=~"$node"}`,
		"a label that is called otherwise":        `hw_gpu_utilization_ratio{gpu=~"GPU.*"}`,
		"a value that the receiver does not know": `hw_gpu_utilization_ratio{hw_gpu_task="compute"}`,
		// The replaced driver's series is still there for five minutes.
		"a join with two infos of one GPU": `hw_power_watts * on (hw_id) group_left (hw_gpu_index) hw_gpu_info`,
		"only what is not a number":        `hw_fan_speed_ratio * NaN`,
		"no PromQL":                        `sum(hw_power_watts`,
	} {
		everything := substitution(map[string]string{"node": ".*"})
		for _, instant := range []bool{true, false} {
			if err := w.anyFinds(t.Context(), target{Expr: expr, Instant: instant}, []*strings.Replacer{everything}); err == nil {
				t.Errorf("%s passes (instant: %v): %s", name, instant, expr)
			}
		}
	}
}

// choices are the ways to set the dashboard's variables: a name, and substitutions of which one must give each query an answer (not
// every GPU has slices, or has been lost).
func (w *world) choices(t *testing.T, d dashboard) map[string][]*strings.Replacer {
	t.Helper()
	all := map[string]string{}
	single := map[string]bool{}
	for _, v := range d.Templating.List {
		switch {
		case v.Type != "query":
		case v.IncludeAll:
			all[v.Name] = v.AllValue
		default:
			single[v.Name] = true
		}
		if v.Type == "query" {
			w.checkVariable(t, d, v)
		}
	}
	found := map[string][]*strings.Replacer{}
	for _, n := range fleet() {
		var one, rest []*strings.Replacer
		for _, dev := range n.devices()[:gpusPerNode] {
			values := map[string]string{"node": regexEscaped(n.name), "model": regexEscaped(n.model), "gpu": dev.gpuID()}
			one = append(one, substitution(values))
			for name, value := range all {
				values[name] = value
			}
			rest = append(rest, substitution(values))
		}
		// The first node is the one whose GPUs tell all that there is to tell.
		if n.gpm {
			found["one value each"] = one
			found["All"] = rest
			if len(single) == 0 {
				found["All"] = rest[:1]
			}
		}
	}
	return found
}

// checkVariable fails the test if a variable's list of values would be empty.
func (w *world) checkVariable(t *testing.T, d dashboard, v variable) {
	t.Helper()
	parts := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`).FindStringSubmatch(v.labelValues())
	if parts == nil {
		t.Errorf("%s: variable %s: the query must be label_values(selector, label), found %q", d.file, v.Name, v.labelValues())
		return
	}
	everything := substitution(map[string]string{"node": ".*", "model": ".*", "gpu": ".*"})
	found, err := w.Query(t.Context(), fmt.Sprintf("group by (%s) (%s)", parts[2], everything.Replace(parts[1])))
	if err != nil || len(found) == 0 || found[0].Labels[parts[2]] == "" {
		t.Errorf("%s: variable %s has no values: %v %v", d.file, v.Name, found, err)
	}
}

// substitution replaces variables as Grafana does.
func substitution(values map[string]string) *strings.Replacer {
	pairs := []string{"$__rate_interval", "1m", "$__interval", "15s", "$__range", "10m"}
	for name, value := range values {
		pairs = append(pairs, "$"+name, value)
	}
	return strings.NewReplacer(pairs...)
}

// regexEscaped is a value of a variable with several values, as Grafana's Prometheus data source writes it into a query.
func regexEscaped(value string) string {
	return regexp.MustCompile(`[\\^$.*+?()[\]{}|]`).ReplaceAllString(value, `\\$0`)
}

// anyFinds runs the query with each substitution, and fails if one is refused, or if none finds a series.
func (w *world) anyFinds(ctx context.Context, target target, substitutions []*strings.Replacer) error {
	empty := error(nil)
	for _, s := range substitutions {
		found, err := w.run(ctx, s.Replace(target.Expr), target.Instant)
		if err != nil {
			return err
		}
		if len(found) > 0 {
			return nil
		}
		empty = fmt.Errorf("no series, last asked: %s", s.Replace(target.Expr))
	}
	return empty
}

// run asks for the history as the panel does, and returns the series that have at least one number.
func (w *world) run(ctx context.Context, expr string, instant bool) ([]query.Series, error) {
	start := w.start
	if instant {
		start = w.end
	}
	found, err := w.QueryRange(ctx, expr, start, w.end, historyStep)
	return slices.DeleteFunc(found, func(s query.Series) bool {
		return !slices.ContainsFunc(s.Samples, func(one query.Sample) bool { return !math.IsNaN(one.Value) })
	}), err
}

// namesExist: a query with `or` can answer although one of its metrics does not exist, and a metric can be on no dashboard at all.
func (w *world) namesExist(t *testing.T) {
	found, err := w.Query(t.Context(), `group by (__name__) ({__name__=~"hw_.+|container_gpu_.+|process_gpu_.+|otelcol_receiver_nvml_.+"})`)
	if err != nil {
		t.Fatal(err)
	}
	stored := map[string]bool{}
	for _, series := range found {
		stored[series.Labels["__name__"]] = true
	}
	labels := w.labelNames()
	used := map[string]bool{}
	for _, d := range readDashboards(t) {
		for _, name := range metricName.FindAllString(d.queries(), -1) {
			used[name] = true
			if !stored[name] && !labels[name] {
				t.Errorf("%s: neither a metric nor a label: %s", d.file, name)
			}
		}
	}
	for name, m := range w.data.Metrics {
		onDashboard := slices.ContainsFunc(withPrefix(stored, promName(name)), func(stored string) bool { return used[stored] })
		if m.Enabled && !onDashboard {
			t.Errorf("%s is on by default and on no dashboard", name)
		}
	}
}

func (w *world) labelNames() map[string]bool {
	all := map[string]bool{}
	for name := range w.data.Attributes {
		all[promName(name)] = true
	}
	return all
}

// withPrefix are the stored names that a metric may have: its own, and its own with suffixes for unit and kind.
func withPrefix(stored map[string]bool, name string) (all []string) {
	for _, suffix := range []string{"", "_ratio", "_bytes", "_bytes_total", "_total", "_watts", "_celsius", "_joules_total", "_hertz", "_seconds_total"} {
		if stored[name+suffix] {
			all = append(all, name+suffix)
		}
	}
	return all
}
