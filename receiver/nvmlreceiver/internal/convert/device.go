// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"slices"
	"strings"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/series"
)

// Vendor is the value of hw.vendor.
const vendor = "NVIDIA"

// device is what is kept of a GPU or slice between collections, and what one collection gathers of it.
type device struct {
	identity
	// plain are the attributes of every point, own those of what a slice has of its own, info those of hw.gpu.info.
	plain, own, info []metadata.MetricAttributeOption
	counters         series.Counters
	seen             uint64 // the last collection that it was in

	// Of this collection.
	memoryUsed, memoryTotal float64
	hasMemoryUsed           bool
	links                   [2]int64 // inactive, active
	degraded, failed        bool
}

// identity is what the attributes of a device are made of.
type identity struct {
	id, parent, name, model string
	simulated               bool
	driver, cuda            string
	nvmlwire.Info
}

// Name is hw.name: the board, and for a slice its profile after it.
func Name(d *nvmlwire.Device, board string) string {
	if d.Parent == "" || d.Info.Profile == "" {
		return d.Info.Name
	}
	return board + " MIG " + d.Info.Profile
}

// Board is hw.model: the name of the board that the device is, or is a slice of. NVML's name of a slice ends with its profile.
func Board(d *nvmlwire.Device) string {
	board, _, _ := strings.Cut(d.Info.Name, " MIG ")
	return board
}

// ID is hw.id: the UUID. A GPU that was lost before anybody read it has none that NVML would tell.
func ID(d *nvmlwire.Device) string {
	if d.UUID != "" {
		return d.UUID
	}
	return d.Info.PCIBusID
}

func (c *Converter) identify(snapshot *nvmlwire.Snapshot, d *nvmlwire.Device) identity {
	board := Board(d)
	return identity{
		id: ID(d), parent: d.Parent, name: Name(d, board), model: board, simulated: snapshot.Simulated,
		driver: snapshot.Driver, cuda: snapshot.CUDA, Info: d.Info,
	}
}

// device finds what is kept of d, and makes it anew where d was never seen.
func (c *Converter) device(snapshot *nvmlwire.Snapshot, d *nvmlwire.Device) *device {
	identity := c.identify(snapshot, d)
	kept, ok := c.devices[identity.id]
	if !ok {
		kept = &device{}
		c.devices[identity.id] = kept
	}
	if kept.identity != identity {
		kept.identity = identity
		kept.attributes()
	}
	*kept = device{identity: kept.identity, plain: kept.plain, own: kept.own, info: kept.info, counters: kept.counters, seen: c.collection}
	return kept
}

// attributes makes the options once, not with every point.
func (d *device) attributes() {
	d.plain = nil
	if d.simulated {
		d.plain = append(d.plain, metadata.WithInferwatchSimulatedMetricAttribute(true))
	}
	d.own = slices.Clone(d.plain)
	if d.parent != "" {
		d.own = append(d.own, metadata.WithHwParentMetricAttribute(d.parent))
	}
	d.info = slices.Clone(d.own)
	for _, attribute := range []struct {
		value  string
		option func(string) metadata.MetricAttributeOption
	}{
		{d.Serial, metadata.WithHwSerialNumberMetricAttribute},
		{d.VBIOS, metadata.WithHwFirmwareVersionMetricAttribute},
		{d.PCIBusID, metadata.WithHwGpuPciBusIDMetricAttribute},
		{d.Architecture, metadata.WithHwGpuArchitectureMetricAttribute},
		{d.cuda, metadata.WithHwGpuCudaVersionMetricAttribute},
		{d.Capability, metadata.WithHwGpuCudaCapabilityMetricAttribute},
		{d.Profile, metadata.WithHwGpuMigProfileMetricAttribute},
	} {
		if attribute.value != "" {
			d.info = append(d.info, attribute.option(attribute.value))
		}
	}
	// A tight capacity: whoever appends to these gets a slice of its own.
	d.plain, d.own, d.info = slices.Clip(d.plain), slices.Clip(d.own), slices.Clip(d.info)
}

func (c *Converter) recordInfo(d *device) {
	c.mb.RecordHwGpuInfoDataPoint(c.now, 1, d.id, gpu, d.name, d.model, vendor, d.driver, int64(d.Index), d.info...)
}

// recordDerived reports what is made of several readings.
func (c *Converter) recordDerived(d *device) {
	if d.hasMemoryUsed && d.memoryTotal > 0 {
		c.mb.RecordHwGpuMemoryUtilizationDataPoint(c.now, d.memoryUsed/d.memoryTotal, d.id, gpu, d.name, d.own...)
	}
	if inactive, active := d.links[0], d.links[1]; inactive+active > 0 {
		c.mb.RecordHwGpuInterconnectLinksDataPoint(c.now, active, d.id, gpu, d.name, metadata.AttributeHwGpuLinkStateActive, d.plain...)
		c.mb.RecordHwGpuInterconnectLinksDataPoint(c.now, inactive, d.id, gpu, d.name, metadata.AttributeHwGpuLinkStateInactive, d.plain...)
	}
}
