// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// podName is what pod-resources and the log folders call a pod.
type podName struct{ namespace, pod string }

// containerName is a container of a pod.
type containerName struct {
	podName
	container string
}

// logIndex is what the names in the log folders say; it never changes.
type logIndex struct {
	pods       map[string]podName
	containers map[string]containerName
	dropped    int
}

// nodeLogs lists the kubelet's log folders when asked to, in a goroutine of its own. A name there never changes its meaning,
// so an index is never too old, only incomplete.
type nodeLogs struct {
	pods, containers string
	limit            int
	minInterval      time.Duration

	index    atomic.Pointer[logIndex]
	wake     chan struct{}
	stopping chan struct{}
	wg       sync.WaitGroup
	listings atomic.Uint64

	mu     sync.Mutex
	listed chan struct{}
}

func newNodeLogs(root string, limit int) *nodeLogs {
	n := &nodeLogs{
		pods:        filepath.Join("/", root, "var/log/pods"),
		containers:  filepath.Join("/", root, "var/log/containers"),
		limit:       limit,
		minInterval: time.Second,
		wake:        make(chan struct{}, 1),
		stopping:    make(chan struct{}),
		listed:      make(chan struct{}),
	}
	n.index.Store(&logIndex{})
	return n
}

func (n *nodeLogs) start() { n.wg.Go(n.run) }

func (n *nodeLogs) stop(wait time.Duration) {
	close(n.stopping)
	waitFor(&n.wg, wait)
}

// refresh asks for a listing; the channel closes when the next one is there. It comes at once, or after minInterval.
func (n *nodeLogs) refresh() <-chan struct{} {
	n.mu.Lock()
	listed := n.listed
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
	return listed
}

func (n *nodeLogs) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-n.stopping:
			return
		case <-n.wake:
		}
		select {
		case <-n.stopping:
			return
		case <-timer.C:
		}
		index := &logIndex{pods: make(map[string]podName), containers: make(map[string]containerName)}
		list(n.pods, func(name string) bool { return index.addPod(name, n.limit) })
		list(n.containers, func(name string) bool { return index.addContainer(name, n.limit) })
		n.index.Store(index)
		n.listings.Add(1)
		n.mu.Lock()
		close(n.listed)
		n.listed = make(chan struct{})
		n.mu.Unlock()
		timer.Reset(n.minInterval)
	}
}

// list calls add with the names in a folder until it says no. A folder that is not there is empty.
func list(folder string, add func(name string) bool) {
	f, err := os.Open(folder) //nolint:gosec // The folder is built from the configured root.
	if err != nil {
		return
	}
	defer f.Close()
	const chunk = 256
	for {
		names, err := f.Readdirnames(chunk)
		for _, name := range names {
			if !add(name) {
				return
			}
		}
		if err != nil || errors.Is(err, io.EOF) {
			return
		}
	}
}

// addPod takes <namespace>_<pod>_<uid>; none of the three can hold an underscore.
func (x *logIndex) addPod(name string, limit int) bool {
	parts := strings.Split(name, "_")
	if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return true
	}
	if len(x.pods) >= limit {
		x.dropped++
		return false
	}
	x.pods[parts[2]] = podName{parts[0], parts[1]}
	return true
}

// addContainer takes <pod>_<namespace>_<container>-<id>.log. The kubelet cuts a name that is too long at its end, which is
// the id, so what has no whole id is passed over.
func (x *logIndex) addContainer(name string, limit int) bool {
	const idLen = 64
	base, ok := strings.CutSuffix(name, ".log")
	parts := strings.Split(base, "_")
	if !ok || len(parts) != 3 || parts[0] == "" || parts[1] == "" {
		return true
	}
	at := len(parts[2]) - idLen - 1
	if at < 1 || parts[2][at] != '-' || strings.Contains(parts[2][at+1:], "-") {
		return true
	}
	if len(x.containers) >= limit {
		x.dropped++
		return false
	}
	x.containers[parts[2][at+1:]] = containerName{podName{parts[1], parts[0]}, parts[2][:at]}
	return true
}
