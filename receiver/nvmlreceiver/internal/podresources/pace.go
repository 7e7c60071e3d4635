// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

import "time"

// pace says when the next request is due.
type pace struct {
	period, min, max time.Duration

	last    time.Time
	due     time.Time
	backoff time.Duration
}

// next is how long to wait after a request that ended now: the period, or twice as long each time that it failed.
func (p *pace) next(now time.Time, ok bool) time.Duration {
	p.last = now
	wait := p.period
	if ok {
		p.backoff = 0
	} else {
		p.backoff = min(max(2*p.backoff, p.min), p.max)
		wait = p.backoff
	}
	p.due = now.Add(wait)
	return wait
}

// sooner is how long to wait when a request is wished for now; never longer than was planned.
func (p *pace) sooner(now time.Time) time.Duration {
	if p.last.IsZero() {
		return 0
	}
	earliest := p.last.Add(max(p.min, p.backoff))
	if p.due.Before(earliest) {
		earliest = p.due
	}
	p.due = earliest
	return max(earliest.Sub(now), 0)
}
