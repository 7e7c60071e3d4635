// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package durablequeueconnector

import (
	"context"
	"errors"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/extension/xextension/storage"

	"github.com/inferwatch/inferwatch/connector/durablequeueconnector/internal/metadata"
)

// disk is a storage extension that outlives the connector and can fail.
type disk struct {
	component.StartFunc
	component.ShutdownFunc

	mu   sync.Mutex
	data map[string][]byte
	full bool
}

var errDiskFull = errors.New("no space left on device")

func (d *disk) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{component.MustNewID("file_storage"): d}
}

func (d *disk) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return diskClient{d}, nil
}

func (d *disk) setFull(full bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.full = full
}

type diskClient struct{ *disk }

func (c diskClient) Get(ctx context.Context, key string) ([]byte, error) {
	op := storage.GetOperation(key)
	return op.Value, errors.Join(c.Batch(ctx, op), nil)
}

func (c diskClient) Set(ctx context.Context, key string, value []byte) error {
	return c.Batch(ctx, storage.SetOperation(key, value))
}

func (c diskClient) Delete(ctx context.Context, key string) error {
	return c.Batch(ctx, storage.DeleteOperation(key))
}

func (diskClient) Close(context.Context) error { return nil }

func (c diskClient) Batch(_ context.Context, ops ...*storage.Operation) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	next := maps.Clone(c.data)
	for _, op := range ops {
		switch op.Type {
		case storage.Get:
			op.Value = next[op.Key]
		case storage.Set:
			if c.full {
				return errDiskFull
			}
			next[op.Key] = op.Value
		case storage.Delete:
			delete(next, op.Key)
		}
	}
	c.data = next
	return nil
}

func stored(edit func(*Config)) *Config {
	return testConfig(func(cfg *Config) {
		id := component.MustNewID("file_storage")
		cfg.Storage = &id
		edit(cfg)
	})
}

func TestUndeliveredDataIsThereAfterARestart(t *testing.T) {
	d, down := &disk{data: map[string][]byte{}}, &backEnd{answer: errors.New("503")}
	conn, err := NewFactory().CreateLogsToLogs(t.Context(), connectortest.NewNopSettings(metadata.Type), stored(func(*Config) {}), down)
	require.NoError(t, err)
	require.NoError(t, conn.Start(t.Context(), d))
	for _, body := range []string{"a", "b", "c"} {
		require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf(body)))
	}
	require.Eventually(t, func() bool { return down.tried() > 0 }, 5*time.Second, time.Millisecond)
	require.NoError(t, conn.Shutdown(t.Context()), "a back-end that is down does not hold up the end")
	require.Empty(t, down.bodies())

	up := &backEnd{}
	startLogs(t, connectortest.NewNopSettings(metadata.Type), stored(func(*Config) {}), d, up)
	require.Eventually(t, func() bool { return len(up.bodies()) == 3 }, 5*time.Second, time.Millisecond)
	assert.ElementsMatch(t, []string{"a", "b", "c"}, up.bodies())
}

func TestStorageFailure(t *testing.T) {
	for policy, want := range map[OverflowPolicy]error{OverflowReject: errDiskFull, OverflowDrop: nil} {
		t.Run(string(policy), func(t *testing.T) {
			d, next := &disk{data: map[string][]byte{}}, &backEnd{}
			conn := startLogs(t, connectortest.NewNopSettings(metadata.Type), stored(func(cfg *Config) { cfg.OnOverflow = policy }), d, next)
			d.setFull(true)
			require.ErrorIs(t, conn.ConsumeLogs(t.Context(), logsOf("lost")), want)
			d.setFull(false)
			require.NoError(t, conn.ConsumeLogs(t.Context(), logsOf("kept")), "it goes on when the disk does")
			require.Eventually(t, func() bool { return len(next.bodies()) == 1 }, 5*time.Second, time.Millisecond)
		})
	}
}

func TestMissingStorageIsAnErrorAtStart(t *testing.T) {
	conn, err := NewFactory().CreateLogsToLogs(t.Context(), connectortest.NewNopSettings(metadata.Type), stored(func(*Config) {}), &backEnd{})
	require.NoError(t, err)
	require.EqualError(t, conn.Start(t.Context(), &noExtensions{}),
		"`storage` must name an extension that is in `service::extensions`, found \"file_storage\"")
}

type noExtensions struct{}

func (*noExtensions) GetExtensions() map[component.ID]component.Component { return nil }
