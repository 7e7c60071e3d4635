package xidmerge

import (
	"container/list"
	"time"
)

// Merger matches sightings one to one by GPU and code. A sighting waits for its counterpart for as long as the window;
// what waits longest is matched first, so that n XIDs seen twice are n reports, however alike they are and however the two
// streams interleave, as long as no pair arrives further apart than the window.
//
// The window is about arrival, not about Sighting.Time: NVML's events carry no time of their own, and the kernel's clock
// may be off by the drift of months.
//
// A Merger is not safe for concurrent use.
type Merger struct {
	window  time.Duration
	max     int
	waiting *list.List              // of *pending, by arrival
	byKey   map[key][]*list.Element // the same, by key; all of one key have the same source
	stats   Stats
}

// Stats counts what a Merger did since it was made.
type Stats struct {
	Joined   uint64 // reports made of two sightings
	Single   uint64 // reports made of one, its counterpart missing or impossible
	Overflow uint64 // of Single: reported before its window ended, because too many waited
}

type key struct {
	gpu  string
	code uint64
}

type pending struct {
	Sighting
	due time.Time
}

// New makes a merger that lets a sighting wait for at most window, and at most maxWaiting sightings at a time. With a window of
// 0, right where there is only one source, nothing ever waits.
func New(window time.Duration, maxWaiting int) *Merger {
	return &Merger{window: window, max: maxWaiting, waiting: list.New(), byKey: map[key][]*list.Element{}}
}

// Offer takes a sighting that arrived at now and returns the reports that can be made: of it, and of what is due by now.
// now must not go back from call to call.
func (m *Merger) Offer(now time.Time, s Sighting) []Report {
	reports := m.Flush(now)
	if s.Solo || m.window <= 0 || m.max <= 0 {
		return append(reports, m.single(s))
	}
	k := key{s.GPU, s.Code}
	if queue := m.byKey[k]; len(queue) > 0 && pendingOf(queue[0]).Source != s.Source {
		first := m.remove(queue[0])
		m.stats.Joined++
		return append(reports, join(first, s))
	}
	if m.waiting.Len() >= m.max {
		m.stats.Overflow++
		reports = append(reports, m.single(m.remove(m.waiting.Front())))
	}
	m.byKey[k] = append(m.byKey[k], m.waiting.PushBack(&pending{s, now.Add(m.window)}))
	return reports
}

// Flush returns the reports of all sightings whose window has ended by now.
func (m *Merger) Flush(now time.Time) []Report {
	var reports []Report
	for due, ok := m.Next(); ok && !due.After(now); due, ok = m.Next() {
		reports = append(reports, m.single(m.remove(m.waiting.Front())))
	}
	return reports
}

// FlushAll returns the reports of everything that waits; for a shutdown.
func (m *Merger) FlushAll() []Report {
	var reports []Report
	for m.waiting.Len() > 0 {
		reports = append(reports, m.single(m.remove(m.waiting.Front())))
	}
	return reports
}

// Next is when Flush has something to return; false: nothing waits.
func (m *Merger) Next() (time.Time, bool) {
	if m.waiting.Len() == 0 {
		return time.Time{}, false
	}
	return pendingOf(m.waiting.Front()).due, true
}

// Stats returns the counts so far.
func (m *Merger) Stats() Stats { return m.stats }

func (m *Merger) single(s Sighting) Report {
	m.stats.Single++
	return Report{s}
}

// remove takes the sighting out. It is always the oldest of its key: keys are matched and flushed from the front.
func (m *Merger) remove(e *list.Element) Sighting {
	s := pendingOf(e).Sighting
	k := key{s.GPU, s.Code}
	if rest := m.byKey[k][1:]; len(rest) > 0 {
		m.byKey[k] = rest
	} else {
		delete(m.byKey, k)
	}
	m.waiting.Remove(e)
	return s
}

func pendingOf(e *list.Element) *pending { return e.Value.(*pending) }
