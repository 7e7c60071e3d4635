// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"sync"
	"time"
)

// poll collects while only a logs receiver runs: states and changes are seen by collections, too. The caller holds mu.
func (c *core) poll() {
	wanted := c.users > 0 && c.scrapes == 0
	switch {
	case wanted && c.unpoll == nil:
		ctx, cancel := context.WithCancel(context.Background())
		var done sync.WaitGroup
		done.Go(func() { c.pollUntil(ctx) })
		c.unpoll = func() { cancel(); done.Wait() }
	case !wanted && c.unpoll != nil:
		c.unpoll()
		c.unpoll = nil
	}
}

func (c *core) pollUntil(ctx context.Context) {
	timer := time.NewTimer(max(c.cfg.InitialDelay, 0))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(c.cfg.CollectionInterval)
		c.pollOnce(ctx)
	}
}

func (c *core) pollOnce(ctx context.Context) {
	c.collecting.Lock()
	defer c.collecting.Unlock()
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	c.collect(ctx)
}
