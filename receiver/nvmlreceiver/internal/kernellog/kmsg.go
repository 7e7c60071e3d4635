package kernellog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"
)

// Kmsg is an open /dev/kmsg, or what stands in for it. Read gives one record and waits for one; it fails with EPIPE where
// records were overwritten before they were read, and goes on with the oldest there is. Close ends a waiting Read.
type Kmsg interface {
	io.ReadSeekCloser
}

// kmsgRecord is more than the kernel ever gives in one read (CONSOLE_EXT_LOG_MAX, 8 KiB).
const kmsgRecord = 16 << 10

// followKmsg reads /dev/kmsg from after p until ctx ends or the device fails.
func (f *Follower) followKmsg(ctx context.Context, p Position) error {
	boot, err := f.cfg.BootID()
	if err != nil {
		return fmt.Errorf("boot id: %w", err)
	}
	device, err := f.cfg.OpenKmsg()
	if err != nil {
		return err
	}
	unhook := context.AfterFunc(ctx, func() { _ = device.Close() })
	defer func() {
		if unhook() {
			_ = device.Close()
		}
	}()
	// What was there before the start is not read at all. Any other position is found by reading from the oldest record.
	filter := true
	if p.Started && p.Realtime.Equal(f.started) && f.attempts == 1 {
		filter = false
		if _, err := device.Seek(0, io.SeekEnd); err != nil {
			return fmt.Errorf("seek to the end of the kernel log: %w", err)
		}
	}
	f.ready()
	k := kmsgReader{f: f, boot: boot, position: p, filter: filter, clock: kmsgClock{now: f.cfg.Now, monotonic: f.cfg.Monotonic}}
	if p.HasSeq && p.Boot == boot {
		k.seen, k.last = true, p.Seq
	}
	return k.readAll(ctx, device)
}

// kmsgReader is the state of one reading of /dev/kmsg.
type kmsgReader struct {
	f        *Follower
	boot     string
	position Position
	filter   bool // records may still be covered by position
	clock    kmsgClock
	seen     bool   // last is valid
	last     uint64 // sequence number of the last record
}

func (k *kmsgReader) readAll(ctx context.Context, device Kmsg) error {
	buffer := make([]byte, kmsgRecord)
	for {
		began := k.f.cfg.Now()
		n, err := device.Read(buffer)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, syscall.EPIPE):
			if !k.seen { // else the gap in the numbers tells exactly how many
				k.f.stats.lost.Add(1)
			}
			continue
		case errors.Is(err, syscall.EINVAL): // the record is longer than the buffer; the kernel has passed it over
			k.f.stats.oversize.Add(1)
			continue
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("read the kernel log: %w", err)
		case n == 0:
			return fmt.Errorf("read the kernel log: %w", io.ErrUnexpectedEOF)
		}
		if err := k.take(ctx, buffer[:n], k.f.cfg.Now().Sub(began)); err != nil {
			return err
		}
	}
}

// take handles one record that a read of the given duration returned.
func (k *kmsgReader) take(ctx context.Context, raw []byte, waited time.Duration) error {
	r, err := parseKmsg(raw)
	if err != nil {
		k.f.stats.malformed.Add(1)
		return nil
	}
	if k.seen && r.Seq > k.last+1 {
		k.f.stats.lost.Add(r.Seq - k.last - 1)
	}
	k.seen, k.last = true, max(k.last, r.Seq)
	r.Boot = k.boot
	r.time = k.clock.at(r.Monotonic, waited)
	r.Realtime = r.time
	if k.filter && k.position.covers(r) {
		return nil
	}
	k.filter = false
	return k.f.take(ctx, SourceKmsg, r)
}
