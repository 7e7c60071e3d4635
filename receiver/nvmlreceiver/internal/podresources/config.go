// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package podresources // import "github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/podresources"

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"time"
)

// Config of a Client.
type Config struct {
	// Socket is the path of the kubelet's socket.
	Socket string
	// Resources are patterns (path.Match) of the resource names that are GPUs.
	Resources []string
	// DRADrivers are the names of the DRA drivers whose devices are GPUs.
	DRADrivers []string
	// Period is how often the kubelet is asked when nobody calls Refresh.
	Period time.Duration
	// MinInterval is the shortest time between two requests.
	MinInterval time.Duration
	// MaxBackoff is the longest time between two requests while they fail.
	MaxBackoff time.Duration
	// Timeout of a request.
	Timeout time.Duration
	// MaxAge is how long an answer counts when no later one comes.
	MaxAge time.Duration
	// MaxMessageBytes bounds an answer.
	MaxMessageBytes int
	// MaxAllocations bounds what is kept of an answer.
	MaxAllocations int
}

// DefaultConfig gives the configuration for a kubelet as it is installed commonly.
func DefaultConfig() Config {
	return Config{
		Socket:          "/var/lib/kubelet/pod-resources/kubelet.sock",
		Resources:       []string{"nvidia.com/gpu", "nvidia.com/gpu.shared", "nvidia.com/mig-*"},
		DRADrivers:      []string{"gpu.nvidia.com"},
		Period:          10 * time.Second,
		MinInterval:     time.Second,
		MaxBackoff:      30 * time.Second,
		Timeout:         10 * time.Second,
		MaxAge:          time.Minute,
		MaxMessageBytes: 16 << 20,
		MaxAllocations:  4096,
	}
}

// Validate reports every fault at once.
func (c Config) Validate() error {
	var faults []error
	if !filepath.IsAbs(c.Socket) {
		faults = append(faults, fmt.Errorf("`socket` must be an absolute path, found %q", c.Socket))
	}
	for _, pattern := range c.Resources {
		if _, err := path.Match(pattern, ""); err != nil {
			faults = append(faults, fmt.Errorf("`resources` must hold patterns, found %q: %w", pattern, err))
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"period", c.Period},
		{"min_interval", c.MinInterval},
		{"max_backoff", c.MaxBackoff},
		{"timeout", c.Timeout},
		{"max_age", c.MaxAge},
	} {
		if d.value <= 0 {
			faults = append(faults, fmt.Errorf("`%s` must be greater than 0, found %v", d.name, d.value))
		}
	}
	if c.MaxMessageBytes <= 0 {
		faults = append(faults, fmt.Errorf("`max_message_bytes` must be greater than 0, found %d", c.MaxMessageBytes))
	}
	if c.MaxAllocations <= 0 {
		faults = append(faults, fmt.Errorf("`max_allocations` must be greater than 0, found %d", c.MaxAllocations))
	}
	return errors.Join(faults...)
}
