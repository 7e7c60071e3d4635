// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/kernellog"
)

// kmsg is a /dev/kmsg of which each read is one record, and which blocks when there is none.
type kmsg struct {
	records chan string
	closed  chan struct{}
	once    sync.Once
}

func (k *kmsg) Read(p []byte) (int, error) {
	select {
	case r := <-k.records:
		return copy(p, r), nil
	case <-k.closed:
		return 0, os.ErrClosed
	}
}

func (k *kmsg) Seek(int64, int) (int64, error) { return 0, nil }
func (k *kmsg) Close() error                   { k.once.Do(func() { close(k.closed) }); return nil }

// memoryStore keeps a position.
type memoryStore struct {
	mu       sync.Mutex
	position string
}

func (s *memoryStore) Load(context.Context) ([]byte, error) { return nil, nil }

func (s *memoryStore) Save(_ context.Context, position []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.position = string(position)
	return nil
}

func (s *memoryStore) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.position, text)
}

// TestKernelEventsAreConfirmedWhenTheyWereDelivered: the position moves past a line no sooner.
func TestKernelEventsAreConfirmedWhenTheyWereDelivered(t *testing.T) {
	device := &kmsg{records: make(chan string, 1), closed: make(chan struct{})}
	store := &memoryStore{}
	cfg := kernellog.DefaultConfig()
	cfg.Source, cfg.Store, cfg.Logger = kernellog.SourceKmsg, store, zap.NewNop()
	cfg.SaveInterval = time.Millisecond
	cfg.OpenKmsg = func() (kernellog.Kmsg, error) { return device, nil }
	cfg.BootID = func() (string, error) { return strings.Repeat("a", 32), nil }
	cfg.Monotonic = func() (time.Duration, error) { return time.Second, nil }

	var settled atomic.Bool
	taken := make(chan kernellog.Event, 1)
	f, err := newKernelFollower(cfg, kernelSink{
		take: func(e kernellog.Event) { taken <- e }, settled: settled.Load, totals: func(uint64, uint64) {},
	})
	require.NoError(t, err)
	require.NoError(t, f.Start(t.Context()))
	device.records <- "3,777,99999999,-;NVRM: Xid (PCI:0000:31:00): 79, GPU has fallen off the bus.\n"
	select {
	case e := <-taken:
		assert.EqualValues(t, 79, e.Code)
	case <-time.After(10 * time.Second):
		t.Fatal("the line was not taken")
	}
	time.Sleep(2 * commitPause)
	assert.False(t, store.has(`"seq":777,`), "it waits in the queue")
	settled.Store(true)
	eventually(t, func() bool { return store.has(`"seq":777,`) }, "confirmed")
	require.NoError(t, f.Shutdown(t.Context()))
}

func TestAnUnknownBootFailsTheStart(t *testing.T) {
	cfg := kernellog.DefaultConfig()
	cfg.BootID = func() (string, error) { return "", errors.New("no such file") }
	f, err := newKernelFollower(cfg, kernelSink{})
	require.NoError(t, err)
	assert.ErrorContains(t, f.Start(t.Context()), "boot id: no such file")
}

func TestJournalUnderTheRoot(t *testing.T) {
	assert.Empty(t, journalIn(""))
	root := t.TempDir()
	assert.Equal(t, filepath.Join(root, "run/log/journal"), journalIn(root))
	require.NoError(t, os.MkdirAll(filepath.Join(root, "var/log/journal"), 0o700))
	assert.Equal(t, filepath.Join(root, "var/log/journal"), journalIn(root))
}
