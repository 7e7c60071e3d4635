// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	podresourcesv1 "k8s.io/kubelet/pkg/apis/podresources/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a kubelet's pod-resources server on a unix socket.
type server struct {
	podresourcesv1.UnimplementedPodResourcesListerServer
	socket string
	grpc   *grpc.Server
	done   chan error

	mu    sync.Mutex
	list  func(ctx context.Context) (*podresourcesv1.ListPodResourcesResponse, error)
	calls int
}

func (s *server) List(ctx context.Context, _ *podresourcesv1.ListPodResourcesRequest) (*podresourcesv1.ListPodResourcesResponse, error) {
	s.mu.Lock()
	s.calls++
	list := s.list
	s.mu.Unlock()
	return list(ctx)
}

func (s *server) answer(pods ...*podresourcesv1.PodResources) {
	s.with(func(context.Context) (*podresourcesv1.ListPodResourcesResponse, error) { return answer(pods...), nil })
}

func (s *server) with(list func(context.Context) (*podresourcesv1.ListPodResourcesResponse, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = list
}

func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// newServer registers the API unless without says so.
func newServer(t *testing.T, socket string, api bool) *server {
	t.Helper()
	s := &server{socket: socket, grpc: grpc.NewServer(), done: make(chan error, 1)}
	s.answer()
	if api {
		podresourcesv1.RegisterPodResourcesListerServer(s.grpc, s)
	}
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	go func() { s.done <- s.grpc.Serve(listener) }()
	t.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	s.grpc.Stop()
	select {
	case <-s.done:
	default:
	}
}

func socketPath(t *testing.T) string {
	dir, err := os.MkdirTemp("", "pr") // t.TempDir is too long for a unix socket
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "kubelet.sock")
}

func fastConfig(socket string) Config {
	cfg := DefaultConfig()
	cfg.Socket = socket
	cfg.Period, cfg.MinInterval, cfg.MaxBackoff = 20*time.Millisecond, 5*time.Millisecond, 40*time.Millisecond
	cfg.Timeout, cfg.MaxAge = 2*time.Second, time.Minute
	return cfg
}

func start(t *testing.T, cfg Config) (*Client, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zapcore.InfoLevel)
	c, err := New(cfg, zap.New(core))
	require.NoError(t, err)
	c.Start()
	c.Start()
	t.Cleanup(func() {
		c.Stop()
		c.Stop()
		c.Start()
	})
	return c, logs
}

func eventually(t *testing.T, condition func() bool, what string) {
	t.Helper()
	require.Eventually(t, condition, 10*time.Second, 2*time.Millisecond, what)
}

func holders(c *Client, uuid string) []Holder { return c.Snapshot().Assign(node()).Holders(uuid) }

func TestClientFollowsTheKubelet(t *testing.T) {
	s := newServer(t, socketPath(t), true)
	s.answer(pod("ml", "a", holds("c", "nvidia.com/gpu", gpu0)))
	c, logs := start(t, fastConfig(s.socket))
	eventually(t, func() bool { return len(holders(c, gpu0)) == 1 }, "the first answer")
	generation := c.Snapshot().Generation
	calls := s.count()
	eventually(t, func() bool { return s.count() > calls+2 }, "it goes on asking")
	assert.Equal(t, generation, c.Snapshot().Generation, "the same answer is the same generation")

	s.answer(pod("ml", "b", holds("c", "nvidia.com/gpu", gpu1)))
	eventually(t, func() bool { return len(holders(c, gpu1)) == 1 }, "the second answer")
	assert.Empty(t, holders(c, gpu0), "a pod that is gone holds nothing")
	assert.Greater(t, c.Snapshot().Generation, generation)
	assert.Equal(t, StateOK, c.Stats().State)
	assert.Equal(t, 1, logs.Len(), "a state is logged once")
}

func TestRefreshAsksAtOnceButNotTooOften(t *testing.T) {
	s := newServer(t, socketPath(t), true)
	cfg := fastConfig(s.socket)
	cfg.Period, cfg.MinInterval = time.Hour, 100*time.Millisecond
	c, _ := start(t, cfg)
	eventually(t, func() bool { return s.count() == 1 }, "asked at the start")
	begin := time.Now()
	for s.count() < 4 {
		c.Refresh()
		time.Sleep(time.Millisecond)
	}
	assert.GreaterOrEqual(t, time.Since(begin), 200*time.Millisecond)
}

func TestKubeletRestart(t *testing.T) {
	socket := socketPath(t)
	s := newServer(t, socket, true)
	s.answer(pod("ml", "a", holds("c", "nvidia.com/gpu", gpu0)))
	c, _ := start(t, fastConfig(socket))
	eventually(t, func() bool { return len(holders(c, gpu0)) == 1 }, "the first answer")

	s.stop()
	require.NoError(t, removeIfThere(socket))
	eventually(t, func() bool { return c.Stats().State == StateAbsent }, "the socket is gone")
	assert.Len(t, holders(c, gpu0), 1, "the last answer counts for a while")

	again := newServer(t, socket, true)
	again.answer(pod("ml", "b", holds("c", "nvidia.com/gpu", gpu0)))
	eventually(t, func() bool { h := holders(c, gpu0); return len(h) == 1 && h[0].Pod == "b" }, "the new kubelet")
	assert.Equal(t, StateOK, c.Stats().State)
}

func removeIfThere(name string) error {
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

func TestSocketThatNobodyListensOn(t *testing.T) {
	socket := socketPath(t)
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	listener.(*net.UnixListener).SetUnlinkOnClose(false)
	require.NoError(t, listener.Close())
	c, logs := start(t, fastConfig(socket))
	eventually(t, func() bool { return c.Stats().Failures > 2 }, "it fails")
	assert.Equal(t, StateFailing, c.Stats().State)
	assert.Equal(t, 1, logs.Len())

	require.NoError(t, os.Remove(socket))
	s := newServer(t, socket, true)
	s.answer(pod("ml", "a", holds("c", "nvidia.com/gpu", gpu0)))
	eventually(t, func() bool { return len(holders(c, gpu0)) == 1 }, "the kubelet came")
}

func TestNoSocket(t *testing.T) {
	c, logs := start(t, fastConfig(socketPath(t)))
	eventually(t, func() bool { return c.Stats().State == StateAbsent }, "absent")
	assert.Zero(t, c.Stats().Failures)
	assert.Zero(t, c.Snapshot().Generation)
	assert.Equal(t, 1, logs.FilterLevelExact(zapcore.InfoLevel).Len())
}

func TestSlowServerHoldsNobodyUp(t *testing.T) {
	s := newServer(t, socketPath(t), true)
	s.answer(pod("ml", "a", holds("c", "nvidia.com/gpu", gpu0)))
	cfg := fastConfig(s.socket)
	cfg.Timeout = 50 * time.Millisecond
	c, _ := start(t, cfg)
	eventually(t, func() bool { return len(holders(c, gpu0)) == 1 }, "the first answer")

	s.with(func(ctx context.Context) (*podresourcesv1.ListPodResourcesResponse, error) {
		select {
		case <-time.After(30 * time.Second):
			return answer(), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	eventually(t, func() bool { return c.Stats().Failures > 1 }, "it times out")
	begin := time.Now()
	for range 1000 {
		c.Refresh()
		require.Len(t, holders(c, gpu0), 1)
		c.Stats()
	}
	assert.Less(t, time.Since(begin), time.Second)
}

func TestStopEndsARequestUnderWay(t *testing.T) {
	s := newServer(t, socketPath(t), true)
	entered := make(chan struct{}, 1)
	s.with(func(ctx context.Context) (*podresourcesv1.ListPodResourcesResponse, error) {
		entered <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	})
	cfg := fastConfig(s.socket)
	cfg.Timeout = time.Hour
	c, _ := start(t, cfg)
	<-entered
	begin := time.Now()
	c.Stop()
	assert.Less(t, time.Since(begin), time.Second)
}

func TestOldAnswerExpires(t *testing.T) {
	s := newServer(t, socketPath(t), true)
	s.answer(pod("ml", "a", holds("c", "nvidia.com/gpu", gpu0)))
	cfg := fastConfig(s.socket)
	cfg.MaxAge = 150 * time.Millisecond
	c, _ := start(t, cfg)
	eventually(t, func() bool { return len(holders(c, gpu0)) == 1 }, "the first answer")
	s.with(func(context.Context) (*podresourcesv1.ListPodResourcesResponse, error) {
		return nil, status.Error(codes.Internal, "broken")
	})
	eventually(t, func() bool { return c.Snapshot().Generation == 0 }, "expired")
	assert.Empty(t, holders(c, gpu0))
	s.answer(pod("ml", "a", holds("c", "nvidia.com/gpu", gpu0)))
	eventually(t, func() bool { return len(holders(c, gpu0)) == 1 }, "back")
}

func TestHugeAnswer(t *testing.T) {
	s := newServer(t, socketPath(t), true)
	ids := make([]string, 5000)
	for i := range ids {
		ids[i] = fmt.Sprintf("%s::%d", gpu0, i)
	}
	pods := make([]*podresourcesv1.PodResources, 5000)
	for i := range pods {
		pods[i] = pod("ml", fmt.Sprintf("pod-%d", i), holds("c", "nvidia.com/gpu", fmt.Sprintf("%s::%d", gpu0, i)))
	}
	s.answer(pods...)
	c, _ := start(t, fastConfig(s.socket))
	eventually(t, func() bool { return c.Stats().State == StateOK }, "answered")
	assert.Equal(t, 4096, c.Stats().Allocations)
	assert.Equal(t, 5000-4096, c.Stats().Dropped)

	before := c.Snapshot().Generation
	s.answer(pod(strings.Repeat("n", 17<<20), "a", holds("c", "nvidia.com/gpu", gpu0)))
	eventually(t, func() bool { return c.Stats().State == StateFailing }, "over the size limit")
	assert.Equal(t, before, c.Snapshot().Generation)
}

func TestErrors(t *testing.T) {
	for _, code := range []codes.Code{codes.Unknown, codes.Unavailable, codes.ResourceExhausted, codes.PermissionDenied, codes.Internal} {
		t.Run(code.String(), func(t *testing.T) {
			s := newServer(t, socketPath(t), true)
			s.with(func(context.Context) (*podresourcesv1.ListPodResourcesResponse, error) {
				return nil, status.Error(code, "no")
			})
			c, _ := start(t, fastConfig(s.socket))
			eventually(t, func() bool { return c.Stats().Failures > 2 }, "it goes on trying")
			s.answer(pod("ml", "a", holds("c", "nvidia.com/gpu", gpu0)))
			eventually(t, func() bool { return len(holders(c, gpu0)) == 1 }, "well again")
		})
	}
}

func TestUnimplementedIsRememberedUntilTheSocketIsNew(t *testing.T) {
	socket := socketPath(t)
	old := newServer(t, socket, false)
	c, _ := start(t, fastConfig(socket))
	eventually(t, func() bool { return c.Stats().State == StateUnimplemented }, "refused")
	time.Sleep(100 * time.Millisecond)
	assert.Equal(t, uint64(1), c.Stats().Failures, "asked once, not each period")

	old.stop()
	require.NoError(t, removeIfThere(socket))
	upgraded := newServer(t, socket, true)
	upgraded.answer(pod("ml", "a", holds("c", "nvidia.com/gpu", gpu0)))
	eventually(t, func() bool { return len(holders(c, gpu0)) == 1 }, "the upgraded kubelet")
}

func TestConcurrentUse(t *testing.T) {
	s := newServer(t, socketPath(t), true)
	c, _ := start(t, fastConfig(s.socket))
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for n := range 200 {
				s.answer(pod("ml", fmt.Sprint(i, n), holds("c", "nvidia.com/gpu", gpu0)))
				c.Refresh()
				_ = len(holders(c, gpu0))
				c.Stats()
			}
		})
	}
	wg.Wait()
}

func TestPace(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	p := pace{period: 10 * time.Second, min: time.Second, max: 5 * time.Second}
	assert.Zero(t, p.sooner(now), "never asked: at once")
	assert.Equal(t, 10*time.Second, p.next(now, true))
	assert.Equal(t, time.Second, p.sooner(now))
	assert.Zero(t, p.sooner(now.Add(3*time.Second)))
	var waits []time.Duration
	for range 5 {
		waits = append(waits, p.next(now, false))
	}
	assert.Equal(t, []time.Duration{1 * time.Second, 2 * time.Second, 4 * time.Second, 5 * time.Second, 5 * time.Second}, waits)
	assert.Equal(t, 5*time.Second, p.sooner(now), "a wish does not break the back-off")
	assert.Equal(t, 10*time.Second, p.next(now, true))
	assert.Equal(t, time.Second, p.sooner(now))
}

func TestValidate(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
	err := Config{Socket: "kubelet.sock", Resources: []string{"nvidia.com/[gpu"}}.Validate()
	require.Error(t, err)
	for _, want := range []string{
		"`socket` must be an absolute path", "`resources` must hold patterns", "`period` must be greater than 0, found 0s",
		"`min_interval`", "`max_backoff`", "`timeout`", "`max_age`", "`max_message_bytes`", "`max_allocations`",
	} {
		assert.ErrorContains(t, err, want)
	}
}

// A server that closes each connection at once: our pace counts, gRPC's own back-off (1 s, 1.6 s, 2.6 s, ...) does not come
// on top of it.
func TestPaceOfConnecting(t *testing.T) {
	socket := socketPath(t)
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	var accepted atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted.Add(1)
			conn.Close()
		}
	}()
	start(t, fastConfig(socket))
	eventually(t, func() bool { return accepted.Load() > 10 }, "more attempts than gRPC alone would make")
	require.NoError(t, listener.Close())
	<-done
}
