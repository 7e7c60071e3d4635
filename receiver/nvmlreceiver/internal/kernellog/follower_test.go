package kernellog

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestLife: Start and Shutdown may come twice, and in any order.
func TestLife(t *testing.T) {
	m, r := newMachine(boot1, noon, time.Hour), newRing(10)
	f := start(t, kmsgConfig(m, r, nil))
	require.NoError(t, f.Start(f.ctx))
	f.shutdown()
	f.shutdown()
	_, err := f.Next(f.ctx)
	require.ErrorIs(t, err, ErrStopped)
	require.ErrorIs(t, f.Start(f.ctx), ErrStopped)

	never, err := New(kmsgConfig(m, r, nil))
	require.NoError(t, err)
	require.NoError(t, never.Shutdown(t.Context()))
	require.NoError(t, never.Shutdown(t.Context()))
	require.ErrorIs(t, never.Start(t.Context()), ErrStopped)
	_, err = never.Next(t.Context())
	require.ErrorIs(t, err, ErrStopped)
}

// TestUncommitted: what was taken but not committed, and what was only queued, comes again after a restart.
func TestUncommitted(t *testing.T) {
	m, r, store := newMachine(boot1, noon, time.Hour), newRing(100), &memory{}
	c := kmsgConfig(m, r, store)
	c.DrainTimeout = 20 * time.Millisecond
	f := start(t, c)
	for i := range uint64(6) {
		r.write(m.mono(), line(i))
	}
	f.next(0)
	e, err := f.Next(f.ctx)
	require.NoError(t, err)
	assert.Equal(t, uint64(1), e.Code)
	f.shutdown()
	f = start(t, kmsgConfig(m, r, store))
	for i := uint64(1); i < 6; i++ {
		f.next(i)
	}
	f.none()
	f.shutdown()
}

// TestDrain: Shutdown waits for the user to take and commit what is queued, so that nothing comes again.
func TestDrain(t *testing.T) {
	m, r, store := newMachine(boot1, noon, time.Hour), newRing(100), &memory{}
	c := kmsgConfig(m, r, store)
	c.DrainTimeout = 10 * time.Second
	f := start(t, c)
	for i := range uint64(6) {
		r.write(m.mono(), line(i))
	}
	f.eventually(func() bool { return f.Stats().Events == 6 })
	seen := make(chan uint64)
	go func() {
		n := uint64(0)
		for {
			_, err := f.Next(context.Background())
			if err != nil {
				seen <- n
				return
			}
			n++
			f.Commit()
		}
	}()
	f.shutdown()
	assert.Equal(t, uint64(6), <-seen)
	f = start(t, kmsgConfig(m, r, store))
	f.none()
	f.shutdown()
}

// TestBlocked: a full queue stops reading and drops nothing; a shutdown in that state is quick and loses nothing either.
func TestBlocked(t *testing.T) {
	m, r, store := newMachine(boot1, noon, time.Hour), newRing(100), &memory{}
	c := kmsgConfig(m, r, store)
	c.QueueSize, c.DrainTimeout = 2, 10*time.Millisecond
	f := start(t, c)
	for i := range uint64(10) {
		r.write(m.mono(), line(i))
	}
	f.eventually(func() bool { return f.Stats().Blocked == 1 })
	f.next(0)
	f.shutdown()
	c.QueueSize = 1
	f = start(t, c)
	for i := uint64(1); i < 10; i++ {
		f.next(i)
	}
	f.none()
	f.shutdown()
}

// TestSaves: a storm of commits is few saves, and the last position is saved at the shutdown.
func TestSaves(t *testing.T) {
	m, r, store := newMachine(boot1, noon, time.Hour), newRing(1000), &memory{}
	c := kmsgConfig(m, r, store)
	c.SaveInterval = time.Hour
	f := start(t, c)
	for i := range uint64(200) {
		r.write(m.mono(), line(i))
		f.next(i)
	}
	f.shutdown()
	assert.LessOrEqual(t, store.saves, 2)
	p, err := parsePosition(store.position)
	require.NoError(t, err)
	assert.Equal(t, uint64(199), p.Seq)
}

// TestStoreFails: a store that fails stops nothing; it is counted and logged.
func TestStoreFails(t *testing.T) {
	for name, store := range map[string]*memory{
		"load":     {load: errors.New("disk is gone")},
		"nonsense": {position: []byte("nonsense")},
	} {
		t.Run(name, func(t *testing.T) {
			m, r := newMachine(boot1, noon, time.Hour), newRing(10)
			core, logs := observer.New(zap.WarnLevel)
			c := kmsgConfig(m, r, store)
			c.Logger = zap.New(core)
			r.write(time.Minute, line(1))
			f := start(t, c)
			r.write(m.mono(), line(2))
			f.next(2)
			f.shutdown()
			assert.Equal(t, uint64(1), f.Stats().StoreErrors)
			assert.Equal(t, 1, logs.FilterMessageSnippet("position in the kernel log is lost").Len())
		})
	}
	m, r := newMachine(boot1, noon, time.Hour), newRing(10)
	f := start(t, kmsgConfig(m, r, &memory{save: errors.New("disk is full")}))
	f.eventually(func() bool { return f.Stats().StoreErrors == 1 })
	require.ErrorContains(t, f.Shutdown(f.ctx), "disk is full")
}

// TestComplaints: a source that keeps failing in the same way is complained about once.
func TestComplaints(t *testing.T) {
	m := newMachine(boot1, noon, time.Hour)
	core, logs := observer.New(zap.WarnLevel)
	c := m.config(SourceKmsg, nil)
	c.Logger = zap.New(core)
	f := start(t, c)
	f.eventually(func() bool { return f.Stats().Restarts >= 3 })
	f.shutdown()
	assert.Equal(t, 1, logs.Len())
}

// stuckKmsg is a device whose Close does not end a waiting Read, against its contract.
type stuckKmsg struct {
	ringReader
	release chan struct{}
}

func (s *stuckKmsg) Read([]byte) (int, error) { <-s.release; return 0, errors.New("released") }
func (s *stuckKmsg) Close() error             { return nil }

// TestShutdownBounded: Shutdown ends with its context whatever hangs.
func TestShutdownBounded(t *testing.T) {
	m, r := newMachine(boot1, noon, time.Hour), newRing(10)
	c := kmsgConfig(m, r, nil)
	stuck := &stuckKmsg{ringReader: ringReader{r: r}, release: make(chan struct{})}
	c.OpenKmsg = func() (Kmsg, error) { return stuck, nil }
	f := start(t, c)
	ctx, cancel := context.WithTimeout(f.ctx, 20*time.Millisecond)
	defer cancel()
	require.ErrorContains(t, f.Shutdown(ctx), "reading the kernel log did not end in time")
	close(stuck.release)
	<-f.ended
}

func TestConfig(t *testing.T) {
	require.NoError(t, DefaultConfig().validate())
	for want, change := range map[string]func(*Config){
		"`source`":      func(c *Config) { c.Source = "syslog" },
		"`queue size`":  func(c *Config) { c.QueueSize = 0 },
		"`max line`":    func(c *Config) { c.MaxLine = 10 },
		"`retry`":       func(c *Config) { c.RetryMax = c.RetryMin - 1 },
		"`kill grace`":  func(c *Config) { c.KillGrace = 0 },
		"intervals":     func(c *Config) { c.SaveInterval = -1 },
		"DefaultConfig": func(c *Config) { c.OpenKmsg = nil },
	} {
		c := DefaultConfig()
		change(&c)
		_, err := New(c)
		assert.ErrorContains(t, err, want)
	}
}

// BenchmarkKmsg is the cost of a line of another driver, which most are.
func BenchmarkKmsg(b *testing.B) {
	m := newMachine(boot1, noon, time.Hour)
	f, err := New(m.config(SourceKmsg, nil))
	require.NoError(b, err)
	k := kmsgReader{f: f, boot: boot1, clock: kmsgClock{now: m.clock, monotonic: func() (time.Duration, error) { return m.mono(), nil }}}
	raw := []byte("6,4711,98765432,-;usb 1-1: new high-speed USB device number 2 using xhci_hcd\n SUBSYSTEM=usb\n DEVICE=c189:1\n")
	b.ReportAllocs()
	for b.Loop() {
		_ = k.take(b.Context(), raw, 0)
	}
}
