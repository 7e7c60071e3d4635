package helper

import (
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// Settings say how a Process works. Only Timeout has to be set.
type Settings struct {
	// Path of inferwatchnvml. Empty means what Find finds.
	Path string
	// Hello is the helper's first message. Version 0 means nvmlwire.Version.
	Hello nvmlwire.Hello
	// Timeout is how long Collect waits for a snapshot; a helper that needs longer is hung. It has to be shorter than the time that
	// the caller has for the whole collection, or nothing is left to report the hang in.
	Timeout time.Duration
	// Env is the helper's environment. Nil means a few variables of the collector's own that NVML and the loader read; no others,
	// as they may hold secrets.
	Env []string
	// OnEvents is called with the events of NVML's event set, in order, by the goroutine that reads them. While it blocks no
	// snapshot is read either.
	OnEvents func([]nvmlwire.Event)
	// Logger receives the helper's standard error and the causes of its ends.
	Logger *zap.Logger
	// Now is the clock of ages and back-off; nil means time.Now. Timeouts are real time whatever it says.
	Now func() time.Time

	// threads lists the threads of a process, signal sends a signal: the kernel, but for tests.
	threads func(pid int) ([]thread, error)
	signal  func(*os.Process, os.Signal) error
	start   func(*child) error
}

func (s Settings) withDefaults() Settings {
	if s.Hello.Version == 0 {
		s.Hello.Version = nvmlwire.Version
	}
	if s.Env == nil {
		s.Env = environment(os.Environ())
	}
	if s.OnEvents == nil {
		s.OnEvents = func([]nvmlwire.Event) {}
	}
	if s.Logger == nil {
		s.Logger = zap.NewNop()
	}
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.threads == nil {
		s.threads = threadsOf
	}
	if s.signal == nil {
		s.signal = (*os.Process).Signal
	}
	if s.start == nil {
		s.start = func(c *child) error { return c.cmd.Start() }
	}
	return s
}
