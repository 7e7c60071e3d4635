// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/series"
)

// keep is for how many collections a device that is away is remembered, so that its counters go on where they were. It bounds what is
// kept: to the devices seen in that many collections.
const keep = 60

// Settings are what a Converter needs.
type Settings struct {
	Metrics  metadata.MetricsBuilderConfig
	Receiver receiver.Settings
	// Begun is the start of the receiver, Boot that of the system.
	Begun, Boot time.Time
	// XIDs are the errors that came as events.
	XIDs *XIDs
}

// Converter makes metrics of snapshots. One collection at a time.
type Converter struct {
	mb       *metadata.MetricsBuilder
	readings [nvmlwire.ReadingCount]reading
	fans     [maxFans]string
	xids     *XIDs
	begun    time.Time
	boot     time.Time

	devices    map[string]*device
	containers []container // of the present device, reused
	collection uint64
	driver     string

	// Of the present collection.
	now           pcommon.Timestamp
	time          time.Time
	previous      time.Time
	helperStarted time.Time
	start         pcommon.Timestamp // what mb writes into the next points
}

// New makes a Converter that has seen nothing.
func New(set Settings) *Converter {
	return &Converter{
		mb: metadata.NewMetricsBuilder(set.Metrics, set.Receiver), readings: readings(), fans: fanNames(), xids: set.XIDs,
		begun: set.Begun, boot: set.Boot, previous: set.Begun, devices: map[string]*device{},
	}
}

// Convert makes one resource's metrics of a snapshot. What is not enabled, or was not read, is absent.
func (c *Converter) Convert(snapshot *nvmlwire.Snapshot, owners Owners) pmetric.Metrics {
	if snapshot.State != nvmlwire.LibraryReady && len(snapshot.Devices) == 0 {
		return pmetric.NewMetrics()
	}
	c.begin(snapshot)
	for i := range snapshot.Devices {
		c.convertDevice(snapshot, &snapshot.Devices[i], owners)
	}
	c.end()
	return c.mb.Emit()
}

func (c *Converter) begin(snapshot *nvmlwire.Snapshot) {
	c.collection++
	c.time = snapshot.Time
	c.now = pcommon.NewTimestampFromTime(snapshot.Time)
	c.helperStarted = snapshot.Started
	if c.driver != snapshot.Driver && snapshot.Driver != "" {
		if c.driver != "" {
			for _, d := range c.devices {
				d.counters.Restart()
			}
		}
		c.driver = snapshot.Driver
	}
}

func (c *Converter) end() {
	for id, d := range c.devices {
		if c.collection-d.seen > keep {
			delete(c.devices, id)
			c.xids.Forget(id)
		}
	}
	c.previous = c.time
}

// convertDevice reports one device. Of one that does not answer only what is known without it: what it is, how it is, and its XIDs.
func (c *Converter) convertDevice(snapshot *nvmlwire.Snapshot, read *nvmlwire.Device, owners Owners) {
	d := c.device(snapshot, read)
	c.from(c.begun)
	if read.State == nvmlwire.StateOK {
		c.recordReadings(d, read.Readings, gaugesOnly)
		c.recordDerived(d)
		c.recordProcesses(d, read, owners)
	}
	c.recordInfo(d)
	c.recordStatus(d, read.State)
	c.recordAllocations(d, owners)
	if read.State == nvmlwire.StateOK {
		c.recordReadings(d, read.Readings, countersOnly)
	}
	c.recordXIDs(d)
}

// Points with one start follow each other, as the builder has one start for all.
const gaugesOnly, countersOnly = true, false

func (c *Converter) recordReadings(d *device, read []nvmlwire.Reading, gauges bool) {
	for _, r := range read {
		if int(r.ID) >= len(c.readings) {
			continue
		}
		entry := &c.readings[r.ID]
		if entry.record == nil || (entry.lifetime == gauge) != gauges {
			continue
		}
		if entry.lifetime != gauge {
			c.from(d.counters.Start(series.Key{ID: r.ID, Sub: r.Sub}, r.Bits, c.zero(entry.lifetime), c.time))
		}
		entry.record(c, d, r)
	}
}

// from sets the start of the points that follow.
func (c *Converter) from(start time.Time) {
	if ts := pcommon.NewTimestampFromTime(start); ts != c.start {
		c.mb.Reset(metadata.WithStartTime(ts))
		c.start = ts
	}
}
