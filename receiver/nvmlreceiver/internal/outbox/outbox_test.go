// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package outbox

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/gpuevent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// consumer answers what a test says.
type consumer struct {
	mu       sync.Mutex
	answer   error
	attempts int
	taken    []string
	lost     map[Reason]int
	block    chan struct{}
}

func (c *consumer) deliver(ctx context.Context, items []Item) error {
	if c.block != nil {
		select {
		case <-c.block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts++
	if c.answer != nil {
		return c.answer
	}
	for i := range items {
		c.taken = append(c.taken, items[i].Body)
	}
	return nil
}

func (c *consumer) lose(items []Item, reason Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lost[reason] += len(items)
}

func (c *consumer) set(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = err
}

func (c *consumer) state() (attempts, taken int, lost map[Reason]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.attempts, len(c.taken), c.lost
}

func newOutbox(c *consumer) *Outbox {
	c.lost = map[Reason]int{}
	return New(Settings{Deliver: c.deliver, Lost: c.lose, Logger: zap.NewNop(), First: time.Millisecond, End: time.Second})
}

func run(t *testing.T, c *consumer) *Outbox {
	t.Helper()
	o := newOutbox(c)
	go o.Run(t.Context())
	return o
}

func item(body string, severity plog.SeverityNumber) Item {
	return Item{Event: gpuevent.Event{Body: body, Severity: severity}}
}

func TestDeliversInOrder(t *testing.T) {
	c := &consumer{}
	o := run(t, c)
	for _, body := range []string{"a", "b", "c"} {
		o.Add(item(body, plog.SeverityNumberInfo))
	}
	require.Eventually(t, o.Empty, 5*time.Second, time.Millisecond)
	assert.Equal(t, []string{"a", "b", "c"}, c.taken)
	require.NoError(t, o.Shutdown(t.Context()))
}

func TestRetriesWhatMayPass(t *testing.T) {
	c := &consumer{answer: errors.New("503")}
	o := run(t, c)
	o.Add(item("a", plog.SeverityNumberInfo))
	require.Eventually(t, func() bool { n, _, _ := c.state(); return n >= 3 }, 5*time.Second, time.Millisecond)
	assert.False(t, o.Empty())
	c.set(nil)
	require.Eventually(t, o.Empty, 5*time.Second, time.Millisecond)
	require.NoError(t, o.Shutdown(t.Context()))
	assert.Equal(t, []string{"a"}, c.taken)
}

func TestDropsWhatIsRefusedForGood(t *testing.T) {
	c := &consumer{answer: consumererror.NewPermanent(errors.New("400"))}
	o := run(t, c)
	o.Add(item("a", plog.SeverityNumberInfo))
	require.Eventually(t, o.Empty, 5*time.Second, time.Millisecond)
	require.NoError(t, o.Shutdown(t.Context()))
	attempts, _, lost := c.state()
	assert.Equal(t, 1, attempts)
	assert.Equal(t, map[Reason]int{ReasonRefused: 1}, lost)
}

func TestGivesUpInTheEnd(t *testing.T) {
	c := &consumer{answer: errors.New("503")}
	o := newOutbox(c)
	o.settings.End = 20 * time.Millisecond
	go o.Run(t.Context())
	o.Add(item("a", plog.SeverityNumberInfo))
	require.Eventually(t, o.Empty, 5*time.Second, time.Millisecond)
	require.NoError(t, o.Shutdown(t.Context()))
	_, _, lost := c.state()
	assert.Equal(t, map[Reason]int{ReasonRefused: 1}, lost)
}

func TestAFullQueueKeepsTheGravest(t *testing.T) {
	c := &consumer{}
	o := newOutbox(c)
	for range queueSize {
		o.Add(item("info", plog.SeverityNumberInfo))
	}
	o.Add(item("another", plog.SeverityNumberInfo))
	o.Add(item("fatal", plog.SeverityNumberFatal))
	assert.Equal(t, map[Reason]int{ReasonQueueFull: 1, ReasonOverwritten: 1}, c.lost)
	assert.Len(t, o.queue, queueSize)
	assert.Equal(t, "fatal", o.queue[queueSize-1].Body)
}

func TestAConsumerThatBlocksHoldsUpNobody(t *testing.T) {
	c := &consumer{block: make(chan struct{})}
	o := run(t, c)
	began := time.Now()
	for range 3 * queueSize {
		o.Add(item("a", plog.SeverityNumberInfo))
	}
	assert.Less(t, time.Since(began), 2*time.Second)
	_, _, lost := c.state()
	assert.GreaterOrEqual(t, lost[ReasonQueueFull], queueSize)

	bounded, stop := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer stop()
	require.Error(t, o.Shutdown(bounded), "it did not return")
	<-o.done // its context ended with the shutdown
}

func TestShutdownDeliversTheRest(t *testing.T) {
	c := &consumer{answer: errors.New("503")}
	o := run(t, c)
	for range 3 * batchSize {
		o.Add(item("a", plog.SeverityNumberInfo))
	}
	require.Eventually(t, func() bool { n, _, _ := c.state(); return n >= 1 }, 5*time.Second, time.Millisecond)
	c.set(nil)
	require.NoError(t, o.Shutdown(t.Context()))
	_, taken, lost := c.state()
	assert.Equal(t, 3*batchSize, taken)
	assert.Empty(t, lost)
	assert.True(t, o.Empty())
}

func TestWhatShutdownCannotDeliverIsCountedAndNotSettled(t *testing.T) {
	c := &consumer{answer: errors.New("503")}
	o := run(t, c)
	for range 2 * batchSize {
		o.Add(item("a", plog.SeverityNumberInfo))
	}
	require.NoError(t, o.Shutdown(t.Context()))
	_, _, lost := c.state()
	assert.Equal(t, map[Reason]int{ReasonRefused: 2 * batchSize}, lost)
	assert.False(t, o.Empty(), "whoever can give them again has to")
}
