// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/scraper/scraperhelper"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/metadata"
)

// The bounds on options.
const (
	minCollectionInterval = 100 * time.Millisecond
	minSamplingInterval   = 50 * time.Millisecond
	maxSamplingInterval   = time.Second
	mostProcessesPerGPU   = 4096
	mostErrorTypes        = 1024
)

// KernelLogSource says where the kernel log is read.
type KernelLogSource string

const (
	// KernelLogAuto is journald where journalctl is there, else /dev/kmsg.
	KernelLogAuto KernelLogSource = "auto"
	// KernelLogJournald reads the journal through journalctl.
	KernelLogJournald KernelLogSource = "journald"
	// KernelLogKmsg reads /dev/kmsg, which takes CAP_SYSLOG where kernel.dmesg_restrict is set.
	KernelLogKmsg KernelLogSource = "kmsg"
)

// Validate reports a source that is not one of the three.
func (s KernelLogSource) Validate() error {
	switch s {
	case KernelLogAuto, KernelLogJournald, KernelLogKmsg:
		return nil
	}
	return fmt.Errorf("must be one of %q, %q, %q, found %q", KernelLogAuto, KernelLogJournald, KernelLogKmsg, string(s))
}

// ProcessesConfig says which processes on a GPU are reported.
type ProcessesConfig struct {
	// Enabled reports processes, and what containers use, at all.
	Enabled bool `mapstructure:"enabled"`
	// MaxPerGPU bounds the processes reported for one GPU or slice, those with most memory first; the rest are one sum.
	MaxPerGPU int `mapstructure:"max_per_gpu"`
	_         struct{}
}

// Validate reports a bound that cannot work.
func (c *ProcessesConfig) Validate() error {
	if c.MaxPerGPU < 1 || c.MaxPerGPU > mostProcessesPerGPU {
		return fmt.Errorf("`max_per_gpu` must be from 1 to %d, found %d", mostProcessesPerGPU, c.MaxPerGPU)
	}
	return nil
}

// PodsConfig says how GPUs and processes are joined to pods.
type PodsConfig struct {
	// Enabled asks the kubelet which container has which device.
	Enabled bool `mapstructure:"enabled"`
	// Socket is the kubelet's pod-resources socket.
	Socket string `mapstructure:"socket"`
	// ResourceNames are patterns, as of path.Match, of the extended resources that are GPUs.
	ResourceNames []string `mapstructure:"resource_names"`
	_             struct{}
}

// Validate reports every path and pattern that cannot work.
func (c *PodsConfig) Validate() error {
	var errs []error
	if !filepath.IsAbs(c.Socket) {
		errs = append(errs, fmt.Errorf("`socket` must be an absolute path, found %q", c.Socket))
	}
	if len(c.ResourceNames) == 0 {
		errs = append(errs, errors.New("`resource_names` must name at least one resource, found none"))
	}
	for _, pattern := range c.ResourceNames {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			errs = append(errs, fmt.Errorf("`resource_names` must hold patterns such as \"nvidia.com/mig-*\", found %q", pattern))
		}
	}
	return errors.Join(errs...)
}

// EventsConfig says whether NVML's event set is used.
type EventsConfig struct {
	// Enabled registers for NVML's events, XIDs among them.
	Enabled bool `mapstructure:"enabled"`
	_       struct{}
}

// KernelLogConfig says whether and how the kernel log is read for what the driver writes there.
type KernelLogConfig struct {
	// Enabled reads the kernel log.
	Enabled bool `mapstructure:"enabled"`
	// Source says where.
	Source KernelLogSource `mapstructure:"source"`
	_      struct{}
}

// Config is the configuration of the nvml receiver.
type Config struct {
	scraperhelper.ControllerConfig `mapstructure:",squash"`
	metadata.MetricsBuilderConfig  `mapstructure:",squash"`

	// SamplingInterval is how often power, energy and utilisation are sampled between collections; 0 turns it off.
	SamplingInterval time.Duration `mapstructure:"sampling_interval"`
	// Library is the path or the soname of NVML; empty means libnvidia-ml.so.1 as the loader finds it.
	Library string `mapstructure:"library"`
	// Helper is the path of inferwatchnvml; empty means beside the collector's executable, then $PATH.
	Helper string `mapstructure:"helper"`
	// ReleaseHandles closes NVML after each collection, so that no open handle keeps the driver from being unbound. There are no
	// samples between collections and no NVML events then.
	ReleaseHandles bool `mapstructure:"release_handles"`
	// RootPath is where the host's / is mounted, for a collector in a container; empty means /.
	RootPath string `mapstructure:"root_path"`
	// Processes says which processes are reported.
	Processes ProcessesConfig `mapstructure:"processes"`
	// Pods says how GPUs and processes are joined to pods.
	Pods PodsConfig `mapstructure:"pods"`
	// Events says whether NVML's event set is used.
	Events EventsConfig `mapstructure:"events"`
	// KernelLog says whether the kernel log is read.
	KernelLog KernelLogConfig `mapstructure:"kernel_log"`
	// Storage names the storage extension that keeps how far the kernel log was read. Without it lines from before the start are
	// not reported.
	Storage *component.ID `mapstructure:"storage"`
	// MaxErrorTypes bounds the XID codes counted apart for one GPU; the rest are summed as `_OTHER`.
	MaxErrorTypes int `mapstructure:"max_error_types"`
	_             struct{}
}

// Validate reports every option that cannot work. The parts validate themselves.
func (c *Config) Validate() error {
	var errs []error
	if c.CollectionInterval < minCollectionInterval {
		errs = append(errs, fmt.Errorf("`collection_interval` must be at least %v, found %v", minCollectionInterval, c.CollectionInterval))
	}
	if c.Timeout <= 0 {
		errs = append(errs, fmt.Errorf("`timeout` must be greater than 0, found %v", c.Timeout))
	}
	if c.SamplingInterval != 0 && (c.SamplingInterval < minSamplingInterval || c.SamplingInterval > maxSamplingInterval) {
		errs = append(errs, fmt.Errorf("`sampling_interval` must be 0 or from %v to %v, found %v", minSamplingInterval, maxSamplingInterval, c.SamplingInterval))
	}
	if c.RootPath != "" && !filepath.IsAbs(c.RootPath) {
		errs = append(errs, fmt.Errorf("`root_path` must be empty or an absolute path, found %q", c.RootPath))
	}
	if c.MaxErrorTypes < 1 || c.MaxErrorTypes > mostErrorTypes {
		errs = append(errs, fmt.Errorf("`max_error_types` must be from 1 to %d, found %d", mostErrorTypes, c.MaxErrorTypes))
	}
	return errors.Join(errs...)
}
