// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package bench compares what is ours with what others would use for the same work, in the same run, as a ratio.
package bench
