// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"net"
	"net/url"
	"time"
)

// State is how a GPU is: OpenTelemetry's hw.state, or more exactly where inferwatch's own metrics allow it.
type State string

// The states. Lost, Hung and the rest after them are inferwatch.gpu.condition.
const (
	StateNone     State = ""
	StateOK       State = "ok"
	StateDegraded State = "degraded"
	StateFailed   State = "failed"
	StateStale    State = "stale"
	StateLost     State = "lost"
	StateHung     State = "hung"
)

// Host is what one page says.
type Host struct {
	Name      string
	Drivers   []string
	CUDA      []string
	Simulated bool
	GPUs      []*Device // by index, then by UUID
	// At is the time of the newest reading; zero where the page does not tell.
	At time.Time
	// Library is the state of the NVML library; empty where no nvml receiver runs or NoTelemetry says why it is not known.
	Library     string
	Conditions  map[State]int // GPUs that are not ok, by inferwatch.gpu.condition
	NoTelemetry string
}

// Device is a GPU or a MIG slice. Readings that the page does not have are NaN.
type Device struct {
	ID, Parent, Name, Profile string
	Index                     int // -1 where unknown, and for slices
	State                     State
	At                        time.Time

	Utilization, Encoder, Decoder, MemoryBusy float64 // 0 to 1
	MemoryUsed, MemorySize, MemoryShare       float64 // bytes, bytes, 0 to 1
	Power, PowerLimit                         float64 // W
	Temperature, MemoryTemperature            float64 // degrees Celsius
	Clock                                     float64 // Hz, of the SMs
	Fan                                       float64 // 0 to 1, the fastest

	Counters map[counter]float64
	Throttle []string // reasons that hold now, sorted
	// RemapPending, RemapFailed and RetirementPending tell of memory that waits for a reset, or for a new board.
	RemapPending, RemapFailed, RetirementPending bool

	Slices    []*Device
	Processes []Process // by memory, then by SM share, most first

	// What only a Tracker knows: nil and empty after the first page.
	Rates   map[counter]float64 // a second
	History []Point             // of Utilization, a minute
	Recent  map[string]time.Time
}

// counter is a series that only grows: a metric in its canonical name, and what tells its series apart.
type counter struct{ metric, sub string }

const (
	metricEnergy   = "hw_energy"
	metricErrors   = "hw_errors"
	metricThrottle = "hw_gpu_throttle_time"
	metricPCIe     = "hw_gpu_io"
	metricNVLink   = "hw_gpu_interconnect_io"
)

// Process is a process that holds a device, or a container where the page does not tell its processes.
type Process struct {
	PID, Executable string
	Container       string // namespace/pod/container, or the container's id
	Memory          float64
	SM              float64 // share of the GPU's time
}

// Point is a reading of utilisation.
type Point struct {
	At    time.Time
	Value float64
}

// hostname names the machine that serves the page.
func (s Source) hostname() string {
	u, err := url.Parse(s.Page)
	if err != nil {
		return ""
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return cmp.Or(s.Hostname, host)
	}
	return host
}
