// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	podresourcesv1 "k8s.io/kubelet/pkg/apis/podresources/v1"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

func TestWithoutHostPIDOnlyDevicesAreAttributed(t *testing.T) {
	h := newHost(t, nil)
	h.kubelet(holds("a", "main", plain, gpu0))
	h.in.Processes = []Process{{GPU: gpu0, PID: 0}, {GPU: gpu0, PID: 4242}}
	require.NoError(t, os.RemoveAll(filepath.Join(h.root, "proc/2")))
	out := h.collect()
	assert.Equal(t, []ProcessResult{{}, {}}, out.Processes)
	assert.Equal(t, []DevicePod{{
		Holder: podresources.Holder{Namespace: "ml", Pod: "a", Container: "main", Resource: plain}, Source: SourcePodResources,
	}}, out.Devices[0].Pods)
	assert.Equal(t, 2, h.r.Stats().Invisible)
	reads := h.r.Stats().ReadFailures
	assert.Equal(t, uint64(1), reads)
	for range 10 {
		h.collect()
	}
	assert.Equal(t, reads, h.r.Stats().ReadFailures, "a failure is remembered")
}

func TestReusedPID(t *testing.T) {
	h := newHost(t, nil)
	h.process(100, podPath(uid(1), container(1)), gpu0, "")
	h.logs("ml", "a", uid(1), "main", container(1))
	require.Equal(t, procs{100: "ml/a/main cgroup"}, h.names())
	h.started(100, "/system.slice/other.service", 9999)
	out := h.collect()
	assert.Equal(t, "other.service", out.Processes[0].SystemdUnit)
	assert.Empty(t, out.Processes[0].PodUID)
	assert.Equal(t, uint64(1), h.r.Stats().Cache.Reused)
}

func TestResultIsUsedAnew(t *testing.T) {
	h := newHost(t, nil)
	h.kubelet(holds("a", "main", plain, gpu0, gpu1))
	h.process(100, "/docker/"+container(1), gpu0, "")
	var out Result
	h.r.Resolve(h.in, &out)
	require.Equal(t, container(1), out.Processes[0].ContainerID)
	h.ends(100)
	h.kubelet()
	h.in.Processes = []Process{{GPU: gpu0, PID: 77}}
	h.r.Resolve(h.in, &out)
	assert.Equal(t, []ProcessResult{{}}, out.Processes)
	for _, d := range out.Devices {
		assert.Empty(t, d.Pods)
	}
}

func TestBoundOnProcesses(t *testing.T) {
	h := newHost(t, func(c *Config) { c.MaxProcesses = 10 })
	for pid := range uint32(25) {
		h.process(1000+pid, "/docker/"+container(int(pid)), gpu0, "")
	}
	visible := 0
	for _, p := range h.collect().Processes {
		if p.Visible {
			visible++
		}
	}
	assert.Equal(t, 10, visible)
	assert.Equal(t, uint64(15), h.r.Stats().Cache.Overflows)
	assert.Equal(t, 10, h.r.Stats().Cache.Entries)
}

func TestLogFoldersAreBoundedAndForgiving(t *testing.T) {
	x := &logIndex{pods: map[string]podName{}, containers: map[string]containerName{}}
	for _, name := range []string{"", "_", "__", "a_b", "a_b_c_d", "_b_c", "lost+found"} {
		assert.True(t, x.addPod(name, 2), name)
	}
	long := strings.Repeat("x", 230) + "_ml_main-" + container(1)
	for _, name := range []string{"", "a_b_c.log", "a_b_c-123.log", "a_b_-" + container(1) + ".log", "a_b_c-" + container(1), long[:251] + ".log", long[:235] + ".log", long[:220] + ".log"} {
		assert.True(t, x.addContainer(name, 2), name)
	}
	assert.Empty(t, x.containers)
	assert.Empty(t, x.pods)
	assert.True(t, x.addContainer("web-0_ml_my-main-"+container(1)+".log", 1))
	assert.Equal(t, containerName{podName{"ml", "web-0"}, "my-main"}, x.containers[container(1)])
	assert.False(t, x.addContainer("b_ml_main-"+container(2)+".log", 1))
	assert.True(t, x.addPod("kube-system_etcd-node_"+strings.Repeat("ab", 16), 1))
	assert.False(t, x.addPod("ml_a_"+uid(1), 1))
	assert.Equal(t, 2, x.dropped)
}

func FuzzLogFolders(f *testing.F) {
	f.Add("ml_a_" + uid(1))
	f.Add("a_ml_main-" + container(1) + ".log")
	f.Fuzz(func(t *testing.T, name string) {
		x := &logIndex{pods: map[string]podName{}, containers: map[string]containerName{}}
		x.addPod(name, 1)
		x.addContainer(name, 1)
		for id, c := range x.containers {
			if len(id) != 64 || c.namespace == "" || c.pod == "" || c.container == "" {
				t.Fatalf("%q gave %q: %+v", name, id, c)
			}
		}
	})
}

// stuckReader hangs on the PIDs it is told to, as a read of /proc does when the kernel's locks are held.
type stuckReader struct {
	mu      sync.Mutex
	stuck   map[uint32]chan struct{}
	reading atomic.Int32
	most    atomic.Int32
}

func (s *stuckReader) hang(pids ...uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pid := range pids {
		s.stuck[pid] = make(chan struct{})
	}
}

func (s *stuckReader) free() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for pid, c := range s.stuck {
		close(c)
		delete(s.stuck, pid)
	}
}

func (s *stuckReader) StartTime(pid uint32) (uint64, error) {
	s.mu.Lock()
	c := s.stuck[pid]
	s.mu.Unlock()
	if c != nil {
		n := s.reading.Add(1)
		s.most.Store(max(s.most.Load(), n))
		<-c
		s.reading.Add(-1)
	}
	return 1, nil
}

func (s *stuckReader) Read(pid uint32) (cgroup.Process, error) {
	return cgroup.Process{Name: fmt.Sprint(pid), StartTime: 1}, nil
}

func (s *stuckReader) HostPID() bool { return true }

func newStuck(t *testing.T, change func(*Config)) (*Resolver, *stuckReader) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.PodResources, cfg.NodeLogs = nil, false
	if change != nil {
		change(&cfg)
	}
	require.NoError(t, cfg.Validate())
	reader := &stuckReader{stuck: make(map[uint32]chan struct{})}
	r := newResolver(cfg, reader, nil)
	r.Start()
	t.Cleanup(func() {
		reader.free()
		r.Stop()
	})
	return r, reader
}

func listed(n int) Input {
	var in Input
	for pid := range n {
		in.Processes = append(in.Processes, Process{GPU: gpu0, PID: uint32(pid + 1)})
	}
	return in
}

func visible(out Result) int {
	n := 0
	for _, p := range out.Processes {
		if p.Visible {
			n++
		}
	}
	return n
}

func TestReadThatHangsDelaysNobodyElse(t *testing.T) {
	r, reader := newStuck(t, nil)
	reader.hang(5, 17)
	var out Result
	begin := time.Now()
	r.Resolve(listed(64), &out)
	assert.Less(t, time.Since(begin), 500*time.Millisecond)
	assert.Equal(t, 62, visible(out))
	assert.Equal(t, uint64(1), r.Stats().Late)
	for range 20 {
		begin = time.Now()
		r.Resolve(listed(64), &out)
		assert.Less(t, time.Since(begin), 500*time.Millisecond)
		require.Equal(t, 62, visible(out), "what is known stays known")
	}
	assert.Equal(t, 2, r.Stats().Pending)
	assert.Equal(t, int32(2), reader.most.Load(), "each is read once, and not again while it hangs")
	assert.Equal(t, uint64(1), r.Stats().Late, "a read that hangs is not waited for again")

	reader.free()
	require.Eventually(t, func() bool { return r.Stats().Pending == 0 }, 5*time.Second, time.Millisecond)
	r.Resolve(listed(64), &out)
	assert.Equal(t, 64, visible(out))
}

func TestEveryWorkerHangs(t *testing.T) {
	r, reader := newStuck(t, func(c *Config) { c.MaxAge = 300 * time.Millisecond })
	var out Result
	r.Resolve(listed(8), &out)
	require.Equal(t, 8, visible(out))
	reader.hang(1, 2, 3, 4, 5, 6, 7, 8)
	for r.Stats().Pending < 4 {
		r.Resolve(listed(8), &out)
	}
	for range 30 {
		begin := time.Now()
		r.Resolve(listed(8), &out)
		require.Less(t, time.Since(begin), 500*time.Millisecond)
	}
	assert.NotZero(t, r.Stats().Saturated, "nothing is waited for when nobody can work")
	assert.LessOrEqual(t, reader.most.Load(), int32(4), "the threads that can be stuck are bounded")
	time.Sleep(300 * time.Millisecond)
	r.Resolve(listed(8), &out)
	assert.Zero(t, visible(out), "what cannot be verified does not count for ever")

	reader.free()
	require.Eventually(t, func() bool {
		r.Resolve(listed(8), &out)
		return visible(out) == 8
	}, 5*time.Second, 10*time.Millisecond)
}

func TestStopDoesNotWaitForAReadThatHangs(t *testing.T) {
	r, reader := newStuck(t, nil)
	reader.hang(1)
	var out Result
	r.Resolve(listed(2), &out)
	begin := time.Now()
	r.Stop()
	assert.Less(t, time.Since(begin), 2*stopWait)
	r.Resolve(listed(2), &out)
	assert.Equal(t, 1, visible(out), "after Stop the caches still answer")
}

func TestResolveFromSeveralGoroutines(t *testing.T) {
	h := newHost(t, nil)
	h.kubelet(holds("a", "main", plain, gpu0))
	for pid := range uint32(40) {
		h.process(1000+pid, podPath(uid(int(pid%3)), container(int(pid))), gpu0, "")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				assert.Equal(t, 40, visible(*h.collect()))
				h.r.Stats()
			}
		})
	}
	wg.Wait()
}

func TestValidate(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
	err := Config{Root: "host", PodResources: &podresources.Config{}}.Validate()
	for _, want := range []string{
		"`root` must be empty or an absolute path", "`deadline`", "`missing_for`", "`max_age`", "`reread`",
		"`workers`", "`max_processes`", "`max_log_entries`", "`socket`",
	} {
		assert.ErrorContains(t, err, want)
	}
	_, err = New(Config{}, nil)
	assert.Error(t, err)
}

func BenchmarkResolve(b *testing.B) {
	const gpus, each = 16, 64
	h := newHost(b, func(c *Config) { // so that the kubelet's client does nothing while the clock runs
		c.PodResources.Period, c.PodResources.MinInterval, c.PodResources.MaxAge = time.Hour, 500*time.Millisecond, 24*time.Hour
	})
	h.in = Input{}
	var pods []*podresourcesv1.PodResources
	for g := range gpus {
		uuid := fmt.Sprintf("GPU-5d5ba0d6-d33d-2b2c-524d-%012d", g)
		h.in.Devices = append(h.in.Devices, podresources.Device{UUID: uuid, Index: g, Minor: g})
		for n := range each {
			id := g*each + n
			h.process(uint32(1000+id), podPath(uid(id/4), container(id/4)), uuid, "")
		}
		for n := range each / 4 {
			id := g*each/4 + n
			h.logs("ml", fmt.Sprint("pod-", id), uid(id), "main", container(id))
			pods = append(pods, holds(fmt.Sprint("pod-", id), "main", plain, fmt.Sprintf("%s::%d", uuid, n)))
		}
	}
	h.kubelet(pods...)
	var out Result
	h.r.Resolve(h.in, &out)
	if visible(out) != gpus*each || out.Processes[7].Source != SourceBoth {
		b.Fatalf("%d visible, %+v", visible(out), out.Processes[7])
	}
	h.r.pods.Stop()
	h.r.pods = frozenPods{h.r.pods, h.r.pods.Snapshot()}
	b.Run("warm, with the start time of each process read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.r.Resolve(h.in, &out)
		}
	})
	h.r.mu.Lock()
	h.r.running = false
	h.r.mu.Unlock()
	b.Run("warm, caches alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			h.r.Resolve(h.in, &out)
		}
	})
}
