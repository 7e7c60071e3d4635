// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"sync"

	"go.opentelemetry.io/collector/component"
)

// lifecycle makes Start and Shutdown of a receiver safe to call twice and in any order.
type lifecycle struct {
	held held
	// scrapes: this receiver collects by itself.
	scrapes bool

	mu      sync.Mutex
	started bool
	host    component.Host
}

// start runs open once the core runs; what fails leaves nothing behind.
func (l *lifecycle) start(ctx context.Context, host component.Host, open func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started {
		return nil
	}
	if err := l.held.core.start(ctx, host, l.scrapes); err != nil {
		return err
	}
	if err := open(); err != nil {
		_ = l.held.core.stop(ctx, host, l.scrapes)
		return err
	}
	l.started, l.host = true, host
	return nil
}

// shutdown runs closing, lets go of the core, and ends it where nobody else has it.
func (l *lifecycle) shutdown(ctx context.Context, closing func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.held.release()
	if !l.started {
		return nil
	}
	l.started = false
	err := closing()
	if stopErr := l.held.core.stop(ctx, l.host, l.scrapes); err == nil {
		err = stopErr
	}
	return err
}
