// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// alert is what is wrong with a GPU, worst first.
func alerts(d *Device, h *Host, now time.Time) []piece {
	items := slices.Concat(stateAlerts(d, h), errorAlerts(d, now), memoryAlerts(d), throttleAlerts(d))
	slices.SortStableFunc(items, func(a, b piece) int { return cmp.Compare(b.style, a.style) })
	return items
}

func stateAlerts(d *Device, h *Host) []piece {
	switch d.State {
	case StateNone, StateOK:
		return nil
	case StateDegraded:
		return []piece{{"degraded", warning}}
	case StateLost:
		return []piece{{"lost: the GPU has fallen off the bus", alarm}}
	case StateHung:
		return []piece{{"hung: a call to the driver does not return", alarm}}
	case StateStale:
		return []piece{{fmt.Sprintf("no reading for %s", age(h.At.Sub(d.At))), alarm}}
	}
	return []piece{{string(d.State), alarm}}
}

// errorAlerts tells of XIDs and uncorrected ECC errors at any time, and of the other kinds when they have just grown.
func errorAlerts(d *Device, now time.Time) []piece {
	kinds := map[string]float64{}
	for c, n := range d.Counters {
		_, isRecent := d.Recent[c.sub]
		_, isXID := strings.CutPrefix(c.sub, "xid_")
		if c.metric == metricErrors && n > 0 && (isRecent || isXID || c.sub == "uncorrected") {
			kinds[c.sub] = n
		}
	}
	var items []piece
	for _, kind := range slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		return cmp.Or(d.Recent[b].Compare(d.Recent[a]), cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	}) {
		item := piece{errorName(kind), warning}
		if n := kinds[kind]; n > 1 {
			item.text += fmt.Sprintf(" x%.0f", n)
		}
		if at, isRecent := d.Recent[kind]; isRecent {
			item = piece{item.text + " " + age(now.Sub(at)) + " ago", alarm}
		}
		items = append(items, item)
	}
	return items
}

func errorName(kind string) string {
	if code, ok := strings.CutPrefix(kind, "xid_"); ok {
		return "XID " + code
	}
	switch kind {
	case "corrected", "uncorrected":
		return "ECC " + kind
	}
	return kind
}

func memoryAlerts(d *Device) []piece {
	var items []piece
	if d.RemapFailed {
		items = append(items, piece{"row remapping failed: replace the board", alarm})
	}
	if d.RemapPending {
		items = append(items, piece{"rows wait to be remapped: reset the GPU", warning})
	}
	if d.RetirementPending {
		items = append(items, piece{"pages wait to be retired: reset the GPU", warning})
	}
	return items
}

// throttleAlerts takes the reasons that hold now, and those that held between the last two collections, with the share of that time.
func throttleAlerts(d *Device) []piece {
	shares := map[string]float64{}
	for _, reason := range d.Throttle {
		shares[reason] = 0
	}
	for c, share := range d.Rates {
		if _, active := shares[c.sub]; c.metric == metricThrottle && !isChosen(c.sub) && (active || share >= 0.005) {
			shares[c.sub] = share
		}
	}
	var items []piece
	for _, reason := range slices.Sorted(maps.Keys(shares)) {
		item := piece{"throttled " + reason, warning}
		if strings.HasPrefix(reason, "hw_") {
			item.style = alarm
		}
		if share := shares[reason]; share >= 0.005 {
			item.text += " " + percent(min(share, 1))
		}
		items = append(items, item)
	}
	return items
}
