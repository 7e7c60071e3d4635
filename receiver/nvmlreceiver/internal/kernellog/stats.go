package kernellog

import "sync/atomic"

// Stats counts what a follower met since it was made.
type Stats struct {
	Records     uint64 // records read that were not read before; by journald only those of the NVIDIA driver, if it can narrow
	Events      uint64 // of these: events
	Ignored     uint64 // of these: lines of the NVIDIA driver that are no event
	Lost        uint64 // records that the kernel overwrote before they were read (all drivers'; /dev/kmsg only)
	Oversize    uint64 // records passed over because of their length
	Malformed   uint64 // records that are not of the source's form
	Blocked     uint64 // events that had to wait because the queue was full
	Restarts    uint64 // times that a source ended and had to be opened again
	Stuck       uint64 // journalctl processes that did not end even when killed
	StoreErrors uint64 // loads and saves of the position that failed
}

type counters struct {
	records, events, ignored, lost, oversize, malformed, blocked, restarts, stuck, storeErrors atomic.Uint64
}

// Stats returns the counts so far; it may be called at any time.
func (f *Follower) Stats() Stats {
	c := &f.stats
	return Stats{
		Records: c.records.Load(), Events: c.events.Load(), Ignored: c.ignored.Load(), Lost: c.lost.Load(),
		Oversize: c.oversize.Load(), Malformed: c.malformed.Load(), Blocked: c.blocked.Load(),
		Restarts: c.restarts.Load(), Stuck: c.stuck.Load(), StoreErrors: c.storeErrors.Load(),
	}
}
