// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// maxLinks bounds the NVLinks of a GPU; NVML_NVLINK_MAX_LINKS is 36.
const maxLinks = 64

// linkReadings are PCIe and NVLink, but for their errors.
func linkReadings() map[nvmlwire.ReadingID]reading {
	pcie := func(direction metadata.AttributeNetworkIoDirection, field string) reading {
		return reading{
			group: nvmlwire.GroupPCIe, lifetime: helperLife, metrics: []Metric{"hw.gpu.io"}, source: field,
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := integer(r); ok {
					c.mb.RecordHwGpuIoDataPoint(c.now, v, d.id, gpu, d.name, direction, d.plain...)
				}
			},
		}
	}
	nvlink := func(direction metadata.AttributeNetworkIoDirection, field string) reading {
		return reading{
			group: nvmlwire.GroupNVLink, lifetime: driverLife, metrics: []Metric{"hw.gpu.interconnect.io"}, source: field,
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := integer(r); ok {
					c.mb.RecordHwGpuInterconnectIoDataPoint(c.now, v, d.id, gpu, d.name, direction, d.plain...)
				}
			},
		}
	}
	const sent, received = metadata.AttributeNetworkIoDirectionTransmit, metadata.AttributeNetworkIoDirectionReceive
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.PCIeSent:       pcie(sent, "field 197"),
		nvmlwire.PCIeReceived:   pcie(received, "field 198"),
		nvmlwire.NVLinkSent:     nvlink(sent, "field 138 over all links, 202 on NVLink 5"),
		nvmlwire.NVLinkReceived: nvlink(received, "field 139 over all links, 204 on NVLink 5"),
		nvmlwire.NVLinkState: {
			group: nvmlwire.GroupLinkState, metrics: []Metric{"hw.gpu.interconnect.links", "hw.gpu.interconnect.link.active"}, source: "`nvmlDeviceGetNvLinkState`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := whole(r)
				if !ok || r.Sub >= maxLinks {
					return
				}
				d.links[min(v, 1)]++
				c.mb.RecordHwGpuInterconnectLinkActiveDataPoint(c.now, v, d.id, gpu, d.name, int64(r.Sub), d.plain...)
			},
		},
		nvmlwire.PCIeLinkGeneration: {
			group: nvmlwire.GroupPCIeLink, metrics: []Metric{"hw.gpu.pcie.link.generation"}, source: "`nvmlDeviceGetCurrPcieLinkGeneration`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					c.mb.RecordHwGpuPcieLinkGenerationDataPoint(c.now, v, d.id, gpu, d.name, d.plain...)
				}
			},
		},
		nvmlwire.PCIeLinkWidth: {
			group: nvmlwire.GroupPCIeLink, metrics: []Metric{"hw.gpu.pcie.link.width"}, source: "`nvmlDeviceGetCurrPcieLinkWidth`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					c.mb.RecordHwGpuPcieLinkWidthDataPoint(c.now, v, d.id, gpu, d.name, d.plain...)
				}
			},
		},
	}
}
