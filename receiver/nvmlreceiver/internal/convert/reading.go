// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"time"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Metric is the name of a metric in metadata.yaml.
type Metric string

// lifetime says since when a reading counts.
type lifetime uint8

const (
	gauge      lifetime = iota // does not count
	driverLife                 // since the driver was loaded; its zero is taken to be the boot of the system
	helperLife                 // since nvmlwire.Snapshot.Started
)

// reading is what becomes of one nvmlwire.ReadingID.
type reading struct {
	group    nvmlwire.Groups
	lifetime lifetime
	// metrics that it feeds.
	metrics []Metric
	// source in NVML, for people.
	source string
	record func(*Converter, *device, nvmlwire.Reading)
}

// readings is the table of all readings; those without an entry are not reported.
func readings() [nvmlwire.ReadingCount]reading {
	var table [nvmlwire.ReadingCount]reading
	for _, part := range []map[nvmlwire.ReadingID]reading{
		utilizationReadings(), memoryReadings(), powerReadings(), boardReadings(), throttleReadings(), errorReadings(), remapReadings(),
		linkReadings(), profilingReadings(), stateReadings(),
	} {
		for id, r := range part {
			table[id] = r
		}
	}
	return table
}

// zero is when readings of this lifetime began to count.
func (c *Converter) zero(l lifetime) time.Time {
	if l == helperLife {
		return c.helperStarted
	}
	return c.boot
}
