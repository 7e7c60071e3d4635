// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"
)

// processReader is cgroup.Reader; each of its methods may block for as long as the kernel likes.
type processReader interface {
	Read(pid uint32) (cgroup.Process, error)
	StartTime(pid uint32) (uint64, error)
	HostPID() bool
}

// pool reads processes into the cache with a fixed number of workers. A read that hangs holds its worker, and nobody else.
type pool struct {
	reader  processReader
	cache   *cgroup.Cache
	workers int
	jobs    chan *job
	wg      sync.WaitGroup

	mu       sync.Mutex
	underWay map[uint32]struct{}

	hostPID   atomic.Bool
	reads     atomic.Uint64
	failures  atomic.Uint64
	late      atomic.Uint64
	saturated atomic.Uint64
}

// job is the processes of one call, which the workers take one by one.
type job struct {
	pids   []uint32
	next   atomic.Int64
	left   atomic.Int64
	done   chan struct{}
	closed atomic.Bool
}

func newPool(reader processReader, cache *cgroup.Cache, workers int) *pool {
	return &pool{
		reader:   reader,
		cache:    cache,
		workers:  workers,
		jobs:     make(chan *job, workers),
		underWay: make(map[uint32]struct{}, workers),
	}
}

func (p *pool) start() {
	p.wg.Go(func() {
		p.hostPID.Store(p.reader.HostPID())
		p.work()
	})
	for range p.workers - 1 {
		p.wg.Go(p.work)
	}
}

// stop ends the workers, and waits for them so long at most: one that is stuck in the kernel ends when its read does.
func (p *pool) stop(wait time.Duration) {
	close(p.jobs)
	waitFor(&p.wg, wait)
}

func (p *pool) work() {
	for j := range p.jobs {
		for !j.closed.Load() {
			i := j.next.Add(1) - 1
			if i >= int64(len(j.pids)) {
				break
			}
			p.read(j.pids[i])
			if j.left.Add(-1) == 0 {
				close(j.done)
			}
		}
	}
}

// run has the processes read or verified, and waits for that until the context ends. A process whose read is still under way
// since an earlier call is passed over.
func (p *pool) run(ctx context.Context, pids []uint32) {
	j := &job{pids: pids, done: make(chan struct{})}
	j.left.Store(int64(len(pids)))
	if !p.submit(j) {
		p.saturated.Add(1)
		return
	}
	select {
	case <-j.done:
	case <-ctx.Done():
		// What no worker took yet is for the next call to ask for again.
		j.closed.Store(true)
		p.late.Add(1)
	}
}

// submit offers the job to as many workers as it can use, for the first of them may hang. False: each is busy and has work
// waiting already.
func (p *pool) submit(j *job) bool {
	accepted := false
	for range min(p.workers, len(j.pids)) {
		select {
		case p.jobs <- j:
			accepted = true
		default:
			return accepted
		}
	}
	return accepted
}

func (p *pool) read(pid uint32) {
	if !p.claim(pid) {
		return
	}
	defer p.release(pid)
	start, err := p.reader.StartTime(pid)
	if err == nil && p.cache.Verify(pid, start) {
		return
	}
	var process cgroup.Process
	if err == nil {
		p.reads.Add(1)
		process, err = p.reader.Read(pid)
	}
	if err != nil {
		p.failures.Add(1)
		p.cache.PutMissing(pid)
		return
	}
	p.cache.Put(pid, process)
}

func (p *pool) claim(pid uint32) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.underWay[pid]; ok {
		return false
	}
	p.underWay[pid] = struct{}{}
	return true
}

func (p *pool) release(pid uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.underWay, pid)
}

// pending is the number of reads under way: at most one for each worker.
func (p *pool) pending() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.underWay)
}

func waitFor(wg *sync.WaitGroup, limit time.Duration) {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(limit):
	}
}
