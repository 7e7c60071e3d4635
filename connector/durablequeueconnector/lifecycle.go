// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package durablequeueconnector // import "github.com/inferwatch/inferwatch/connector/durablequeueconnector"

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/collector/component"
)

// lifecycle makes Start and Shutdown of the helper safe to call twice, and Shutdown safe without Start.
type lifecycle struct {
	helper  component.Component
	storage *component.ID

	mu      sync.Mutex
	started bool
}

func newLifecycle(helper component.Component, cfg *Config) *lifecycle {
	return &lifecycle{helper: helper, storage: cfg.Storage}
}

// Start opens the storage and starts the consumers of the queue.
func (l *lifecycle) Start(ctx context.Context, host component.Host) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started {
		return nil
	}
	if l.storage != nil && host.GetExtensions()[*l.storage] == nil {
		return fmt.Errorf("`storage` must name an extension that is in `service::extensions`, found %q", l.storage)
	}
	if err := l.helper.Start(ctx, host); err != nil {
		return err
	}
	l.started = true
	return nil
}

// Shutdown ends retries and consumers; what is not delivered stays in the storage for the next start.
func (l *lifecycle) Shutdown(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started {
		return nil
	}
	l.started = false
	return l.helper.Shutdown(ctx)
}
