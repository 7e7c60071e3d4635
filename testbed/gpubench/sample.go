// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"time"
)

// times are durations of one kind.
type times []time.Duration

// quantile is the value that a share of the times does not exceed.
func (t times) quantile(share float64) time.Duration {
	sorted := slices.Sorted(slices.Values(t))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func (t times) median() time.Duration { return t.quantile(0.5) }

// String is the median with the middle half.
func (t times) String() string {
	return fmt.Sprintf("%s (%s–%s)", inMilliseconds(t.median()), inMilliseconds(t.quantile(0.25)), inMilliseconds(t.quantile(0.75)))
}

func inMilliseconds(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/1e6) }

// ratios are how much longer each of ours took than its neighbour in time.
type ratios []float64

func pairwise(ours, theirs times) ratios {
	all := make(ratios, len(ours))
	for i := range ours {
		all[i] = float64(ours[i]) / float64(theirs[i])
	}
	slices.Sort(all)
	return all
}

func (r ratios) median() float64 { return r[len(r)/2] }

// String is the median of the pairs with the middle half.
func (r ratios) String() string {
	return fmt.Sprintf("**%.2f** (%.2f–%.2f)", r.median(), r[len(r)/4], r[len(r)*3/4])
}
