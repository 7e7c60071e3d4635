// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// What is added to a fragment; the name cannot be meant by the fragment itself.
	addedReceiver = "otlp/completion"
	addedExporter = "nop/completion"
)

// trial is one component of a fragment and the configurations that would use it; one of them must be valid.
type trial struct {
	component    string
	completions  []map[string]any
	alternatives []string // the signals, in the order of completions
}

// trials completes a fragment, once for each of its components and each signal that this works with.
func (c *checker) trials(fragment configuration) ([]trial, error) {
	extensions, added, err := c.extensions(fragment)
	if err != nil {
		return nil, err
	}
	complete := func(pipelines map[string]any) map[string]any {
		return map[string]any{
			"receivers":  map[string]any{addedReceiver: map[string]any{"protocols": map[string]any{"grpc": nil}}},
			"exporters":  map[string]any{addedExporter: nil},
			"extensions": added,
			"service":    map[string]any{"extensions": extensions, "pipelines": pipelines},
		}
	}
	var trials []trial
	for _, section := range sectionNames() {
		if section == "extensions" {
			continue // all of them are in every completion
		}
		for _, id := range slices.Sorted(maps.Keys(fragment.sections[section])) {
			signals, err := c.signals(section, id)
			if err != nil {
				return nil, err
			}
			t := trial{component: section + "::" + id, alternatives: signals}
			for _, signal := range signals {
				t.completions = append(t.completions, complete(pipelines(section, id, signal)))
			}
			trials = append(trials, t)
		}
	}
	if len(trials) == 0 {
		empty := complete(pipelines("", "", "logs"))
		trials = []trial{{component: "service", completions: []map[string]any{empty}, alternatives: []string{"logs"}}}
	}
	return trials, nil
}

func (c *checker) signals(section, id string) ([]string, error) {
	kind, _, _ := strings.Cut(id, "/")
	signals, ok := c.catalog[section][kind]
	if !ok {
		return nil, fmt.Errorf("%s::%s: this binary has no %s named %q (`inferwatch components` lists what it has)",
			section, id, strings.TrimSuffix(section, "s"), kind)
	}
	return signals, nil
}

// pipelines are the smallest ones that use the component in this signal.
func pipelines(section, id, signal string) map[string]any {
	pipeline := func(receiver string, processors []string, exporter string) map[string]any {
		return map[string]any{"receivers": []string{receiver}, "processors": processors, "exporters": []string{exporter}}
	}
	switch section {
	case "receivers":
		return map[string]any{signal: pipeline(id, nil, addedExporter)}
	case "processors":
		return map[string]any{signal: pipeline(addedReceiver, []string{id}, addedExporter)}
	case "exporters":
		return map[string]any{signal: pipeline(addedReceiver, nil, id)}
	case "connectors":
		from, to, _ := strings.Cut(signal, "-to-")
		return map[string]any{from + "/in": pipeline(addedReceiver, nil, id), to + "/out": pipeline(id, nil, addedExporter)}
	default:
		return map[string]any{signal: pipeline(addedReceiver, nil, addedExporter)}
	}
}

// extensions lists all that the completed fragment starts: its own, and those it refers to, which are added.
func (c *checker) extensions(fragment configuration) (all []string, added map[string]any, err error) {
	added = map[string]any{}
	for _, section := range sectionNames() {
		for _, id := range slices.Sorted(slices.Values(references(fragment.sections[section]))) {
			if _, own := fragment.sections["extensions"][id]; own {
				continue
			}
			if _, err := c.signals("extensions", id); err != nil {
				return nil, nil, err
			}
			added[id] = c.extensionOptions(id)
		}
	}
	all = slices.AppendSeq(fragment.started(), maps.Keys(fragment.sections["extensions"]))
	all = slices.AppendSeq(all, maps.Keys(added))
	slices.Sort(all)
	return slices.Compact(all), added, nil
}

// extensionOptions are what an extension needs to be valid; most need nothing.
func (c *checker) extensionOptions(id string) any {
	if kind, _, _ := strings.Cut(id, "/"); kind == "file_storage" {
		return map[string]any{"directory": c.binary.storage}
	}
	return nil
}
