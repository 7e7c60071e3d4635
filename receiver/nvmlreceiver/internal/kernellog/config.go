package kernellog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
)

// Source is where the kernel log is read.
type Source string

// The sources. SourceAuto takes journald where it keeps a journal and journalctl can be run, /dev/kmsg else, and the other one
// where the first keeps failing.
const (
	SourceAuto     Source = "auto"
	SourceJournald Source = "journald"
	SourceKmsg     Source = "kmsg"
)

// Config is what a Follower needs. DefaultConfig fills in everything; the functions are fields so that tests can stand in for
// the machine.
type Config struct {
	Source Source
	// JournalDirectory is journalctl's --directory: a host's journal mounted into a container. Empty: the machine's own.
	JournalDirectory string
	// Store keeps the position. Nil: nothing is kept, and each start begins with the lines that are written from then on.
	// Older ones cannot be told from those that an earlier run has reported, and an old error must not look like a new one.
	Store  Store
	Logger *zap.Logger

	// QueueSize is how many events wait for Next. When it is full reading stops, so that nothing is dropped: the journal
	// keeps the rest. /dev/kmsg overwrites the oldest when its ring is full; those lines are counted as lost.
	QueueSize int
	// MaxLine is the longest line of journalctl that is read, in bytes; longer ones are passed over and counted.
	MaxLine int
	// SaveInterval is the least time between two saves of the position; the last one is made at the shutdown.
	SaveInterval time.Duration
	// RetryMin and RetryMax bound the wait before a failed source is tried again. It doubles, and starts over after RetryMax
	// of successful reading.
	RetryMin, RetryMax time.Duration
	// KillGrace is how long journalctl may take to end after SIGTERM, and again after SIGKILL.
	KillGrace time.Duration
	// DrainTimeout is how long Shutdown waits for queued events to be taken and committed.
	DrainTimeout time.Duration

	Now func() time.Time
	// Monotonic is the time since boot without suspend, as the kernel's log counts it.
	Monotonic func() (time.Duration, error)
	// BootID is the id of this boot, 32 hexadecimal digits.
	BootID func() (string, error)
	// OpenKmsg opens /dev/kmsg.
	OpenKmsg func() (Kmsg, error)
	// JournalPresent says whether there is a journal to follow in the given JournalDirectory.
	JournalPresent func(directory string) bool
	// StartJournal starts journalctl with these arguments. The context is the follower's; the follower itself ends the process.
	StartJournal func(ctx context.Context, args []string) (Process, error)
}

// bootIDLength is that of a boot id without dashes.
const bootIDLength = 32

// DefaultConfig is the configuration for this machine, without storage.
func DefaultConfig() Config {
	const killGrace = 2 * time.Second
	return Config{
		Source:         SourceAuto,
		Logger:         zap.NewNop(),
		QueueSize:      256,
		MaxLine:        64 << 10,
		SaveInterval:   5 * time.Second,
		RetryMin:       time.Second,
		RetryMax:       time.Minute,
		KillGrace:      killGrace,
		DrainTimeout:   time.Second,
		Now:            time.Now,
		Monotonic:      hostMonotonic,
		BootID:         hostBootID,
		OpenKmsg:       openHostKmsg,
		JournalPresent: journalPresent,
		StartJournal:   startJournalctl(killGrace),
	}
}

func (c Config) validate() error {
	var faults []error
	fault := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	known := []Source{SourceAuto, SourceJournald, SourceKmsg}
	fault(!slices.Contains(known, c.Source), "`source` must be one of %v, found %q", known, c.Source)
	fault(c.QueueSize < 1, "`queue size` must be at least 1, found %d", c.QueueSize)
	fault(c.MaxLine < 1024, "`max line` must be at least 1024, found %d", c.MaxLine)
	fault(c.RetryMin <= 0 || c.RetryMax < c.RetryMin, "`retry` must rise from above 0, found %v to %v", c.RetryMin, c.RetryMax)
	fault(c.KillGrace <= 0, "`kill grace` must be above 0, found %v", c.KillGrace)
	fault(c.SaveInterval < 0 || c.DrainTimeout < 0, "intervals must not be negative, found %v and %v", c.SaveInterval, c.DrainTimeout)
	fault(c.Logger == nil || c.Now == nil || c.Monotonic == nil || c.BootID == nil || c.OpenKmsg == nil ||
		c.JournalPresent == nil || c.StartJournal == nil, "the functions of `Config` must be set; begin with DefaultConfig")
	return errors.Join(faults...)
}
