package kernellog

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseKmsg(t *testing.T) {
	r, err := parseKmsg([]byte("3,4711,98765432,-,caller=T12;NVRM: a\\x0aNVRM: b \\x5cx0a\n SUBSYSTEM=pci\n DEVICE=+pci:0000:3b:00.0\n"))
	require.NoError(t, err)
	assert.Equal(t, "NVRM: a\nNVRM: b \\x0a", r.text)
	assert.Equal(t, Position{Seq: 4711, HasSeq: true, Monotonic: 98765432 * time.Microsecond}, r.Position)
	assert.Zero(t, r.facility)

	r, err = parseKmsg([]byte("12,1,2,-;by user space"))
	require.NoError(t, err)
	assert.Equal(t, uint64(1), r.facility)

	for _, bad := range []string{"", ";", "3,1;x", "a,1,2,-;x", "3,b,2,-;x", "3,1,c,-;x", "3,-1,2,-;x", "3,1,2,- x", "3,99999999999999999999,2,-;x"} {
		_, err := parseKmsg([]byte(bad))
		assert.ErrorIs(t, err, errRecord, bad)
	}
}

func FuzzParseKmsg(f *testing.F) {
	f.Add([]byte("3,4711,98765432,-,caller=T12;NVRM: a\\x0aNVRM: b\n SUBSYSTEM=pci\n"))
	f.Add([]byte("3,4711,9223372036854775807,-;\\x"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseKmsg(raw)
		if err == nil {
			require.GreaterOrEqual(t, r.Monotonic, time.Duration(0))
			require.LessOrEqual(t, len(r.text), len(raw))
		}
	})
}

const boot1, boot2 = "11111111111111111111111111111111", "22222222222222222222222222222222"

func TestParseJournal(t *testing.T) {
	line := `{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1767225600000000","__MONOTONIC_TIMESTAMP":"400000000",` +
		`"_BOOT_ID":"` + boot1 + `","_SOURCE_MONOTONIC_TIMESTAMP":"399999000","SYSLOG_FACILITY":"0","MESSAGE":"NVRM: a\nNVRM: b"}`
	r, err := parseJournal([]byte(line))
	require.NoError(t, err)
	when := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	assert.Equal(t, Position{Boot: boot1, Cursor: "s=1;i=2", Monotonic: 399999 * time.Millisecond, Realtime: when}, r.Position)
	assert.Equal(t, "NVRM: a\nNVRM: b", r.text)
	assert.Equal(t, when, r.time)
}

// TestJournalAtBoot: what journald picks up late, when it begins to run, gets the time at which the kernel wrote it.
func TestJournalAtBoot(t *testing.T) {
	r, err := parseJournal([]byte(`{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1767225600000000","__MONOTONIC_TIMESTAMP":"9000000",` +
		`"_BOOT_ID":"` + boot1 + `","_SOURCE_MONOTONIC_TIMESTAMP":"2000000","MESSAGE":"x"}`))
	require.NoError(t, err)
	assert.Equal(t, time.Date(2025, 12, 31, 23, 59, 53, 0, time.UTC), r.time)
}

func TestJournalMessages(t *testing.T) {
	const head = `{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","_BOOT_ID":"` + boot1 + `"`
	r, err := parseJournal([]byte(head + `,"MESSAGE":[78,86,82,77,58,255,10]}`))
	require.NoError(t, err, "bytes, because they are not printable")
	assert.Equal(t, "NVRM:\xff\n", r.text)
	for _, long := range []string{head + `,"MESSAGE":null}`, head + `}`} {
		_, err = parseJournal([]byte(long))
		require.ErrorIs(t, err, errOversize)
	}
	for _, bad := range []string{
		"", "{}", "[]", "nonsense", head + `,"MESSAGE":[1,2,300]}`, head + `,"MESSAGE":["a","b"]}`, head + `,"MESSAGE":7}`,
		head + `,"MESSAGE":"x","__MONOTONIC_TIMESTAMP":"-1"}`, `{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","_BOOT_ID":"short","MESSAGE":"x"}`,
	} {
		_, err = parseJournal([]byte(bad))
		require.Error(t, err, bad)
		assert.False(t, errors.Is(err, errOversize), bad)
	}
}

func FuzzParseJournal(f *testing.F) {
	f.Add([]byte(`{"__CURSOR":"c","__REALTIME_TIMESTAMP":"1","_BOOT_ID":"` + boot1 + `","MESSAGE":[78,86,82]}`))
	f.Add([]byte(`{"__CURSOR":"c","__REALTIME_TIMESTAMP":"9223372036854775807","_BOOT_ID":"` + boot1 + `","MESSAGE":null}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseJournal(raw)
		if err == nil {
			require.NotEmpty(t, r.Cursor)
			require.Len(t, r.Boot, bootIDLength)
		}
	})
}

// TestCovers: which records are old for a position.
func TestCovers(t *testing.T) {
	when := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	kmsg := func(boot string, seq uint64, mono time.Duration) record {
		return record{Position: Position{Boot: boot, Seq: seq, HasSeq: true, Monotonic: mono}, time: when}
	}
	journal := func(boot string, mono time.Duration, at time.Time) record {
		return record{Position: Position{Boot: boot, Cursor: "c", Monotonic: mono}, time: at}
	}
	after := Position{Boot: boot1, Seq: 7, HasSeq: true, Monotonic: time.Minute, Realtime: when}
	for name, tc := range map[string]struct {
		p    Position
		r    record
		want bool
	}{
		"same record":            {after, kmsg(boot1, 7, time.Minute), true},
		"next record":            {after, kmsg(boot1, 8, time.Minute), false},
		"another boot, low":      {after, kmsg(boot2, 1, time.Second), false},
		"journal, same record":   {after, journal(boot1, time.Minute, when), true},
		"journal, next":          {after, journal(boot1, time.Minute+time.Microsecond, when), false},
		"journal, boot before":   {after, journal(boot2, time.Hour, when.Add(-time.Hour)), true},
		"journal, boot after":    {after, journal(boot2, time.Second, when.Add(time.Hour)), false},
		"kmsg after journal":     {Position{Boot: boot1, Cursor: "c", Monotonic: time.Minute, Realtime: when}, kmsg(boot1, 3, time.Minute), true},
		"kmsg after journal, +1": {Position{Boot: boot1, Cursor: "c", Monotonic: time.Minute, Realtime: when}, kmsg(boot1, 4, time.Hour), false},
		"only a start, old":      {Position{Boot: boot1, Realtime: when, Started: true}, kmsg(boot1, 3, time.Minute), true},
		"only a start, new":      {Position{Boot: boot1, Realtime: when.Add(-1), Started: true}, kmsg(boot1, 3, time.Minute), false},
		"no stamp: by the clock": {Position{Boot: boot1, Cursor: "c", Realtime: when}, kmsg(boot1, 3, time.Minute), true},
	} {
		assert.Equal(t, tc.want, tc.p.covers(tc.r), name)
	}
}

func TestParsePosition(t *testing.T) {
	p := Position{Boot: boot1, Seq: 7, HasSeq: true, Monotonic: time.Minute, Realtime: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	raw, err := p.marshal()
	require.NoError(t, err)
	got, err := parsePosition(raw)
	require.NoError(t, err)
	require.Equal(t, p, got)
	for _, bad := range []string{"", "x", "{}", `{"boot":"short","realtime":"2026-03-01T00:00:00Z"}`, `{"boot":"` + boot1 + `"}`} {
		_, err := parsePosition([]byte(bad))
		require.ErrorContains(t, err, "saved position", bad)
	}
}

// TestKmsgTime: the wall clock of a record, over an old ring, a drifting log clock and a broken clock.
func TestKmsgTime(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	uptime := 30 * 24 * time.Hour
	c := kmsgClock{now: func() time.Time { return now }, monotonic: func() (time.Duration, error) { return uptime, nil }}
	assert.Equal(t, now.Add(-time.Hour), c.at(uptime-time.Hour, 0), "from the ring")
	// A read that waited returned a record with a stamp 90 s behind: that is drift, not age.
	assert.Equal(t, now, c.at(uptime-90*time.Second, time.Second))
	assert.Equal(t, now.Add(-5*time.Second), c.at(uptime-95*time.Second, 0), "the drift is known from then on")
	assert.Equal(t, now, c.at(uptime+time.Hour, 0), "never in the future")
	assert.Equal(t, now.Add(-time.Hour+90*time.Second), c.at(uptime-time.Hour, time.Second), "a slow read is not taken for drift of an hour")
	c.monotonic = func() (time.Duration, error) { return 0, errors.New("no clock") }
	assert.Equal(t, now, c.at(time.Hour, 0))
}
