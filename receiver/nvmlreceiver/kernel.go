// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/kernellog"
)

// positionStore keeps how far the kernel log was read; nil where there is no storage.
type positionStore = kernellog.Store

// kernelSink takes events of the kernel log. Settled tells that whatever was taken has been delivered, or counted as lost.
type kernelSink struct {
	take    func(kernellog.Event)
	settled func() bool
	// totals hears what the reader has lost so far.
	totals func(overwritten, tooLong uint64)
}

// followKernel starts the reader of the kernel log where it is wanted. The caller holds mu.
func (c *core) followKernel(ctx context.Context, host component.Host) error {
	c.telemetry.begin()
	if !c.cfg.KernelLog.Enabled {
		return nil
	}
	store, err := c.openStorage(ctx, host)
	if err != nil {
		return err
	}
	f, err := c.deps.newFollower(c.cfg, c.set.Logger, kernelSink{take: c.hub.Kernel, settled: c.settled, totals: c.telemetry.kernelTotals}, store)
	if err != nil {
		return err
	}
	if err := f.Start(ctx); err != nil {
		return fmt.Errorf("`kernel_log`: %w", err)
	}
	c.closing(f.Shutdown)
	return nil
}

// positionKey is where the position lies in the storage.
const positionKey = "kernel_log"

// storageStore is a kernellog.Store in a storage extension.
type storageStore struct{ storage.Client }

func (s storageStore) Load(ctx context.Context) ([]byte, error) { return s.Get(ctx, positionKey) }

func (s storageStore) Save(ctx context.Context, position []byte) error {
	return s.Set(ctx, positionKey, position)
}

// openStorage opens the storage for the run; nil where there is none.
func (c *core) openStorage(ctx context.Context, host component.Host) (positionStore, error) {
	if c.cfg.Storage == nil {
		return nil, nil
	}
	extension, ok := host.GetExtensions()[*c.cfg.Storage].(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("`storage` must name a storage extension that is in `service::extensions`, found %q", c.cfg.Storage)
	}
	client, err := extension.GetClient(ctx, component.KindReceiver, c.set.ID, "")
	if err != nil {
		return nil, fmt.Errorf("`storage` %q: %w", c.cfg.Storage, err)
	}
	c.closing(client.Close)
	return storageStore{client}, nil
}

// commitPause is how soon after an event it is looked whether it has been delivered.
const commitPause = 200 * time.Millisecond

// kernelFollower carries events from the kernel log to the hub, and confirms them once they are delivered.
type kernelFollower struct {
	follower *kernellog.Follower
	sink     kernelSink
	carried  sync.WaitGroup
	cancel   context.CancelFunc
}

func newFollower(cfg *Config, logger *zap.Logger, sink kernelSink, store positionStore) (follower, error) {
	follow := kernellog.DefaultConfig()
	follow.Source = kernellog.Source(cfg.KernelLog.Source)
	follow.Logger = logger
	follow.Store = store
	follow.JournalDirectory = journalIn(cfg.RootPath)
	return newKernelFollower(follow, sink)
}

func newKernelFollower(cfg kernellog.Config, sink kernelSink) (follower, error) {
	f, err := kernellog.New(cfg)
	if err != nil {
		return nil, err
	}
	return &kernelFollower{follower: f, sink: sink}, nil
}

// journalIn is the folder of the host's journal, as journald chooses it; empty for this machine's own.
func journalIn(root string) string {
	if root == "" {
		return ""
	}
	kept := filepath.Join(root, "var", "log", "journal")
	if _, err := os.Stat(kept); err == nil {
		return kept
	}
	return filepath.Join(root, "run", "log", "journal")
}

// Start begins to read.
func (k *kernelFollower) Start(ctx context.Context) error {
	if err := k.follower.Start(ctx); err != nil {
		return err
	}
	carrying, cancel := context.WithCancel(context.WithoutCancel(ctx))
	k.cancel = cancel
	k.carried.Go(func() { k.carry(carrying) })
	return nil
}

// Shutdown ends reading. What was delivered by then is confirmed.
func (k *kernelFollower) Shutdown(ctx context.Context) error {
	err := k.follower.Shutdown(ctx)
	k.cancel()
	k.carried.Wait()
	return err
}

func (k *kernelFollower) carry(ctx context.Context) {
	open := false
	for {
		event, err := k.next(ctx, open)
		switch {
		case err == nil:
			k.sink.take(event)
			open = true
		case errors.Is(err, kernellog.ErrStopped), ctx.Err() != nil:
			if open && k.sink.settled() {
				k.follower.Commit()
			}
			return
		}
		if open && k.sink.settled() {
			k.follower.Commit()
			open = false
		}
		stats := k.follower.Stats()
		k.sink.totals(stats.Lost, stats.Oversize)
	}
}

// next waits for an event; not for long while there is something to confirm.
func (k *kernelFollower) next(ctx context.Context, open bool) (kernellog.Event, error) {
	if open {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, commitPause)
		defer cancel()
	}
	return k.follower.Next(ctx)
}
