package kernellog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// narrowing is how much of the selection journalctl itself can do: old ones lack options, and some are built without
// pattern matching. Whatever it leaves, the follower does.
type narrowing int

const (
	narrowPattern narrowing = iota // only lines that match a pattern, only the fields we read
	narrowFields                   // only the fields we read
	narrowSource                   // only the kernel's lines
	narrowEnd
)

// sinceMargin makes up for clocks that differ where a position of the other source is looked up by time.
const sinceMargin = 10 * time.Minute

// journalArgs are the arguments that make journalctl follow the kernel's lines after p. -k is not among them: it would
// leave out the end of the boot before, which is where a machine that an error brought down says why.
func journalArgs(n narrowing, p Position, directory string) []string {
	args := []string{"--follow", "--no-tail", "--output=json", "--no-pager", "--quiet"}
	if n <= narrowFields {
		args = append(args, "--output-fields=MESSAGE,_BOOT_ID,_SOURCE_MONOTONIC_TIMESTAMP,SYSLOG_FACILITY")
	}
	if n <= narrowPattern {
		args = append(args, "--grep=NVRM:|SXid")
	}
	if directory != "" {
		args = append(args, "--directory="+directory)
	}
	switch {
	case p.Cursor != "":
		args = append(args, "--after-cursor="+p.Cursor)
	case p.Started:
		args = append(args, fmt.Sprintf("--since=@%d", p.Realtime.Unix()))
	default:
		args = append(args, fmt.Sprintf("--since=@%d", p.Realtime.Add(-sinceMargin).Unix()))
	}
	return append(args, "_TRANSPORT=kernel", "SYSLOG_FACILITY="+strconv.Itoa(kernelFacility))
}

// journalLine is an entry of journalctl --output=json.
type journalLine struct {
	Cursor          string `json:"__CURSOR"`
	Realtime        micros `json:"__REALTIME_TIMESTAMP"`
	Monotonic       micros `json:"__MONOTONIC_TIMESTAMP"`
	SourceMonotonic micros `json:"_SOURCE_MONOTONIC_TIMESTAMP"`
	Facility        micros `json:"SYSLOG_FACILITY"`
	Boot            string `json:"_BOOT_ID"`
	// Message is null where the text is longer than journalctl shows.
	Message *journalText `json:"MESSAGE"`
}

// micros is a number that journalctl writes as a string.
type micros uint64

func (m *micros) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseUint(string(bytes.Trim(raw, `"`)), 10, 63)
	*m = micros(min(v, maxMicros))
	return err
}

func (m micros) duration() time.Duration { return time.Duration(m) * time.Microsecond } //nolint:gosec // bounded by maxMicros

// journalText is a field's text: a string, or a list of bytes where it is not printable.
type journalText string

func (t *journalText) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '[' {
		var numbers []uint8
		var list []json.Number
		if err := json.Unmarshal(raw, &list); err != nil {
			return err
		}
		for _, n := range list {
			v, err := strconv.ParseUint(n.String(), 10, 8)
			if err != nil {
				return err
			}
			numbers = append(numbers, uint8(v))
		}
		*t = journalText(numbers)
		return nil
	}
	return json.Unmarshal(raw, (*string)(t))
}

// errOversize: journalctl left the text out because of its length.
var errOversize = errors.New("the message is too long")

// parseJournal reads one line of journalctl's output.
func parseJournal(raw []byte) (record, error) {
	var l journalLine
	if err := json.Unmarshal(raw, &l); err != nil {
		return record{}, fmt.Errorf("not an entry of journalctl: %w", err)
	}
	if l.Cursor == "" || l.Realtime == 0 || len(l.Boot) != bootIDLength {
		return record{}, errors.New("not an entry of journalctl: it must have a cursor, a time and a boot id")
	}
	r := record{
		Position: Position{Boot: l.Boot, Cursor: l.Cursor, Monotonic: l.SourceMonotonic.duration()},
		facility: uint64(l.Facility),
		time:     time.UnixMicro(int64(l.Realtime)).UTC(), //nolint:gosec // bounded by maxMicros
	}
	if l.Message == nil {
		return r, errOversize
	}
	r.text = string(*l.Message)
	// journald's time is when it got the line. Where journald did not run, as early at boot, that can be much later than when
	// the kernel wrote it: the stamps are then further apart than drift explains.
	if delay := l.Monotonic.duration() - r.Monotonic; l.SourceMonotonic != 0 && delay > maxDrift(l.Monotonic.duration()) {
		r.time = r.time.Add(-delay)
	}
	r.Realtime = r.time
	return r, nil
}

// errNarrow: this journalctl cannot narrow that far.
var errNarrow = errors.New("journalctl lacks an option")

// followJournal runs journalctl from after p until ctx ends or journalctl does.
func (f *Follower) followJournal(ctx context.Context, p Position) error {
	process, err := f.cfg.StartJournal(ctx, journalArgs(f.narrow, p, f.cfg.JournalDirectory))
	if err != nil {
		return fmt.Errorf("start journalctl: %w", err)
	}
	f.ready()
	j := journalReader{f: f, position: p, filter: p.Cursor == ""}
	done := make(chan error, 1)
	go func() { done <- j.readAll(ctx, process.Output()) }()
	var reading error
	select {
	case reading = <-done:
		err = f.end(process)
	case <-ctx.Done():
		err = f.end(process)
		reading = <-done // end has closed the output
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	said := process.Diagnostics()
	if err != nil && j.lines == 0 && f.narrow+1 < narrowEnd && lacksOption(said) {
		return fmt.Errorf("%w: %s", errNarrow, said)
	}
	return fmt.Errorf("journalctl ended: %w: %s", errors.Join(reading, err), clean(said, MaxMessage))
}

func lacksOption(said string) bool {
	for _, s := range []string{"pattern matching", "unrecognized option", "invalid option", "unknown option"} {
		if containsFold(said, s) {
			return true
		}
	}
	return false
}

// journalReader is the state of one reading of a journalctl.
type journalReader struct {
	f        *Follower
	position Position
	filter   bool // records may still be covered by position
	lines    int
}

func (j *journalReader) readAll(ctx context.Context, output io.Reader) error {
	lines := bufio.NewReaderSize(output, j.f.cfg.MaxLine)
	for {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			j.f.stats.oversize.Add(1)
			err = skipLine(lines)
			line = nil
		}
		if err != nil {
			return err
		}
		j.lines++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := j.take(ctx, line); err != nil {
			return err
		}
	}
}

// skipLine reads to the end of a line that the buffer does not hold.
func skipLine(lines *bufio.Reader) error {
	for {
		if _, err := lines.ReadSlice('\n'); !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func (j *journalReader) take(ctx context.Context, line []byte) error {
	r, err := parseJournal(line)
	switch {
	case errors.Is(err, errOversize):
		j.f.stats.oversize.Add(1)
		return nil
	case err != nil:
		j.f.stats.malformed.Add(1)
		return nil
	}
	if j.filter && j.position.covers(r) {
		return nil
	}
	j.filter = false
	return j.f.take(ctx, SourceJournald, r)
}
