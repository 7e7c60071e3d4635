// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"

import (
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

// counters are of the last Resolve.
type counters struct {
	invisible, nameless, contested int
}

// Stats is how attribution does. The first block is of the last Resolve, the rest counts since the resolver was made.
type Stats struct {
	// Invisible processes could not be found under /proc, or not yet.
	Invisible int
	// Nameless processes are in a pod whose name could not be decided.
	Nameless int
	// Contested devices are said by the kubelet to be held by several pods though one alone can, and no process decides.
	Contested int
	// Unmapped allocations name a device that NVML does not list, or not beyond doubt.
	Unmapped int

	// Reads of processes; ReadFailures that found nothing or failed.
	Reads, ReadFailures uint64
	// Pending reads are under way now; one that stays is stuck in the kernel.
	Pending int
	// Late calls reached the deadline; Saturated calls found every worker busy and did not wait.
	Late, Saturated uint64
	// Conflicts are names learned that evidence spoke against.
	Conflicts uint64
	// LogListings of the log folders; LogEntries kept; LogDropped is how many folders were over the bound.
	LogListings            uint64
	LogEntries, LogDropped int
	// HostPID tells whether /proc is of the host's PID namespace.
	HostPID bool
	// Cache and PodResources are theirs.
	Cache        cgroup.CacheStats
	PodResources podresources.Stats
}

// Stats gives the counters.
func (r *Resolver) Stats() Stats {
	r.mu.Lock()
	s := Stats{
		Invisible: r.stats.invisible,
		Nameless:  r.stats.nameless,
		Contested: r.stats.contested,
		Unmapped:  r.assigned.assignment.Unmapped,
		Conflicts: r.binder.conflicts,
	}
	r.mu.Unlock()
	s.Reads, s.ReadFailures = r.pool.reads.Load(), r.pool.failures.Load()
	s.Late, s.Saturated = r.pool.late.Load(), r.pool.saturated.Load()
	s.Pending, s.HostPID = r.pool.pending(), r.pool.hostPID.Load()
	s.Cache = r.cache.Stats()
	if r.logs != nil {
		index := r.logs.index.Load()
		s.LogListings, s.LogEntries = r.logs.listings.Load(), len(index.pods)+len(index.containers)
		s.LogDropped = index.dropped
	}
	if r.pods != nil {
		s.PodResources = r.pods.Stats()
	}
	return s
}
