// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

// podSource is podresources.Client.
type podSource interface {
	Snapshot() *podresources.Snapshot
	Refresh()
	Start()
	Stop()
	Stats() podresources.Stats
}

// Resolver attributes processes and devices. Start and Stop may be called twice; Resolve may be called from one goroutine
// after the other and works without Start, too, but then finds nothing new.
type Resolver struct {
	cfg   Config
	cache *cgroup.Cache
	pool  *pool
	logs  *nodeLogs
	pods  podSource

	lifecycle        sync.Mutex
	started, stopped bool

	mu       sync.Mutex
	running  bool
	empty    *logIndex
	pids     map[uint32]struct{}
	entries  map[uint32]*cgroup.Entry
	binder   *binder
	assigned assigned
	stats    counters
}

// assigned is the assignment last built, and what it was built of.
type assigned struct {
	generation uint64
	devices    []podresources.Device
	assignment *podresources.Assignment
	asked      time.Time
}

// New makes a resolver that does nothing before Start.
func New(cfg Config, logger *zap.Logger) (*Resolver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var pods podSource
	if cfg.PodResources != nil {
		client, err := podresources.New(*cfg.PodResources, logger)
		if err != nil {
			return nil, err
		}
		pods = client
	}
	return newResolver(cfg, cgroup.NewReader(cfg.Root), pods), nil
}

func newResolver(cfg Config, reader processReader, pods podSource) *Resolver {
	cache := cgroup.NewCache(cgroup.CacheConfig{
		MaxEntries: cfg.MaxProcesses,
		MissingFor: cfg.MissingFor,
		MaxAge:     cfg.MaxAge,
		Reread:     cfg.Reread,
		Now:        time.Now,
	})
	r := &Resolver{
		cfg:      cfg,
		cache:    cache,
		pool:     newPool(reader, cache, cfg.Workers),
		pods:     pods,
		empty:    &logIndex{},
		pids:     make(map[uint32]struct{}),
		entries:  make(map[uint32]*cgroup.Entry),
		binder:   newBinder(),
		assigned: assigned{assignment: new(podresources.Snapshot).Assign(nil)},
	}
	if cfg.NodeLogs {
		r.logs = newNodeLogs(cfg.Root, cfg.MaxLogEntries)
	}
	return r
}

// Start begins the work in the background. After Stop it does nothing.
func (r *Resolver) Start() {
	r.lifecycle.Lock()
	defer r.lifecycle.Unlock()
	if r.started || r.stopped {
		return
	}
	r.started = true
	r.pool.start()
	if r.logs != nil {
		r.logs.start()
	}
	if r.pods != nil {
		r.pods.Start()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running = true
}

// stopWait is how long Stop waits for a worker that is stuck in the kernel.
const stopWait = time.Second

// Stop ends the work in the background. A call of Resolve under way ends first.
func (r *Resolver) Stop() {
	r.lifecycle.Lock()
	defer r.lifecycle.Unlock()
	if r.stopped {
		return
	}
	r.stopped = true
	r.mu.Lock()
	r.running = false
	r.mu.Unlock()
	if !r.started {
		return
	}
	if r.pods != nil {
		r.pods.Stop()
	}
	r.pool.stop(stopWait)
	if r.logs != nil {
		r.logs.stop(stopWait)
	}
}

// Resolve attributes what NVML lists, into out. It waits at most Config.Deadline. Processes that are not listed are
// forgotten, so it must be given all there are.
func (r *Resolver) Resolve(in Input, out *Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refresh(in.Processes)
	r.assign(in.Devices)
	index := r.index()
	r.binder.begin()
	for _, p := range in.Processes {
		if e, ok := r.entries[p.PID]; ok && e.PodUID != "" {
			r.binder.observe(p.device(), e, index)
		}
	}
	r.binder.learn(r.assigned.assignment, r.assigned.asked)
	r.processes(in.Processes, index, out)
	r.devices(in, out)
	if r.pods != nil {
		r.pods.Refresh()
	}
}

// refresh brings the entries of these processes up to date, as far as the deadline allows.
func (r *Resolver) refresh(processes []Process) {
	clear(r.pids)
	clear(r.entries)
	for _, p := range processes {
		if p.PID != 0 { // 0 is what a driver gives for a process of another PID namespace
			r.pids[p.PID] = struct{}{}
		}
	}
	r.cache.Retain(func(pid uint32) bool { _, ok := r.pids[pid]; return ok })
	due := make([]uint32, 0, len(r.pids))
	for pid := range r.pids {
		if _, state := r.cache.Get(pid); state != cgroup.Missing {
			due = append(due, pid)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Deadline)
	defer cancel()
	reads := r.pool.reads.Load()
	if len(due) > 0 && r.running {
		r.pool.run(ctx, due)
	}
	for _, pid := range due {
		if e, state := r.cache.Get(pid); state == cgroup.Known {
			r.entries[pid] = e
		}
	}
	r.listLogs(ctx, r.pool.reads.Load() != reads)
}

// listLogs has the log folders listed where a container is not known from them. Only after something new was read is it
// worth to wait for that.
func (r *Resolver) listLogs(ctx context.Context, wait bool) {
	if r.logs == nil || !r.running {
		return
	}
	index := r.logs.index.Load()
	for _, e := range r.entries {
		if _, known := index.containers[e.ContainerID]; known || e.PodUID == "" {
			continue
		}
		listed := r.logs.refresh()
		if wait {
			select {
			case <-listed:
			case <-ctx.Done():
			}
		}
		return
	}
}

func (r *Resolver) index() *logIndex {
	if r.logs == nil {
		return r.empty
	}
	return r.logs.index.Load()
}

// assign joins the kubelet's last answer to these devices, anew only where one of the two changed.
func (r *Resolver) assign(devices []podresources.Device) {
	if r.pods == nil {
		return
	}
	s := r.pods.Snapshot()
	r.assigned.asked = s.Asked
	if s.Generation == r.assigned.generation && slices.Equal(devices, r.assigned.devices) {
		return
	}
	r.assigned.generation = s.Generation
	r.assigned.devices = append(r.assigned.devices[:0], devices...)
	r.assigned.assignment = s.Assign(devices)
}
