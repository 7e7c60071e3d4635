// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
)

const (
	goalRatio = 1.3
	goalCPU   = 0.005
	goalPSS   = 5 << 20
)

func met(is bool) string {
	if is {
		return "met"
	}
	return "**not met**"
}

// markdown is the report.
func (r *results) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What it costs to watch eight GPUs\n\nBy `make gpu-bench`, in one run on %s. The GPUs are the NVML stand-in's, eight H100 "+
		"under load with a process each; `realistic` gives each call a latency of the order seen on real boards. Times are medians, "+
		"with the middle half in brackets.\n\n", machine())
	r.writeComparison(&b)
	r.writeCost(&b)
	r.writeSamplings(&b)
	r.writeInside(&b)
	r.writePeer(&b)
	return b.String()
}

func machine() string {
	model, _, _ := strings.Cut(fileLine("/proc/cpuinfo", "model name"), "\n")
	memory := strings.Fields(fileLine("/proc/meminfo", "MemTotal"))
	gib := "?"
	if len(memory) > 0 {
		var kib float64
		if _, err := fmt.Sscan(memory[0], &kib); err == nil {
			gib = fmt.Sprintf("%.0f GiB", kib/(1<<20))
		}
	}
	return fmt.Sprintf("%d cores (%s) and %s, Linux %s, %s; load at the end %s", runtime.NumCPU(), model, gib,
		strings.TrimSpace(fileLine("/proc/sys/kernel/osrelease", "")), runtime.Version(), strings.Join(strings.Fields(fileLine("/proc/loadavg", ""))[:3], " "))
}

// fileLine is the value of the first line that begins with a name.
func fileLine(path, name string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "unknown unknown unknown"
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name); found {
			return strings.TrimSpace(strings.TrimLeft(rest, "\t :"))
		}
	}
	return ""
}

func (r *results) writeComparison(b *strings.Builder) {
	fmt.Fprintf(b, "## A collection against a bare C loop\n\nThe loop (`testbed/nvmlsim/bench/loop.c`) makes the same calls with the same fields on the "+
		"same library, %d times right before or after each collection of ours, %v apart. The ratio is of pairs; the goal is %.1f for a "+
		"whole collection.\n\n", r.pairs, pace, goalRatio)
	b.WriteString("| calls take | | ours | the loop | ratio | goal |\n| --- | --- | ---: | ---: | ---: | --- |\n")
	for _, l := range []latency{latencyNone, latencyRealistic} {
		c := r.compared[l]
		for _, row := range []struct {
			name         string
			ours, theirs times
		}{
			{"NVML alone, in `inferwatchnvml`", c.reading, c.readingLoop},
			{"request to snapshot, over the pipe", c.pipe, c.readingLoop},
			{"whole collection, tick to metrics", c.whole, c.wholeLoop},
		} {
			ratio := pairwise(row.ours, row.theirs)
			fmt.Fprintf(b, "| %s | %s | %v | %v | %v | %s |\n", l, row.name, row.ours, row.theirs, ratio, met(ratio.median() <= goalRatio))
		}
	}
	for _, l := range []latency{latencyNone, latencyRealistic} {
		c := r.compared[l]
		fmt.Fprintf(b, "\nThe library counted, with `%s`: %d calls of ours and %d of the loop in the %d collections that were counted, equal function by "+
			"function and field by field in %d of them.", l, c.calls, c.loopCalls, c.pairs, c.equal)
		for _, name := range slices.Sorted(maps.Keys(c.leftOut)) {
			fmt.Fprintf(b, " %d collections are left out, in which boards are asked anew what they have (%s).", c.leftOut[name], name)
		}
		b.WriteString("\n")
	}
	b.WriteString("\nThe reader has a thread for each GPU, the loop is one: where calls take time, ours wait beside each other.\n\n")
}

func (r *results) writeCost(b *strings.Builder) {
	fmt.Fprintf(b, "## Processor and memory\n\nThe receiver as it comes: a collection every %v, power, energy and utilisation sampled every %v, "+
		"watched for %v. Processor time is user and system time of all threads, of one core. Of the time with `realistic`, most is what the "+
		"stand-in spends as a driver would.\n\n", productionInterval, productionSampling, r.watched)
	b.WriteString("| calls take | helper: of a core | receiver's side | together | goal | helper: memory added | goal | receiver's process |\n")
	b.WriteString("| --- | ---: | ---: | ---: | --- | ---: | --- | ---: |\n")
	for _, c := range r.costs {
		sum := c.helper + c.receiver
		fmt.Fprintf(b, "| %s | %v | %v | %v | < 0.5 %%: %s | %v | ≤ 5 MiB: %s | %v |\n", c.latency, c.helper, c.receiver, sum,
			met(float64(sum) < goalCPU), c.helperM, met(c.helperM.pss <= goalPSS), c.receiveM)
	}
	fmt.Fprintf(b, "\nThe bare C loop, which is no more than the stand-in and the C library, has %v.\n\n", r.loop)
}

func (r *results) writeSamplings(b *strings.Builder) {
	fmt.Fprintf(b, "## Sampling intervals\n\nOne helper for each, beside each other, with no collections but the first, for %v: processor time of one "+
		"core.\n\n| sampling interval | calls take none | realistic |\n| --- | ---: | ---: |\n", r.watched/2)
	for i, sampling := range samplings() {
		fmt.Fprintf(b, "| %v | %v | %v |\n", sampling, r.samplings[latencyNone][i], r.samplings[latencyRealistic][i])
	}
	b.WriteString("\n")
}

func (r *results) writeInside(b *strings.Builder) {
	b.WriteString("## NVML in the process itself, instead of a helper\n\nA minimal Go program that makes the calls of a collection through go-nvml, one GPU " +
		"after the other, without pipe, metrics or sampling.\n\n| calls take | a collection | the C loop | ratio | with the library | the same program without it | added |\n" +
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n")
	for _, l := range []latency{latencyNone, latencyRealistic} {
		in := r.inside[l]
		fmt.Fprintf(b, "| %s | %v | %v | %v | %v | %v | %.1f MiB PSS |\n", l, in.collection, in.loop, pairwise(in.collection, in.loop), in.loaded, in.empty,
			float64(in.loaded.pss-in.empty.pss)/(1<<20))
	}
	b.WriteString("\n")
}

func (r *results) writePeer(b *strings.Builder) {
	b.WriteString("## Google's nvmlreceiver\n\n")
	if r.peer == nil {
		b.WriteString("No peer given (`-peer`). " + howToPeer)
		return
	}
	p := r.peer
	fmt.Fprintf(b, "Both for what both have, utilisation and memory of eight GPUs, every %v for %v, half an interval apart, with `realistic`. Ours is the "+
		"receiver and its helper.\n\n| | a scrape | of a core | memory |\n| --- | ---: | ---: | ---: |\n", peerInterval, r.watched)
	fmt.Fprintf(b, "| ours | %v | %v | receiver %v; helper %v |\n", p.ours, p.oursCPU, p.oursM, p.helperM)
	fmt.Fprintf(b, "| nvmlreceiver | %v | %v | %v |\n", p.theirs, p.theirsCPU, p.theirsM)
	fmt.Fprintf(b, "| ratio | %.2f | %.2f | %.2f of PSS |\n\n", float64(p.ours.median())/float64(p.theirs.median()), float64(p.oursCPU)/float64(p.theirsCPU),
		float64(p.oursM.pss+p.helperM.pss)/float64(p.theirsM.pss))
	b.WriteString(howToPeer)
}

const howToPeer = "To build it: take `components/otelopscol` of GoogleCloudPlatform/opentelemetry-operations-collector, outside this repository, and beside its " +
	"`receiver/nvmlreceiver` a program in a module of its own that makes the receiver by its factory with `receivertest` and `consumertest`, scrapes at the " +
	"interval of its first argument, writes the length of each scrape's span in nanoseconds, a line each, and ends with its standard input; build it with " +
	"`-tags gpu` and `CGO_CFLAGS=-Wno-deprecated-declarations`; then `make gpu-bench GPU_PEER=<program>`.\n"
