// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package convert makes OTLP metrics of what the helper process read. What NVML readings feed which metric stands in one table.
package convert
