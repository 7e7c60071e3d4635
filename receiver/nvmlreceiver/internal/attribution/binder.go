// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"

import (
	"time"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/cgroup"
	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

// binding is which pod a pod uid is.
type binding struct {
	name podName
	// exact: the log folders say so. Else it was learned from a device that this pod alone holds.
	exact bool
	// refuted: evidence spoke against what was learned; nothing is learned of this uid again while it has processes.
	refuted bool
	// confirmed in this collection.
	confirmed bool
	seen      bool
}

// use is the processes of one pod on one device.
type use struct {
	device, uid string
}

// containerUse is the containers that these processes are in.
type containerUse struct {
	id      string
	several bool
	// firstSeen of the process known longest.
	firstSeen time.Time
}

// occupancy is the pods on one device, as far as their processes are visible.
type occupancy struct {
	uid     string
	several bool
	// newest is when the first process of the pod that came last was first seen.
	newest time.Time
}

// claimants are the pod uids of one name.
type claimants struct {
	exactUID, learnedUID string
	exact, learned       int
}

// binder finds out which pod a pod uid is. It belongs to one goroutine at a time. Its maps are bounded by the processes of
// one collection: begin empties them, end drops the pods that have no process any more.
type binder struct {
	bindings  map[string]*binding
	uses      map[use]containerUse
	occupants map[string]occupancy
	claims    map[podName]claimants
	conflicts uint64
}

func newBinder() *binder {
	return &binder{
		bindings:  make(map[string]*binding),
		uses:      make(map[use]containerUse),
		occupants: make(map[string]occupancy),
		claims:    make(map[podName]claimants),
	}
}

func (b *binder) begin() {
	clear(b.uses)
	clear(b.occupants)
	clear(b.claims)
	for _, bound := range b.bindings {
		bound.seen, bound.confirmed = false, false
	}
}

// observe takes a process that is in a pod.
func (b *binder) observe(device string, e *cgroup.Entry, index *logIndex) {
	key := use{device, e.PodUID}
	of, known := b.uses[key]
	switch {
	case !known:
		of = containerUse{id: e.ContainerID, firstSeen: e.FirstSeen}
	case of.id != e.ContainerID:
		of.several = true
	}
	if e.FirstSeen.Before(of.firstSeen) {
		of.firstSeen = e.FirstSeen
	}
	b.uses[key] = of
	if !known {
		on, occupied := b.occupants[device]
		b.occupants[device] = occupancy{uid: e.PodUID, several: occupied || on.several}
	}
	b.name(e.Identity, index)
}

// name takes what the log folders say.
func (b *binder) name(id cgroup.Identity, index *logIndex) {
	bound, ok := b.bindings[id.PodUID]
	if !ok {
		bound = &binding{}
		b.bindings[id.PodUID] = bound
	}
	bound.seen = true
	if bound.exact {
		return
	}
	if container, ok := index.containers[id.ContainerID]; ok {
		*bound = binding{name: container.podName, exact: true, seen: true}
	} else if pod, ok := index.pods[id.PodUID]; ok {
		*bound = binding{name: pod, exact: true, seen: true}
	}
}

// learn concludes from the devices that one pod alone holds. asked is when the kubelet was asked for the assignment.
func (b *binder) learn(assignment *podresources.Assignment, asked time.Time) {
	for key, of := range b.uses {
		if on := b.occupants[key.device]; of.firstSeen.After(on.newest) {
			on.newest = of.firstSeen
			b.occupants[key.device] = on
		}
	}
	for device, on := range b.occupants {
		name, ok := onlyPod(assignment.Holders(device))
		if !ok || on.several || on.newest.After(asked) {
			continue
		}
		bound := b.bindings[on.uid]
		switch {
		case bound.exact, bound.refuted:
		case bound.name == podName{}:
			bound.name, bound.confirmed = name, true
		case bound.name == name:
			bound.confirmed = true
		default:
			b.refute(bound)
		}
	}
	b.doubt(assignment, asked)
	b.end()
}

// doubt undoes what was learned from a device on which another pod's processes run now: one of the two is there without
// holding it, and which one is not known.
func (b *binder) doubt(assignment *podresources.Assignment, asked time.Time) {
	for key := range b.uses {
		if on := b.occupants[key.device]; !on.several || on.newest.After(asked) {
			continue
		}
		bound := b.bindings[key.uid]
		name, ok := onlyPod(assignment.Holders(key.device))
		if ok && !bound.exact && !bound.confirmed && bound.name == name {
			b.refute(bound)
		}
	}
}

// end drops pods without processes, and refutes a name that two uids have. A pod that was made anew under its old name has
// another uid, too: where the log folders say so, both keep it.
func (b *binder) end() {
	for uid, bound := range b.bindings {
		if !bound.seen {
			delete(b.bindings, uid)
			continue
		}
		if bound.name == (podName{}) {
			continue
		}
		c := b.claims[bound.name]
		if bound.exact {
			c.exact, c.exactUID = c.exact+1, uid
		} else {
			c.learned, c.learnedUID = c.learned+1, uid
		}
		b.claims[bound.name] = c
	}
	for _, bound := range b.bindings {
		if c := b.claims[bound.name]; !bound.exact && c.learned > 0 && c.exact+c.learned > 1 {
			b.refute(bound)
		}
	}
}

func (b *binder) refute(bound *binding) {
	b.conflicts++
	*bound = binding{refuted: true, seen: bound.seen}
}

// pod gives the name of a pod uid, if it is known.
func (b *binder) pod(uid string) (podName, bool) {
	bound := b.bindings[uid]
	if bound == nil || bound.name == (podName{}) {
		return podName{}, false
	}
	return bound.name, true
}

// uid gives the pod uid of a name, if it is known and one alone.
func (b *binder) uid(name podName) string {
	switch c := b.claims[name]; {
	case c.exact == 1:
		return c.exactUID
	case c.exact == 0 && c.learned == 1:
		return c.learnedUID
	}
	return ""
}

// onlyPod is the pod that holds a device, if it is one alone.
func onlyPod(holders []podresources.Holder) (podName, bool) {
	if len(holders) == 0 {
		return podName{}, false
	}
	for _, h := range holders[1:] {
		if !h.SamePod(holders[0]) {
			return podName{}, false
		}
	}
	return podName{holders[0].Namespace, holders[0].Pod}, true
}
