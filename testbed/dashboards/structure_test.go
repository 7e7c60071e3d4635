// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package dashboards

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const gridColumns = 24

var (
	variableUse = regexp.MustCompile(`\$(?:\{([A-Za-z_][\w.]*)(?::\w+)?\}|([A-Za-z_]\w*))`)
	// A node or a GPU by its own name belongs into no dashboard that others shall use.
	fixedNode    = regexp.MustCompile(`\b(?:instance|hw_id|hw_parent|host_name)\s*(?:=|=~)\s*"([^"$]+)"`)
	linkURL      = regexp.MustCompile(`"url": "([^"]*)"`)
	dashboardURL = regexp.MustCompile(`/d/([\w-]+)/`)
	urlVariable  = regexp.MustCompile(`[?&]var-(\w+)=`)
	rangeUse     = regexp.MustCompile(`\b(rate|irate|increase|delta)\(.*?\[([^\]]+)\]`)
)

func TestDashboardsAreWellFormed(t *testing.T) {
	all := readDashboards(t)
	uids := byUID(all)
	if len(uids) != len(all) {
		t.Errorf("%d dashboards have %d different `uid`", len(all), len(uids))
	}
	for _, d := range all {
		for _, fault := range d.faults(uids) {
			t.Errorf("%s: %s", d.file, fault)
		}
	}
}

func TestBrokenDashboardsAreRefused(t *testing.T) {
	var cases []struct{ Case, Replace, By, Expect string }
	if err := yaml.Unmarshal(readFile(t, "testbed/dashboards/testdata/broken.yaml"), &cases); err != nil {
		t.Fatal(err)
	}
	all := readDashboards(t)
	fleet := all[slices.IndexFunc(all, func(d dashboard) bool { return d.file == "gpu-fleet.json" })]
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			if !strings.Contains(fleet.text, c.Replace) {
				t.Fatalf("gpu-fleet.json has no %s", c.Replace)
			}
			broken := parse(t, fleet.file, strings.Replace(fleet.text, c.Replace, c.By, 1))
			faults := broken.faults(byUID(all))
			if !slices.ContainsFunc(faults, func(fault string) bool { return strings.Contains(fault, c.Expect) }) {
				t.Errorf("must be refused with %q, found %q", c.Expect, faults)
			}
		})
	}
}

func byUID(all []dashboard) map[string]dashboard {
	uids := map[string]dashboard{}
	for _, d := range all {
		uids[d.UID] = d
	}
	return uids
}

func (d dashboard) faults(uids map[string]dashboard) []string {
	return slices.Concat(d.headFaults(), d.panelFaults(), d.gridFaults(), d.variableFaults(), d.queryFaults(), d.linkFaults(uids))
}

func (d dashboard) headFaults() (faults []string) {
	if d.SchemaVersion < 39 {
		faults = append(faults, fmt.Sprintf("`schemaVersion` must be 39 (Grafana 11) or later, found %d", d.SchemaVersion))
	}
	if d.UID == "" || d.Title == "" || len(d.Panels) == 0 {
		faults = append(faults, "`uid`, `title` and `panels` must not be empty")
	}
	return faults
}

func (d dashboard) panelFaults() (faults []string) {
	ids := map[int]bool{}
	for _, p := range d.Panels {
		fault := func(format string, args ...any) {
			faults = append(faults, fmt.Sprintf("panel %d %q: ", p.ID, p.Title)+fmt.Sprintf(format, args...))
		}
		if p.ID <= 0 || ids[p.ID] {
			fault("`id` must be its own and above 0")
		}
		ids[p.ID] = true
		if p.Title == "" {
			fault("no title")
		}
		if p.Type == "row" {
			continue
		}
		if len(p.Description) < 40 {
			fault("`description` must say what is normal and what to do, found %q", p.Description)
		}
		if p.FieldConfig.Defaults.Unit == "" {
			fault("no unit")
		}
		for _, source := range append([]datasource{p.Datasource}, sources(p.Targets)...) {
			if source != (datasource{Type: "prometheus", UID: "${datasource}"}) {
				fault("`datasource` must be the variable, found %v", source)
			}
		}
		refs := map[string]bool{}
		for _, target := range p.Targets {
			if refs[target.RefID] || target.RefID == "" || target.Expr == "" || target.Instant == target.Range {
				fault("target %q must have a refId of its own, a query, and be either instant or range", target.RefID)
			}
			refs[target.RefID] = true
		}
		if len(p.Targets) == 0 {
			fault("no query")
		}
	}
	return faults
}

func sources(targets []target) (all []datasource) {
	for _, target := range targets {
		all = append(all, target.Datasource)
	}
	return all
}

// gridFaults finds panels that lie on each other or beyond the grid's 24 columns.
func (d dashboard) gridFaults() (faults []string) {
	owner := map[[2]int]string{}
	for _, p := range d.Panels {
		g := p.GridPos
		if g.W <= 0 || g.H <= 0 || g.X < 0 || g.Y < 0 || g.X+g.W > gridColumns {
			faults = append(faults, fmt.Sprintf("panel %q: `gridPos` %+v is not in the grid", p.Title, g))
			continue
		}
		over := ""
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, taken := owner[[2]int{x, y}]; taken {
					over = other
				}
				owner[[2]int{x, y}] = p.Title
			}
		}
		if over != "" {
			faults = append(faults, fmt.Sprintf("panel %q lies on %q", p.Title, over))
		}
	}
	return faults
}

func (d dashboard) variableFaults() (faults []string) {
	defined := map[string]bool{}
	for _, v := range d.Templating.List {
		if defined[v.Name] {
			faults = append(faults, fmt.Sprintf("variable %s is defined twice", v.Name))
		}
		defined[v.Name] = true
		if v.Type == "query" && v.Datasource.UID != "${datasource}" {
			faults = append(faults, fmt.Sprintf("variable %s: `datasource` must be the variable, found %v", v.Name, v.Datasource))
		}
	}
	used := map[string]bool{}
	for _, match := range variableUse.FindAllStringSubmatch(d.text, -1) {
		name := match[1] + match[2]
		used[name] = true
		if !defined[name] && !strings.HasPrefix(name, "__") {
			faults = append(faults, fmt.Sprintf("$%s is not defined", name))
		}
	}
	for name := range defined {
		if !used[name] {
			faults = append(faults, fmt.Sprintf("variable %s is not used", name))
		}
	}
	if !defined["datasource"] {
		faults = append(faults, "no variable `datasource`")
	}
	return faults
}

func (d dashboard) queryFaults() (faults []string) {
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			if found := fixedNode.FindString(target.Expr); found != "" {
				faults = append(faults, fmt.Sprintf("panel %q: %s is one machine's", p.Title, found))
			}
			faults = append(faults, prefixed(fmt.Sprintf("panel %q: ", p.Title), rangeFaults(target.Expr))...)
			if !strings.Contains(target.Expr, "$node") {
				faults = append(faults, fmt.Sprintf("panel %q: a query does not heed $node: %s", p.Title, target.Expr))
			}
		}
	}
	return faults
}

// rangeFaults: a rate over any other range than Grafana's own has gaps as soon as somebody zooms or collects less often. What is
// summed over a day, or over all that is shown, is an increase.
func rangeFaults(expr string) (faults []string) {
	for _, match := range rangeUse.FindAllStringSubmatch(expr, -1) {
		allowed := []string{"$__rate_interval"}
		if match[1] == "increase" {
			allowed = append(allowed, "$__range", "24h", "1d")
		}
		if !slices.Contains(allowed, match[2]) {
			faults = append(faults, fmt.Sprintf("%s over [%s] must be over one of %v", match[1], match[2], allowed))
		}
	}
	return faults
}

func prefixed(prefix string, all []string) []string {
	for i := range all {
		all[i] = prefix + all[i]
	}
	return all
}

// linkFaults: every link leads to a dashboard of ours, and hands over variables that it has.
func (d dashboard) linkFaults(uids map[string]dashboard) (faults []string) {
	for _, match := range linkURL.FindAllStringSubmatch(d.text, -1) {
		url := match[1]
		uid := dashboardURL.FindStringSubmatch(url)
		if uid == nil {
			faults = append(faults, fmt.Sprintf("link %q leads to no dashboard", url))
			continue
		}
		to, known := uids[uid[1]]
		if !known {
			faults = append(faults, fmt.Sprintf("link %q leads to a dashboard that is not here", url))
			continue
		}
		for _, name := range urlVariable.FindAllStringSubmatch(url, -1) {
			if !slices.ContainsFunc(to.Templating.List, func(v variable) bool { return v.Name == name[1] }) {
				faults = append(faults, fmt.Sprintf("link %q sets %s, which %s does not have", url, name[1], to.file))
			}
		}
	}
	for _, p := range d.Panels {
		for _, l := range p.FieldConfig.Defaults.Links {
			if !strings.Contains(l.URL, "var-gpu=${__field.labels.hw_id}") {
				faults = append(faults, fmt.Sprintf("panel %q: its link must name the GPU by hw_id, found %q", p.Title, l.URL))
			}
		}
	}
	return faults
}
