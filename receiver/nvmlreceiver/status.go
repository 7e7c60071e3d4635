// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"fmt"
	"slices"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// statusReporter tells the collector's health, on each change, for each receiver that shares the core.
//
// A library that is not there is no fault: the same configuration runs on nodes without a GPU. It is in a log line, in the metric
// receiver_nvml_library, and, where there are logs, in an event.
type statusReporter struct {
	mu    sync.Mutex
	hosts []component.Host
	last  *componentstatus.Event
	state nvmlwire.LibraryState
}

func (r *statusReporter) add(host component.Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hosts = append(r.hosts, host)
	if r.last != nil {
		componentstatus.ReportStatus(host, r.last)
	}
}

func (r *statusReporter) remove(host component.Host) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.hosts, host); i >= 0 {
		r.hosts = slices.Delete(r.hosts, i, i+1)
	}
	if len(r.hosts) == 0 {
		r.last = nil
	}
}

func (r *statusReporter) report(s *nvmlwire.Snapshot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last != nil && r.state == s.State {
		return
	}
	r.state = s.State
	switch s.State {
	case nvmlwire.LibraryReady, nvmlwire.LibraryNotFound:
		r.last = componentstatus.NewEvent(componentstatus.StatusOK)
	default:
		r.last = componentstatus.NewRecoverableErrorEvent(fmt.Errorf("NVML is %v: %s", s.State, s.Detail))
	}
	for _, host := range r.hosts {
		componentstatus.ReportStatus(host, r.last)
	}
}
