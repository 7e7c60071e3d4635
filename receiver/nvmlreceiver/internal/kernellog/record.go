package kernellog

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"time"
)

// record is one record of the kernel log, from either source.
type record struct {
	Position
	text     string
	facility uint64
	time     time.Time
}

// kernelFacility is the facility of what the kernel itself writes. What user space writes to /dev/kmsg can have any but this.
const kernelFacility = 0

var errRecord = errors.New("not a record of /dev/kmsg")

// parseKmsg reads one record as /dev/kmsg gives it: "priority,sequence,microseconds,flags[,...];text\n KEY=value\n...".
func parseKmsg(raw []byte) (record, error) {
	head, body, found := bytes.Cut(raw, []byte{';'})
	fields := strings.Split(string(head), ",")
	if !found || len(fields) < 3 {
		return record{}, errRecord
	}
	var n [3]uint64
	for i := range n {
		v, err := strconv.ParseUint(fields[i], 10, 63)
		if err != nil {
			return record{}, errRecord
		}
		n[i] = v
	}
	text, _, _ := bytes.Cut(body, []byte{'\n'})
	return record{
		Position: Position{Seq: n[1], HasSeq: true, Monotonic: time.Duration(min(n[2], maxMicros)) * time.Microsecond},
		facility: n[0] >> 3,
		text:     unescape(string(text)),
	}, nil
}

// maxMicros keeps microseconds within what a time.Duration holds.
const maxMicros = uint64(1<<63-1) / 1000

// unescape undoes the \xNN with which /dev/kmsg writes what is not printable ASCII.
func unescape(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if i+4 <= len(s) && s[i] == '\\' && s[i+1] == 'x' {
			if v, err := strconv.ParseUint(s[i+2:i+4], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
