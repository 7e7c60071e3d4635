// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options is what a run of `inferwatchctl top` needs.
type Options struct {
	Read func(context.Context) (*Host, error)
	// Size tells width and height of the terminal as they are now.
	Size func() (width, height int)
	Now  func() time.Time
	// GPUs selects by index or by the beginning of a UUID; empty for all.
	GPUs     []string
	View     View // Width and Height come from Size
	Interval time.Duration
}

// Once writes one table of numbers, without escape sequences.
func Once(ctx context.Context, w io.Writer, o Options) error {
	host, err := o.Read(ctx)
	if err != nil {
		return err
	}
	if err := host.Select(o.GPUs); err != nil {
		return err
	}
	width, _ := o.Size()
	for _, l := range (View{Width: width}).Lines(host, o.Now()) {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return err
		}
	}
	return nil
}

const (
	// enter goes to the alternate screen and hides the cursor, leave undoes both.
	enter = "\x1b[?1049h\x1b[?25l"
	leave = "\x1b[?25h\x1b[?1049l"
	// Between begin and end a terminal that can shows nothing of a frame; the others see it written over the one before.
	begin = "\x1b[?2026h\x1b[H"
	end   = "\x1b[J\x1b[?2026l"
	// newline clears what the frame before left behind on the line.
	newline = "\x1b[K\r\n"
)

// Live shows the table on a terminal until ctx ends, and leaves the terminal as it was. A page that cannot be read at first is an error;
// one that goes away later is said so above what was read last.
func Live(ctx context.Context, w io.Writer, o Options) error {
	host, err := o.Read(ctx)
	if err == nil {
		err = host.Select(o.GPUs)
	}
	if err != nil {
		return err
	}
	tracker := &Tracker{}
	tracker.Update(host, o.Now())
	screen := bufio.NewWriter(w)
	// A failed write shows at the next Flush.
	defer func() { fmt.Fprint(screen, leave); _ = screen.Flush() }()
	fmt.Fprint(screen, enter)
	ticker := time.NewTicker(o.Interval)
	defer ticker.Stop()
	for fault := ""; ; {
		o.draw(screen, host, fault)
		if err := screen.Flush(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		next, err := o.Read(ctx)
		switch {
		case errors.Is(err, context.Canceled):
			return nil
		case err != nil:
			fault = err.Error()
			continue
		}
		// The one that was asked for may be away for a while.
		if fault = ""; next.Select(o.GPUs) != nil {
			fault = "the GPU of --gpu is not on the page now"
		}
		tracker.Update(next, o.Now())
		host = next
	}
}

func (o Options) draw(screen *bufio.Writer, host *Host, fault string) {
	v := o.View
	v.Width, v.Height = o.Size()
	var lines []string
	if fault != "" {
		for _, l := range wrap("! "+fault, alarm, v.Width) {
			lines = append(lines, l.render(v.Width, v.Color))
		}
		v.Height = max(1, v.Height-len(lines))
	}
	lines = append(lines, v.Lines(host, o.Now())...)
	fmt.Fprint(screen, begin+strings.Join(lines, newline)+"\x1b[K"+end)
}

// Select keeps the GPUs that are named by index or by the beginning of a UUID. One that is not there is an error.
func (h *Host) Select(names []string) error {
	if len(names) == 0 {
		return nil
	}
	kept := map[*Device]bool{}
	var missing []string
	for _, name := range names {
		found := false
		for _, gpu := range h.GPUs {
			if gpu.is(name) {
				kept[gpu], found = true, true
			}
		}
		if !found {
			missing = append(missing, name)
		}
	}
	h.GPUs = slices.DeleteFunc(h.GPUs, func(d *Device) bool { return !kept[d] })
	if len(missing) > 0 {
		return fmt.Errorf("--gpu must be the index or the beginning of the UUID of a GPU on the page, found %s", strings.Join(missing, ", "))
	}
	return nil
}

func (d *Device) is(name string) bool {
	if name == strconv.Itoa(d.Index) {
		return true
	}
	_, uuid, _ := strings.Cut(d.ID, "-")
	return len(name) >= 4 && (strings.HasPrefix(d.ID, name) || strings.HasPrefix(uuid, name))
}
