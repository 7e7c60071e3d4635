package kernellog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Store keeps the position over restarts; the receiver backs it with the collector's storage extension.
// Load returns nil where nothing was saved yet.
type Store interface {
	Load(ctx context.Context) ([]byte, error)
	Save(ctx context.Context, position []byte) error
}

// Position is how far the kernel log has been read, in the terms of both sources, so that either can go on after it.
type Position struct {
	// Boot is the boot id that Seq and Monotonic belong to, 32 hexadecimal digits.
	Boot string `json:"boot"`
	// Seq is the sequence number of the last record; only /dev/kmsg tells it, hence HasSeq.
	Seq    uint64 `json:"seq,omitempty"`
	HasSeq bool   `json:"has_seq,omitempty"`
	// Cursor is journald's name of the last record.
	Cursor string `json:"cursor,omitempty"`
	// Monotonic is the kernel's time stamp of the last record. Both sources give it, to the microsecond: it carries a
	// position from one source to the other. Of two lines within one microsecond the second can be lost in that move.
	Monotonic time.Duration `json:"monotonic,omitempty"`
	// Realtime is when the last record was written, or, where none has been read yet, when the follower started.
	Realtime time.Time `json:"realtime"`
	// Started: no record has been read yet, and Realtime is all there is.
	Started bool `json:"started,omitempty"`
}

func (p Position) marshal() ([]byte, error) { return json.Marshal(p) }

func parsePosition(saved []byte) (Position, error) {
	var p Position
	if err := json.Unmarshal(saved, &p); err != nil {
		return Position{}, fmt.Errorf("saved position: %w", err)
	}
	if len(p.Boot) != bootIDLength || p.Realtime.IsZero() {
		return Position{}, fmt.Errorf("saved position must have a boot id and a time, found %q", saved)
	}
	return p, nil
}

// covers says whether the record r has been read when p is the position: r is at p or before it.
func (p Position) covers(r record) bool {
	switch {
	case p.Boot != r.Boot && r.HasSeq:
		return false // /dev/kmsg holds this boot only, and p is of an earlier one
	case p.Boot != r.Boot || p.Started || (!r.HasSeq || !p.HasSeq) && p.Monotonic == 0:
		return !r.time.After(p.Realtime)
	case p.HasSeq && r.HasSeq:
		return r.Seq <= p.Seq
	default:
		return r.Monotonic <= p.Monotonic
	}
}
