package kernellog

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// saveTimeout bounds one save while running.
const saveTimeout = 5 * time.Second

// touch marks the committed position as changed. The caller holds mu.
func (f *Follower) touch() {
	select {
	case f.dirty <- struct{}{}:
	default:
	}
}

// saveLoop saves the position when it changed: the first change at once, others no sooner than SaveInterval after it, so that a
// storm of events costs one save in each interval.
func (f *Follower) saveLoop() {
	for {
		select {
		case <-f.saved:
			return
		case <-f.dirty:
		}
		ctx, cancel := context.WithTimeout(context.Background(), saveTimeout)
		if err := f.save(ctx); err != nil {
			f.cfg.Logger.Warn("the position in the kernel log was not saved", zap.Error(err))
		}
		cancel()
		select {
		case <-f.saved:
			return
		case <-time.After(f.cfg.SaveInterval):
		}
	}
}

func (f *Follower) save(ctx context.Context) error {
	if f.cfg.Store == nil {
		return nil
	}
	f.mu.Lock()
	p := f.committed
	f.mu.Unlock()
	raw, err := p.marshal()
	if err == nil {
		err = f.cfg.Store.Save(ctx, raw)
	}
	if err != nil {
		f.stats.storeErrors.Add(1)
		return fmt.Errorf("save the position in the kernel log: %w", err)
	}
	return nil
}
