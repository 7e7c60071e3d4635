package kernellog

import "time"

const (
	// liveAfter is how long a read must have waited for its record to count as written just now.
	liveAfter = 100 * time.Millisecond
	// driftPerMillion bounds how far the kernel's log clock is believed to run off the monotonic clock.
	driftPerMillion = 300
)

// maxDrift is how far the two clocks may be apart after so long a time.
func maxDrift(uptime time.Duration) time.Duration {
	return uptime/1_000_000*driftPerMillion + time.Second
}

// kmsgClock tells when a record of /dev/kmsg was written. Its time stamp counts from boot without suspend, as
// CLOCK_MONOTONIC does, so the distance of the two, taken off the wall clock now, is right over suspend and clock steps
// (btime of /proc/stat would not be). But the log's clock is not disciplined by NTP and drifts off over weeks: each record that
// a read had to wait for was written just then, and shows by how much.
type kmsgClock struct {
	now       func() time.Time
	monotonic func() (time.Duration, error)
	drift     time.Duration
}

// at is the wall-clock time of a record with the given stamp, whose read took as long as waited.
func (c *kmsgClock) at(stamp, waited time.Duration) time.Time {
	now := c.now()
	monotonic, err := c.monotonic()
	if err != nil {
		return now
	}
	age := monotonic - stamp
	if waited >= liveAfter && age.Abs() <= maxDrift(monotonic) {
		c.drift = age
	}
	return now.Add(-max(age-c.drift, 0))
}
