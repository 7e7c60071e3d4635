// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package series knows since when each cumulative series counts: it sees resets, and gives every series its start timestamp.
package series
