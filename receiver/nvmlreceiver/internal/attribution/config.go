// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package attribution // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"
)

// Config of a Resolver.
type Config struct {
	// Root is where the host's root is mounted; empty is /. The folders proc, var/log/pods and var/log/containers lie in it.
	Root string
	// Deadline is how long Resolve waits for reads of /proc and of the log folders, together.
	Deadline time.Duration
	// Workers bounds the reads of /proc under way, and so the threads that a read that hangs can hold.
	Workers int
	// MaxProcesses bounds the processes kept.
	MaxProcesses int
	// MissingFor is how long a process that could not be read is not read again.
	MissingFor time.Duration
	// MaxAge is how long a process counts that could not be seen to be the same still.
	MaxAge time.Duration
	// Reread is after how long a process is read anew, for it may have been moved to another cgroup.
	Reread time.Duration
	// PodResources is the kubelet's client; nil where pods are not wanted.
	PodResources *podresources.Config
	// NodeLogs tells whether the kubelet's log folders are listed, for the names in them.
	NodeLogs bool
	// MaxLogEntries bounds what is kept of each log folder.
	MaxLogEntries int
}

// DefaultConfig joins to containers, pods and names.
func DefaultConfig() Config {
	pods := podresources.DefaultConfig()
	return Config{
		Deadline:      50 * time.Millisecond,
		Workers:       4,
		MaxProcesses:  4096,
		MissingFor:    30 * time.Second,
		MaxAge:        time.Minute,
		Reread:        5 * time.Minute,
		PodResources:  &pods,
		NodeLogs:      true,
		MaxLogEntries: 8192,
	}
}

// Validate reports every fault at once.
func (c Config) Validate() error {
	var faults []error
	if c.Root != "" && !filepath.IsAbs(c.Root) {
		faults = append(faults, fmt.Errorf("`root` must be empty or an absolute path, found %q", c.Root))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"deadline", c.Deadline}, {"missing_for", c.MissingFor}, {"max_age", c.MaxAge}, {"reread", c.Reread}} {
		if d.value <= 0 {
			faults = append(faults, fmt.Errorf("`%s` must be greater than 0, found %v", d.name, d.value))
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{{"workers", c.Workers}, {"max_processes", c.MaxProcesses}, {"max_log_entries", c.MaxLogEntries}} {
		if n.value <= 0 {
			faults = append(faults, fmt.Errorf("`%s` must be greater than 0, found %d", n.name, n.value))
		}
	}
	if c.PodResources != nil {
		faults = append(faults, c.PodResources.Validate())
	}
	return errors.Join(faults...)
}
