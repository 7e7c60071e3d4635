// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"errors"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/convert"
)

// scrape is one collection for the metrics receiver. What goes wrong in it is in the state of the library and the GPUs, not an error:
// there are GPUs that work beside those that do not, and nodes without any.
func (c *core) scrape(ctx context.Context) (pmetric.Metrics, error) {
	c.collecting.Lock()
	defer c.collecting.Unlock()
	snapshot, ok := c.collect(ctx)
	if !ok {
		return pmetric.NewMetrics(), context.Cause(ctx)
	}
	return c.converter.Convert(&snapshot, c.resolver.Resolve(&snapshot)), nil
}

// collect asks the helper, and lets everybody know what it said. Of one that was called off nothing is known.
func (c *core) collect(ctx context.Context) (snapshot nvmlwire.Snapshot, ok bool) {
	began := c.deps.now()
	snapshot = c.collector.Collect(ctx)
	if errors.Is(ctx.Err(), context.Canceled) {
		return snapshot, false
	}
	c.observed.standIn(&snapshot)
	c.telemetry.collection(c.deps.now().Sub(began), &snapshot, c.collector.Starts())
	c.status.report(&snapshot)
	c.hub.Snapshot(&snapshot)
	c.telemetry.unsupported(c.observed.unsupported(&snapshot))
	c.observed.log(c.set.Logger, &snapshot)
	return snapshot, true
}

// observed is what was seen so far, to say each thing once.
type observed struct {
	enabled []convert.Metric
	state   nvmlwire.LibraryState
	detail  string
	known   bool
	driver  string
	last    []nvmlwire.Device
	logged  map[string][]nvmlwire.ReadingID
	off     string
}

// devicesLogged bounds the devices whose unsupported readings are remembered.
const devicesLogged = 1024

// standIn names the GPUs where the whole library hangs: each of them does.
func (o *observed) standIn(s *nvmlwire.Snapshot) {
	if s.State == nvmlwire.LibraryReady {
		o.last = s.Devices
		o.driver = s.Driver
		return
	}
	if s.State != nvmlwire.LibraryHung || len(s.Devices) > 0 {
		return
	}
	s.Driver = o.driver
	for _, d := range o.last {
		s.Devices = append(s.Devices, nvmlwire.Device{UUID: d.UUID, Parent: d.Parent, Info: d.Info, State: nvmlwire.StateHung, Detail: s.Detail})
	}
}

// unsupported counts the devices that lack a metric.
func (o *observed) unsupported(s *nvmlwire.Snapshot) map[convert.Metric]int64 {
	counts := map[convert.Metric]int64{}
	for i := range s.Devices {
		if len(s.Devices[i].Absent) == 0 {
			continue
		}
		for _, m := range convert.Lacking(o.enabled, &s.Devices[i]) {
			counts[m]++
		}
	}
	return counts
}

// log says what is new about the library, and which readings of a device are absent that were not named before.
func (o *observed) log(logger *zap.Logger, s *nvmlwire.Snapshot) {
	o.logLibrary(logger, s)
	if s.State != nvmlwire.LibraryReady {
		return
	}
	if len(s.MissingSymbols) > 0 {
		logger.Info("The NVML library lacks functions; what they read is absent", zap.Strings("functions", s.MissingSymbols))
	}
	if s.EventsOff != o.off {
		o.off = s.EventsOff
		if s.EventsOff != "" {
			logger.Warn("NVML's events are not available; XIDs are only seen in the kernel log", zap.String("reason", s.EventsOff))
		}
	}
	for i := range s.Devices {
		o.logAbsent(logger, &s.Devices[i])
	}
}

func (o *observed) logLibrary(logger *zap.Logger, s *nvmlwire.Snapshot) {
	if o.known && o.state == s.State {
		return
	}
	first := !o.known
	o.known, o.state, o.detail = true, s.State, s.Detail
	switch {
	case s.State == nvmlwire.LibraryReady:
		logger.Info("NVML is ready", zap.String("driver", s.Driver), zap.String("nvml", s.NVML), zap.Int("devices", len(s.Devices)),
			zap.Bool("simulated", s.Simulated))
	case s.State == nvmlwire.LibraryNotFound && first:
		logger.Info("No NVML library: this node has no NVIDIA GPU, or its driver is not installed or not mounted. It is looked for again at each collection",
			zap.String("detail", s.Detail))
	default:
		logger.Warn("No GPU can be read", zap.Stringer("state", s.State), zap.String("detail", s.Detail), zap.Int32("code", s.Code))
	}
}

func (o *observed) logAbsent(logger *zap.Logger, d *nvmlwire.Device) {
	var absent []string
	known := o.logged[d.UUID]
	for _, a := range d.Absent {
		if !convert.Lasting(a) && a.Code != nvmlwire.CodeImplausible || slices.Contains(known, a.ID) || convert.Replaced(d, a.ID) {
			continue
		}
		known = append(known, a.ID)
		for _, m := range convert.Of(a.ID) {
			absent = append(absent, string(m)+": "+a.Detail)
		}
	}
	if len(absent) == 0 {
		return
	}
	if o.logged == nil || len(o.logged) >= devicesLogged {
		o.logged = map[string][]nvmlwire.ReadingID{}
	}
	o.logged[d.UUID] = known
	logger.Info("Readings that this board or driver does not give", zap.String("hw.id", d.UUID), zap.String("board", d.Info.Name), zap.Strings("absent", absent))
}
