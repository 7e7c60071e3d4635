// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package dashboards proves the Grafana dashboards of deploy/dashboards and the PromQL of docs/gpu.md: their structure by reading them,
// each query by running it. Grafana itself does not run here; Prometheus, the agent and the gateway do, as shipped.
//
// The series are made from receiver/nvmlreceiver/metadata.yaml, so that a metric that is renamed there, or loses a label, breaks the
// query that names it. They take the way of the receiver's own: into the agent's node pipeline, through the gateway, and by remote
// write into Prometheus, which decides what they are called there.
package dashboards
