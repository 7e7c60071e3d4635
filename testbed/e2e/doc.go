// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e follows real telemetry of a real application through an agent and a gateway, as shipped, into real servers.
package e2e
