package helper

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"go.uber.org/zap"
)

const (
	lineLimit      = 512              // bytes of a line that are kept
	tailLimit      = 2 << 10          // bytes of lines that are kept for the cause of an end
	lineWindow     = 10 * time.Second // in which at most linesPerWindow lines are logged
	linesPerWindow = 20
)

// lines takes what a helper writes to standard error: to the log, with a bound on the length of a line and on lines in a time, and
// kept for the cause of the helper's end, in which the first lines of a crash count for more than the last of its long trace.
type lines struct {
	log *zap.Logger
	now func() time.Time

	mu      sync.Mutex
	kept    []string
	size    int  // bytes in kept
	crash   bool // kept begins with a crash
	window  time.Time
	logged  int // lines logged in this window
	dropped int // lines not logged in this window
}

// read takes lines until r ends or fails.
func (l *lines) read(r io.Reader) {
	defer l.flush()
	b := bufio.NewReaderSize(r, lineLimit)
	cut := false // the last piece was not the end of its line
	for {
		piece, err := b.ReadSlice('\n')
		if !cut && len(piece) > 0 {
			l.take(printable(string(piece)))
		}
		cut = errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !cut {
			return
		}
	}
}

// printable replaces what could forge other lines of a log or move a terminal's cursor.
func printable(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s))
}

func (l *lines) take(line string) {
	if line == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keep(line)
	now := l.now()
	if l.window.IsZero() || now.Sub(l.window) >= lineWindow {
		l.sayDropped()
		l.window, l.logged = now, 0
	}
	if l.logged == linesPerWindow {
		l.dropped++
		return
	}
	l.logged++
	l.log.Info(Name + ": " + line)
}

func (l *lines) keep(line string) {
	full := l.size >= tailLimit
	if beginsCrash(line) && (!l.crash || full) {
		l.kept, l.size, l.crash = nil, 0, true
	} else if l.crash && full {
		return
	}
	l.kept = append(l.kept, line)
	l.size += len(line) + 1
	for !l.crash && l.size > tailLimit {
		l.size -= len(l.kept[0]) + 1
		l.kept = l.kept[1:]
	}
}

// beginsCrash knows the first lines of the ways in which a Go program with C libraries dies.
func beginsCrash(line string) bool {
	for _, start := range []string{"panic:", "fatal error:", "SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "unexpected fault address", "*** "} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return strings.Contains(line, "symbol lookup error") || strings.Contains(line, "error while loading shared libraries")
}

func (l *lines) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sayDropped()
}

func (l *lines) sayDropped() {
	if l.dropped > 0 {
		l.log.Warn(Name+" wrote more to standard error than is logged", zap.Int("lines", l.dropped))
		l.dropped = 0
	}
}

// cause is what was kept, at most about tailLimit bytes; empty where the helper wrote nothing.
func (l *lines) cause() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.kept, "\n")
}
