// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"math"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// integer is the value of a counter; one that OTLP's integers cannot hold is no reading.
func integer(r nvmlwire.Reading) (int64, bool) {
	return int64(r.Bits), r.Bits <= math.MaxInt64 //nolint:gosec // checked beside
}

// errorReadings are the errors that NVML counts. XIDs are events: see xids.go.
func errorReadings() map[nvmlwire.ReadingID]reading {
	kinds := func(source string, kinds ...string) reading {
		return reading{
			group: nvmlwire.GroupErrors, lifetime: driverLife, metrics: []Metric{"hw.errors"}, source: source,
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := integer(r)
				if kind, known := lookup(kinds, r.Sub); ok && known {
					c.mb.RecordHwErrorsDataPoint(c.now, v, d.id, gpu, d.name, kind, d.own...)
				}
			},
		}
	}
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.ECCCorrected:   kinds("ECC: `nvmlDeviceGetTotalEccErrors`, field 3", "corrected"),
		nvmlwire.ECCUncorrected: kinds("ECC: `nvmlDeviceGetTotalEccErrors`, field 4", "uncorrected"),
		nvmlwire.PCIeReplay:     kinds("PCIe: field 94, else `nvmlDeviceGetPcieReplayCounter`", "pcie_replay"),
		nvmlwire.PCIeReplayRoll: kinds("PCIe: field 95", "pcie_replay_rollover"),
		// In the order of the fields.
		nvmlwire.PCIeErrors: kinds("PCIe: fields 173 to 183",
			"pcie_correctable", "pcie_nak_received", "pcie_receiver", "pcie_bad_tlp", "pcie_nak_sent", "pcie_bad_dllp", "pcie_non_fatal",
			"pcie_fatal", "pcie_unsupported_request", "pcie_lcrc", "pcie_lane"),
		nvmlwire.NVLinkErrors: kinds("NVLink: fields 38, 45, 52, 59, 206 to 215", linkErrors()...),
	}
}

func linkErrors() []string {
	return []string{
		nvmlwire.LinkCRCFlit: "nvlink_crc_flit", nvmlwire.LinkCRCData: "nvlink_crc_data", nvmlwire.LinkReplay: "nvlink_replay",
		nvmlwire.LinkRecovery: "nvlink_recovery", nvmlwire.LinkMalformed: "nvlink_malformed_packet",
		nvmlwire.LinkBufferOverrun: "nvlink_buffer_overrun", nvmlwire.LinkRXErrors: "nvlink_rx", nvmlwire.LinkRXRemote: "nvlink_rx_remote",
		nvmlwire.LinkRXGeneral: "nvlink_rx_general", nvmlwire.LinkLocalIntegrity: "nvlink_local_integrity",
		nvmlwire.LinkTXDiscards: "nvlink_tx_discard", nvmlwire.LinkSymbol: "nvlink_symbol", nvmlwire.LinkEffective: "nvlink_effective",
	}
}

// remapReadings are what the board did about bad memory.
func remapReadings() map[nvmlwire.ReadingID]reading {
	causes := []metadata.AttributeHwGpuMemoryRetirementCause{
		nvmlwire.CorrectedErrors:   metadata.AttributeHwGpuMemoryRetirementCauseCorrected,
		nvmlwire.UncorrectedErrors: metadata.AttributeHwGpuMemoryRetirementCauseUncorrected,
	}
	group := nvmlwire.GroupRemap
	return map[nvmlwire.ReadingID]reading{
		nvmlwire.RemappedRows: {
			group: group, metrics: []Metric{"hw.gpu.memory.remapped_rows"}, source: "fields 142 and 143, else `nvmlDeviceGetRemappedRows`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := whole(r)
				if cause, known := lookup(causes, r.Sub); ok && known {
					c.mb.RecordHwGpuMemoryRemappedRowsDataPoint(c.now, v, d.id, gpu, d.name, cause, d.plain...)
				}
			},
		},
		nvmlwire.RemapPending: {
			group: group, metrics: []Metric{"hw.gpu.memory.remap.pending"}, source: "field 144, else `nvmlDeviceGetRemappedRows`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					d.degraded = d.degraded || v != 0
					c.mb.RecordHwGpuMemoryRemapPendingDataPoint(c.now, v, d.id, gpu, d.name, d.plain...)
				}
			},
		},
		nvmlwire.RemapFailure: {
			group: group, metrics: []Metric{"hw.gpu.memory.remap.failure"}, source: "field 145, else `nvmlDeviceGetRemappedRows`",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					d.failed = d.failed || v != 0
					c.mb.RecordHwGpuMemoryRemapFailureDataPoint(c.now, v, d.id, gpu, d.name, d.plain...)
				}
			},
		},
		nvmlwire.RetiredPages: {
			group: group, metrics: []Metric{"hw.gpu.memory.retired_pages"}, source: "fields 29 and 30",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				v, ok := whole(r)
				if cause, known := lookup(causes, r.Sub); ok && known {
					c.mb.RecordHwGpuMemoryRetiredPagesDataPoint(c.now, v, d.id, gpu, d.name, cause, d.plain...)
				}
			},
		},
		nvmlwire.RetirementPending: {
			group: group, metrics: []Metric{"hw.gpu.memory.retirement.pending"}, source: "field 31",
			record: func(c *Converter, d *device, r nvmlwire.Reading) {
				if v, ok := whole(r); ok {
					d.degraded = d.degraded || v != 0
					c.mb.RecordHwGpuMemoryRetirementPendingDataPoint(c.now, v, d.id, gpu, d.name, d.plain...)
				}
			},
		},
	}
}
