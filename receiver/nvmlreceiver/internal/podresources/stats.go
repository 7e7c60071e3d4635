// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

import (
	"context"

	"go.uber.org/zap"
)

// State is how it stands with the kubelet.
type State string

// The states of a Client.
const (
	// StateWaiting: not asked yet.
	StateWaiting State = "waiting"
	// StateOK: the last request was answered.
	StateOK State = "ok"
	// StateAbsent: there is no socket: not a Kubernetes node, or not mounted.
	StateAbsent State = "absent"
	// StateFailing: the last request failed; the answer before counts until MaxAge.
	StateFailing State = "failing"
	// StateUnimplemented: this kubelet does not know the API; it is asked again when its socket is made anew.
	StateUnimplemented State = "unimplemented"
)

// Stats counts since the client was made.
type Stats struct {
	State State
	// Lists are requests answered, Failures those that were not.
	Lists, Failures uint64
	// Allocations kept of the last answer, those Dropped over the bound, and Unknown device ids of no known form in it.
	Allocations, Dropped, Unknown int
}

// Stats gives the counters.
func (c *Client) Stats() Stats {
	s := c.snapshot.Load()
	c.mu.Lock()
	defer c.mu.Unlock()
	stats := c.stats
	stats.Allocations, stats.Dropped, stats.Unknown = len(s.Allocations), s.Dropped, s.Unknown
	return stats
}

// report counts a request and logs a change of state, once.
func (c *Client) report(ctx context.Context, state State, err error) {
	c.mu.Lock()
	before := c.stats.State
	c.stats.State = state
	switch {
	case state == StateOK:
		c.stats.Lists++
	case err != nil && state != StateAbsent:
		c.stats.Failures++
	}
	c.mu.Unlock()
	if before == state || context.Cause(ctx) == context.Canceled { //nolint:errorlint // The cause is the sentinel itself.
		return
	}
	fields := []zap.Field{zap.String("socket", c.cfg.Socket)}
	switch state {
	case StateOK:
		c.logger.Info("The kubelet answers: GPUs are joined to pods", fields...)
	case StateAbsent:
		c.logger.Info("No pod-resources socket: GPUs are not joined to pods", append(fields, zap.Error(err))...)
	case StateUnimplemented:
		c.logger.Warn("The kubelet does not know the pod-resources API v1; GPUs are not joined to pods", append(fields, zap.Error(err))...)
	case StateFailing:
		c.logger.Warn("The kubelet does not answer; its last answer counts for a while", append(fields, zap.Error(err))...)
	case StateWaiting:
	}
}
