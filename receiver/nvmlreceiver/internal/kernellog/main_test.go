package kernellog

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// TestMain is the tests, and the stand-in for journalctl: fakeJournalctl writes a script that comes back here.
func TestMain(m *testing.M) {
	if file := os.Getenv("FAKE_JOURNAL"); file != "" {
		os.Exit(journalctl(file, os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

// journalctl follows a file of JSON entries as the real one follows a journal, with the options that journalArgs uses.
func journalctl(file string, args []string) int {
	cursor, since, pattern := "", int64(0), regexp.MustCompile("")
	matches := map[string]string{}
	for _, a := range args {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "--after-cursor":
			cursor = value
		case "--since":
			since, _ = strconv.ParseInt(strings.TrimPrefix(value, "@"), 10, 64)
		case "--grep":
			pattern = regexp.MustCompile(value)
		case "--follow", "--no-tail", "--output", "--no-pager", "--quiet", "--output-fields":
		case "_TRANSPORT", "SYSLOG_FACILITY":
			matches[name] = value
		default:
			fmt.Fprintf(os.Stderr, "journalctl: unrecognized option '%s'\n", a)
			return 1
		}
	}
	f, err := os.Open(file)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	lines := bufio.NewReader(f)
	partial := ""
	for {
		line, err := lines.ReadString('\n')
		partial += line
		if err != nil {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		line, partial = partial, ""
		var e map[string]string
		if json.Unmarshal([]byte(line), &e) != nil {
			fmt.Print(line) // garbage in, garbage out
			continue
		}
		at, _ := strconv.ParseInt(e["__REALTIME_TIMESTAMP"], 10, 64)
		if cursor != "" {
			if e["__CURSOR"] == cursor {
				cursor = ""
			}
			continue
		}
		if at < since*1e6 || !pattern.MatchString(e["MESSAGE"]) || e["_TRANSPORT"] != matches["_TRANSPORT"] ||
			e["SYSLOG_FACILITY"] != matches["SYSLOG_FACILITY"] {
			continue
		}
		fmt.Print(line)
	}
}

// script puts a journalctl into PATH: a shell script with this body.
func script(t *testing.T, body string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "journalctl"), []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// journal is a journal file that the fake journalctl follows.
type journal struct {
	t    *testing.T
	path string
	n    int
}

// fakeJournal makes an empty journal and puts a journalctl that follows it into PATH. before runs before it, in the shell.
func fakeJournal(t *testing.T, before string) *journal {
	t.Helper()
	j := &journal{t: t, path: filepath.Join(t.TempDir(), "journal")}
	require.NoError(t, os.WriteFile(j.path, nil, 0o600))
	self, err := os.Executable()
	require.NoError(t, err)
	script(t, before+"\nFAKE_JOURNAL='"+j.path+"' GOCOVERDIR= exec '"+self+"' \"$@\"")
	return j
}

// write appends an entry that journald got at the given time, and that the kernel wrote at mono after boot.
func (j *journal) write(boot string, at time.Time, mono time.Duration, facility int, text string) {
	j.t.Helper()
	j.n++
	micros := func(d int64) string { return strconv.FormatInt(d, 10) }
	raw, err := json.Marshal(map[string]string{
		"__CURSOR": fmt.Sprintf("s=x;i=%d", j.n), "__REALTIME_TIMESTAMP": micros(at.UnixMicro()),
		"__MONOTONIC_TIMESTAMP": micros(mono.Microseconds()), "_SOURCE_MONOTONIC_TIMESTAMP": micros(mono.Microseconds()),
		"_BOOT_ID": boot, "_TRANSPORT": "kernel", "SYSLOG_FACILITY": strconv.Itoa(facility), "MESSAGE": text,
	})
	require.NoError(j.t, err)
	j.raw(string(raw) + "\n")
}

func (j *journal) raw(text string) {
	j.t.Helper()
	f, err := os.OpenFile(j.path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(j.t, err)
	_, err = f.WriteString(text)
	require.NoError(j.t, errors.Join(err, f.Close()))
}

// ring stands in for the kernel: a ring of records with the semantics of /dev/kmsg.
type ring struct {
	mu      sync.Mutex
	cond    *sync.Cond
	records []string
	first   uint64 // sequence number of records[0]
	size    int
	fail    error // what the next Read returns, once
}

func newRing(size int) *ring {
	r := &ring{size: size}
	r.cond = sync.NewCond(&r.mu)
	return r
}

// write appends a record of the kernel's facility; the oldest is overwritten when the ring is full.
func (r *ring) write(mono time.Duration, text string) { r.writeAs(3, mono, text) }

func (r *ring) writeAs(priority int, mono time.Duration, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seq := r.first + uint64(len(r.records))
	r.records = append(r.records, fmt.Sprintf("%d,%d,%d,-;%s\n SUBSYSTEM=pci\n", priority, seq, mono.Microseconds(), strings.ReplaceAll(text, "\n", `\x0a`)))
	if len(r.records) > r.size {
		r.records = r.records[1:]
		r.first++
	}
	r.cond.Broadcast()
}

func (r *ring) failOnce(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fail = err
	r.cond.Broadcast()
}

func (r *ring) open() (Kmsg, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &ringReader{r: r, next: r.first}, nil
}

type ringReader struct {
	r      *ring
	next   uint64
	closed bool
}

func (k *ringReader) Read(p []byte) (int, error) {
	k.r.mu.Lock()
	defer k.r.mu.Unlock()
	for {
		if err := k.r.fail; err != nil {
			k.r.fail = nil
			return 0, &os.PathError{Op: "read", Path: "/dev/kmsg", Err: err}
		}
		switch {
		case k.closed:
			return 0, os.ErrClosed
		case k.next < k.r.first:
			k.next = k.r.first
			return 0, &os.PathError{Op: "read", Path: "/dev/kmsg", Err: syscall.EPIPE}
		case k.next < k.r.first+uint64(len(k.r.records)):
			record := k.r.records[k.next-k.r.first]
			k.next++
			if len(record) > len(p) {
				return 0, &os.PathError{Op: "read", Path: "/dev/kmsg", Err: syscall.EINVAL}
			}
			return copy(p, record), nil
		}
		k.r.cond.Wait()
	}
}

func (k *ringReader) Seek(_ int64, whence int) (int64, error) {
	k.r.mu.Lock()
	defer k.r.mu.Unlock()
	if whence == io.SeekEnd {
		k.next = k.r.first + uint64(len(k.r.records))
	}
	return 0, nil
}

func (k *ringReader) Close() error {
	k.r.mu.Lock()
	defer k.r.mu.Unlock()
	k.closed = true
	k.r.cond.Broadcast()
	return nil
}

// memory is a Store.
type memory struct {
	mu       sync.Mutex
	position []byte
	saves    int
	load     error
	save     error
}

func (m *memory) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.position, m.load
}

func (m *memory) Save(_ context.Context, p []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.save == nil {
		m.position = p
	}
	return m.save
}

// machine is the host of a test: its clock runs as the real one does, from a moment of our choice.
type machine struct {
	boot   string
	began  time.Time // real
	now    time.Time // of the machine, at began
	uptime time.Duration
}

func newMachine(boot string, now time.Time, uptime time.Duration) *machine {
	return &machine{boot: boot, began: time.Now(), now: now, uptime: uptime}
}

func (m *machine) clock() time.Time        { return m.now.Add(time.Since(m.began)) }
func (m *machine) mono() time.Duration     { return m.uptime + time.Since(m.began) }
func (m *machine) bootID() (string, error) { return m.boot, nil }

// config is that of a follower on m, quick enough for tests.
func (m *machine) config(source Source, store Store) Config {
	c := DefaultConfig()
	c.Source, c.Store = source, store
	c.Now, c.BootID = m.clock, m.bootID
	c.Monotonic = func() (time.Duration, error) { return m.mono(), nil }
	c.OpenKmsg = func() (Kmsg, error) { return nil, errors.New("there is no /dev/kmsg in this test") }
	c.JournalPresent = func(string) bool { return true }
	c.SaveInterval = 10 * time.Millisecond
	c.RetryMin, c.RetryMax = 5*time.Millisecond, 50*time.Millisecond
	c.KillGrace = 2 * time.Second
	return c
}

// running is a started follower with a context for the test's patience.
type running struct {
	*Follower
	t   *testing.T
	ctx context.Context
}

func start(t *testing.T, c Config) *running {
	t.Helper()
	f, err := New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	require.NoError(t, f.Start(ctx))
	return &running{f, t, ctx}
}

// next demands the next event, with this code, and commits it.
func (r *running) next(code uint64) Event {
	r.t.Helper()
	e, err := r.Next(r.ctx)
	require.NoError(r.t, err)
	require.Equal(r.t, code, e.Code)
	r.Commit()
	return e
}

// none demands that no event comes for a while.
func (r *running) none() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, 50*time.Millisecond)
	defer cancel()
	e, err := r.Next(ctx)
	require.ErrorIs(r.t, err, context.DeadlineExceeded, "%+v", e)
}

func (r *running) eventually(what func() bool) {
	r.t.Helper()
	require.Eventually(r.t, what, 20*time.Second, time.Millisecond)
}

func (r *running) shutdown() {
	r.t.Helper()
	require.NoError(r.t, r.Shutdown(r.ctx))
}

// line is what the driver writes for a code.
func line(code uint64) string {
	return fmt.Sprintf("NVRM: Xid (PCI:0000:3b:00): %d, pid=1234, name=python3, text", code)
}
