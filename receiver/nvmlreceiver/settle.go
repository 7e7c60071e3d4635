// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"

// settleFor is how many collections a new process may wait until it is known whose it is.
const settleFor = 2

// settler holds a new process back until it is known whose it is, at most settleFor collections. Else its series would begin without
// these labels and go on as others, and both would be seen at once for five minutes in Prometheus: sums would count it twice.
type settler struct {
	pods bool // names of pods are to be had
	// seen has the processes of this collection only, before those of the last.
	seen, before map[uint32]waiting
}

// waiting is for how many collections a process was held back, and whether it is in this one.
type waiting struct {
	collections uint8
	held        bool
}

func newSettler(pods bool) *settler {
	return &settler{pods: pods, seen: map[uint32]waiting{}, before: map[uint32]waiting{}}
}

// next begins a collection: processes that are not asked about in it are forgotten.
func (s *settler) next() {
	s.seen, s.before = s.before, s.seen
	clear(s.seen)
}

// holds tells whether the process is to wait. It may be asked about once for each GPU that the process is on.
func (s *settler) holds(pid uint32, p *attribution.ProcessResult) bool {
	w, asked := s.seen[pid]
	if !asked {
		w = s.before[pid]
		w.held = w.collections < settleFor && !s.settled(p)
		if w.held {
			w.collections++
		} else {
			w.collections = settleFor
		}
		s.seen[pid] = w
	}
	return w.held
}

func (s *settler) settled(p *attribution.ProcessResult) bool {
	return p.Visible && (!s.pods || p.PodUID == "" || p.Pod != "")
}
