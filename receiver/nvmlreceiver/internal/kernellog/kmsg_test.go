package kernellog

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func kmsgConfig(m *machine, r *ring, store Store) Config {
	c := m.config(SourceKmsg, store)
	c.OpenKmsg = r.open
	return c
}

// TestKmsgFresh: without a position only what is written from the start on is reported, however full the ring is.
func TestKmsgFresh(t *testing.T) {
	m, r := newMachine(boot1, noon, time.Hour), newRing(100)
	r.write(time.Minute, line(48))
	f := start(t, kmsgConfig(m, r, nil))
	f.none()
	r.write(m.mono(), line(79))
	r.write(m.mono(), "usb 1-1: new high-speed USB device number 2")
	r.write(m.mono(), "NVRM: GPU4 RPC history (CPU -> GSP):")
	r.writeAs(12, m.mono(), line(13)) // user space can write this line, but not with the kernel's facility
	r.write(m.mono(), line(31))
	e := f.next(79)
	assert.WithinDuration(t, m.clock(), e.Time, 5*time.Second)
	assert.Equal(t, boot1, e.Boot)
	assert.Equal(t, uint64(1), e.Seq)
	assert.Equal(t, SourceKmsg, e.Source)
	assert.False(t, e.Replayed)
	f.next(31)
	f.none()
	f.shutdown()
	assert.Equal(t, Stats{Records: 5, Events: 2, Ignored: 1}, f.Stats())
}

// TestKmsgRestart: each line once over restarts of the process, with lines before, between and after.
func TestKmsgRestart(t *testing.T) {
	m, r, store := newMachine(boot1, noon, time.Hour), newRing(100), &memory{}
	r.write(time.Minute, line(1))
	f := start(t, kmsgConfig(m, r, store))
	f.none()
	r.write(m.mono(), line(2))
	f.next(2)
	r.write(m.mono(), "no event")
	f.shutdown()

	r.write(m.mono(), line(3)) // nobody reads
	f = start(t, kmsgConfig(m, r, store))
	e := f.next(3)
	assert.True(t, e.Replayed)
	r.write(m.mono(), line(4))
	assert.False(t, f.next(4).Replayed)
	f.none()
	f.shutdown()
	assert.Zero(t, f.Stats().Lost)
}

// TestKmsgRestartWithoutRecord: a run that saw no record at all still knows when it began.
func TestKmsgRestartWithoutRecord(t *testing.T) {
	m, r, store := newMachine(boot1, noon, time.Hour), newRing(100), &memory{}
	r.write(time.Minute, line(1))
	f := start(t, kmsgConfig(m, r, store))
	f.none()
	f.shutdown()
	r.write(m.mono(), line(2))
	f = start(t, kmsgConfig(m, r, store))
	f.next(2)
	f.none()
	f.shutdown()
}

// TestKmsgReboot: after a reboot everything in the ring is new, though its numbers are low.
func TestKmsgReboot(t *testing.T) {
	m, r, store := newMachine(boot1, noon, time.Hour), newRing(100), &memory{}
	f := start(t, kmsgConfig(m, r, store))
	for i := range 10 {
		r.write(m.mono(), line(uint64(i)))
		f.next(uint64(i))
	}
	f.shutdown()
	m, r = newMachine(boot2, noon.Add(time.Minute), 30*time.Second), newRing(100)
	r.write(time.Second, line(79))
	f = start(t, kmsgConfig(m, r, store))
	e := f.next(79)
	assert.Equal(t, boot2, e.Boot)
	assert.WithinDuration(t, noon.Add(31*time.Second), e.Time, time.Second)
	assert.True(t, e.Replayed)
	f.shutdown()
}

// TestKmsgLost: what was overwritten is counted exactly, and reading goes on.
func TestKmsgLost(t *testing.T) {
	m, r := newMachine(boot1, noon, time.Hour), newRing(10)
	c := kmsgConfig(m, r, nil)
	c.QueueSize = 1
	f := start(t, c)
	r.write(m.mono(), line(1000))
	f.next(1000)
	for i := range 100 {
		r.write(m.mono(), line(uint64(i)))
	}
	f.eventually(func() bool { return f.Stats().Blocked > 0 })
	seen := uint64(0)
	for last := uint64(0); last != 99; seen++ {
		e, err := f.Next(f.ctx)
		require.NoError(t, err)
		f.Commit()
		last = e.Code
	}
	f.shutdown()
	assert.Equal(t, 100-seen, f.Stats().Lost)
	assert.Positive(t, f.Stats().Lost)
}

// TestKmsgBadReads: records that cannot be read are passed over and counted.
func TestKmsgBadReads(t *testing.T) {
	m, r := newMachine(boot1, noon, time.Hour), newRing(100)
	f := start(t, kmsgConfig(m, r, nil))
	f.none()
	r.write(m.mono(), strings.Repeat("x", 2*kmsgRecord))
	r.write(m.mono(), line(1))
	f.next(1)
	r.mu.Lock()
	r.records = append(r.records, "nonsense")
	r.mu.Unlock()
	r.write(m.mono(), line(2))
	f.next(2)
	f.shutdown()
	s := f.Stats()
	assert.Equal(t, []uint64{1, 1, 0, 2}, []uint64{s.Oversize, s.Malformed, s.Restarts, s.Events})
}

// TestKmsgBroken: an interrupted read goes on; a device that fails is opened again, and its ring yields nothing twice.
func TestKmsgBroken(t *testing.T) {
	m, r := newMachine(boot1, noon, time.Hour), newRing(100)
	f := start(t, kmsgConfig(m, r, nil))
	r.write(m.mono(), line(1))
	f.next(1)
	r.failOnce(syscall.EINTR)
	r.write(m.mono(), line(2))
	f.next(2)
	r.failOnce(syscall.EIO)
	f.eventually(func() bool { return f.Stats().Restarts == 1 })
	r.write(m.mono(), line(3))
	f.next(3)
	f.none()
	f.shutdown()
	assert.Equal(t, uint64(3), f.Stats().Events)
	assert.Zero(t, f.Stats().Lost)
}

// TestKmsgFailsBeforeAnything: lines that come between the start and the second opening are not lost, nor are old ones reported.
func TestKmsgFailsBeforeAnything(t *testing.T) {
	m, r := newMachine(boot1, noon, time.Hour), newRing(100)
	r.write(time.Minute, line(1))
	c := kmsgConfig(m, r, nil)
	tries := 0
	c.OpenKmsg = func() (Kmsg, error) {
		if tries++; tries == 1 {
			r.write(m.mono(), line(2))
			return nil, os.ErrPermission
		}
		return r.open()
	}
	f := start(t, c)
	f.next(2)
	f.none()
	f.shutdown()
	assert.Equal(t, uint64(1), f.Stats().Restarts)
}

// TestKmsgNoBootID: without a boot id there is no position, and the start says so.
func TestKmsgNoBootID(t *testing.T) {
	c := newMachine(boot1, noon, time.Hour).config(SourceKmsg, nil)
	c.BootID = func() (string, error) { return "", errors.New("no /proc") }
	f, err := New(c)
	require.NoError(t, err)
	require.ErrorContains(t, f.Start(t.Context()), "boot id: no /proc")
	require.NoError(t, f.Shutdown(t.Context()))
}

// TestKmsgFile: with a real file of the poller, a named pipe, a waiting read ends by Close.
func TestKmsgFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kmsg")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	m := newMachine(boot1, noon, time.Hour)
	saved, err := Position{Boot: boot2, Realtime: noon, Seq: 9, HasSeq: true}.marshal()
	require.NoError(t, err)
	c := m.config(SourceKmsg, &memory{position: saved})
	c.OpenKmsg = func() (Kmsg, error) { return os.OpenFile(path, os.O_RDWR, 0) }
	f := start(t, c)
	writer, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = io.WriteString(writer, "3,7,1000000,-;"+line(79)+"\n")
	require.NoError(t, err)
	f.next(79)
	began := time.Now()
	f.shutdown()
	assert.Less(t, time.Since(began), 5*time.Second)
	require.NoError(t, writer.Close())
}

// TestHost: what DefaultConfig takes from this machine works.
func TestHost(t *testing.T) {
	boot, err := hostBootID()
	require.NoError(t, err)
	assert.Len(t, boot, bootIDLength)
	first, err := hostMonotonic()
	require.NoError(t, err)
	second, err := hostMonotonic()
	require.NoError(t, err)
	assert.Positive(t, first)
	assert.GreaterOrEqual(t, second, first)
	dir := t.TempDir()
	assert.False(t, journalPresent(dir))
	require.NoError(t, os.Mkdir(filepath.Join(dir, boot), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, boot, "system.journal"), nil, 0o600))
	assert.True(t, journalPresent(dir))
	// Whether there is a /dev/kmsg and whether we may read it is the machine's; either way it is a clear answer.
	device, err := openHostKmsg()
	if err != nil {
		require.ErrorContains(t, err, "/dev/kmsg")
		return
	}
	require.NoError(t, device.Close())
}
