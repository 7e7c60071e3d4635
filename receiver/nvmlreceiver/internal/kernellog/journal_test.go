package kernellog

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestJournalArgs: the exact command line, as narrow as that journalctl allows.
func TestJournalArgs(t *testing.T) {
	p := Position{Boot: boot1, Realtime: noon}
	started, after := p, p
	started.Started = true
	after.Cursor = "s=1;i=2"
	for want, got := range map[string][]string{
		"--follow --no-tail --output=json --no-pager --quiet " +
			"--output-fields=MESSAGE,_BOOT_ID,_SOURCE_MONOTONIC_TIMESTAMP,SYSLOG_FACILITY --grep=NVRM:|SXid " +
			"--since=@1772366400 _TRANSPORT=kernel SYSLOG_FACILITY=0": journalArgs(narrowPattern, started, ""),
		"--follow --no-tail --output=json --no-pager --quiet " +
			"--output-fields=MESSAGE,_BOOT_ID,_SOURCE_MONOTONIC_TIMESTAMP,SYSLOG_FACILITY " +
			"--after-cursor=s=1;i=2 _TRANSPORT=kernel SYSLOG_FACILITY=0": journalArgs(narrowFields, after, ""),
		"--follow --no-tail --output=json --no-pager --quiet --directory=/host/journal " +
			"--since=@1772365800 _TRANSPORT=kernel SYSLOG_FACILITY=0": journalArgs(narrowSource, p, "/host/journal"),
	} {
		assert.Equal(t, want, strings.Join(got, " "))
	}
}

// TestJournalFresh: without a position only what is written from the start on is reported.
func TestJournalFresh(t *testing.T) {
	m, j := newMachine(boot1, noon, time.Hour), fakeJournal(t, "")
	j.write(boot1, noon.Add(-time.Minute), 59*time.Minute, 0, line(48))
	f := start(t, m.config(SourceJournald, nil))
	f.none()
	at := m.clock()
	j.write(boot1, at, m.mono(), 0, line(79))
	j.write(boot1, at, m.mono(), 1, line(13)) // by user space
	j.write(boot1, at, m.mono(), 0, "no event")
	e := f.next(79)
	assert.WithinDuration(t, at, e.Time, time.Millisecond)
	assert.Equal(t, SourceJournald, e.Source)
	assert.Equal(t, boot1, e.Boot)
	assert.False(t, e.Replayed)
	f.none()
	f.shutdown()
	assert.Equal(t, Stats{Records: 1, Events: 1}, f.Stats())
}

// TestJournalRestart: each line once over restarts of the process, and over a reboot: the last lines of the boot before are not lost.
func TestJournalRestart(t *testing.T) {
	m, j, store := newMachine(boot1, noon, time.Hour), fakeJournal(t, ""), &memory{}
	f := start(t, m.config(SourceJournald, store))
	j.write(boot1, m.clock(), m.mono(), 0, line(1))
	j.write(boot1, m.clock(), m.mono(), 0, line(2))
	f.next(1)
	f.next(2)
	f.shutdown()
	j.write(boot1, m.clock(), m.mono(), 0, line(79))
	m = newMachine(boot2, noon.Add(time.Hour), time.Minute)
	j.write(boot2, m.clock(), m.mono(), 0, line(3))
	f = start(t, m.config(SourceJournald, store))
	e := f.next(79)
	assert.Equal(t, boot1, e.Boot)
	assert.True(t, e.Replayed)
	assert.Equal(t, boot2, f.next(3).Boot)
	f.none()
	f.shutdown()
}

// TestJournalEnds: when journalctl ends it is started again and goes on after the last line.
func TestJournalEnds(t *testing.T) {
	m, pids := newMachine(boot1, noon, time.Hour), filepath.Join(t.TempDir(), "pid")
	j := fakeJournal(t, "echo $$ >> '"+pids+"'")
	f := start(t, m.config(SourceJournald, nil))
	for i := range uint64(4) {
		j.write(boot1, m.clock(), m.mono(), 0, line(i))
		f.next(i)
		kill(t, pids)
		f.eventually(func() bool { return f.Stats().Restarts > i })
	}
	f.none()
	f.shutdown()
}

// TestJournalNarrowing: a journalctl without pattern matching, and one that is older yet, is run without what it lacks.
func TestJournalNarrowing(t *testing.T) {
	for name, before := range map[string]string{
		"no pattern matching": `case "$*" in *--grep*) echo "Compiled without pattern matching support" >&2; exit 1;; esac`,
		"no output-fields":    `case "$*" in *--output-fields*|*--grep*) echo "journalctl: unrecognized option '--output-fields'" >&2; exit 1;; esac`,
	} {
		t.Run(name, func(t *testing.T) {
			m, j := newMachine(boot1, noon, time.Hour), fakeJournal(t, before)
			f := start(t, m.config(SourceJournald, nil))
			j.write(boot1, m.clock(), m.mono(), 0, "no event")
			j.write(boot1, m.clock(), m.mono(), 0, line(79))
			f.next(79)
			f.shutdown()
			assert.Equal(t, Stats{Records: 2, Events: 1}, f.Stats(), "the missing option is no failure")
		})
	}
}

// TestJournalBadLines: what is too long or nonsense is passed over and counted.
func TestJournalBadLines(t *testing.T) {
	m, j := newMachine(boot1, noon, time.Hour), fakeJournal(t, "")
	f := start(t, m.config(SourceJournald, nil))
	j.raw("nonsense\n\n")
	j.raw(`{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","_BOOT_ID":"` + boot1 + `","MESSAGE":null,"x":1}` + "\n")
	j.raw(strings.Repeat("x", 200<<10) + "\n")
	j.write(boot1, m.clock(), m.mono(), 0, line(79))
	f.next(79)
	f.shutdown()
	s := f.Stats()
	assert.Equal(t, []uint64{1, 2, 0}, []uint64{s.Malformed, s.Oversize, s.Restarts})
}

// TestJournalStubborn: a journalctl that ignores SIGTERM is killed, even where a child of it holds the pipes open.
func TestJournalStubborn(t *testing.T) {
	script(t, `trap '' TERM; sleep 60 & echo $! > "$CHILD"; wait; sleep 60`)
	child := filepath.Join(t.TempDir(), "child")
	t.Setenv("CHILD", child)
	m := newMachine(boot1, noon, time.Hour)
	c := m.config(SourceJournald, nil)
	c.KillGrace = 200 * time.Millisecond
	c.StartJournal = startJournalctl(c.KillGrace)
	f := start(t, c)
	f.eventually(func() bool { raw, err := os.ReadFile(child); return err == nil && strings.HasSuffix(string(raw), "\n") })
	began := time.Now()
	f.shutdown()
	assert.Less(t, time.Since(began), 10*time.Second)
	assert.Zero(t, f.Stats().Stuck)
	kill(t, child)
}

// undead is a process that nothing ends.
type undead struct {
	*io.PipeReader
	ends chan struct{}
}

func (u undead) Output() io.ReadCloser { return u }
func (u undead) Diagnostics() string   { return "" }
func (u undead) Terminate() error      { return os.ErrPermission }
func (u undead) Kill() error           { return nil }
func (u undead) Wait() error           { <-u.ends; return nil }

// TestJournalUndead: a process that cannot be ended (it hangs in the kernel) holds up nothing, and is counted.
func TestJournalUndead(t *testing.T) {
	m := newMachine(boot1, noon, time.Hour)
	c := m.config(SourceJournald, nil)
	c.KillGrace = 20 * time.Millisecond
	reader, _ := io.Pipe()
	u := undead{reader, make(chan struct{})}
	c.StartJournal = func(context.Context, []string) (Process, error) { return u, nil }
	f := start(t, c)
	f.shutdown()
	assert.Equal(t, uint64(1), f.Stats().Stuck)
	close(u.ends)
}

// TestAutoSwitches: a journald that keeps failing is given up for /dev/kmsg, and nothing is reported twice by that.
func TestAutoSwitches(t *testing.T) {
	dir := t.TempDir()
	gone, pid := filepath.Join(dir, "gone"), filepath.Join(dir, "pid")
	m, r := newMachine(boot1, noon, time.Hour), newRing(100)
	j := fakeJournal(t, "[ -e '"+gone+"' ] && exit 1; echo $$ > '"+pid+"'")
	c := m.config(SourceAuto, nil)
	c.OpenKmsg = r.open
	f := start(t, c)
	mono := m.mono()
	r.write(mono, line(1))
	j.write(boot1, m.clock(), mono, 0, line(1))
	assert.Equal(t, SourceJournald, f.next(1).Source)
	require.NoError(t, os.WriteFile(gone, nil, 0o600))
	kill(t, pid)
	r.write(m.mono(), line(2))
	assert.Equal(t, SourceKmsg, f.next(2).Source)
	f.none()
	f.shutdown()
	assert.GreaterOrEqual(t, f.Stats().Restarts, uint64(switchAfter))
}

// kill ends the process whose id is the last line of a file.
func kill(t *testing.T, file string) {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	fields := strings.Fields(string(raw))
	var pid int
	_, err = fmt.Sscan(fields[len(fields)-1], &pid)
	require.NoError(t, err)
	process, err := os.FindProcess(pid)
	require.NoError(t, err)
	require.NoError(t, process.Kill())
}

// TestSources: which source is tried first.
func TestSources(t *testing.T) {
	for _, tc := range []struct {
		source  Source
		present bool
		want    []Source
	}{
		{SourceAuto, true, []Source{SourceJournald, SourceKmsg}},
		{SourceAuto, false, []Source{SourceKmsg}},
		{SourceKmsg, true, []Source{SourceKmsg}},
		{SourceJournald, false, []Source{SourceJournald}},
	} {
		c := newMachine(boot1, noon, time.Hour).config(tc.source, nil)
		c.JournalPresent = func(string) bool { return tc.present }
		f, err := New(c)
		require.NoError(t, err)
		assert.Equal(t, tc.want, f.sources())
	}
}

// TestBothSources: one truth, in the ring and in the journal; the process restarts again and again with either source, and each line
// is reported once, in order.
func TestBothSources(t *testing.T) {
	m, r, j, store := newMachine(boot1, noon, time.Hour), newRing(1000), fakeJournal(t, ""), &memory{}
	code := uint64(0)
	write := func() {
		code++
		mono := m.mono()
		r.write(mono, line(code))
		j.write(boot1, m.clock(), mono, 0, line(code))
	}
	write() // before the first start: not reported
	expect := code + 1
	sources := []Source{SourceKmsg, SourceJournald, SourceJournald, SourceKmsg, SourceKmsg, SourceJournald, SourceKmsg}
	for i, source := range sources {
		c := kmsgConfig(m, r, store)
		c.Source = source
		if i > 0 {
			write() // nobody reads
			write()
		}
		f := start(t, c)
		write()
		for ; expect <= code; expect++ {
			require.Equal(t, source, f.next(expect).Source)
		}
		f.none()
		f.shutdown()
		require.Zero(t, f.Stats().Lost)
	}
}
