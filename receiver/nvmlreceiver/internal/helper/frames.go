package helper

import (
	"bufio"
	"encoding/gob"
	"errors"
	"fmt"
	"io"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// messageLimit bounds the bytes of one message with the type definitions before it. 16 GPUs of 7 slices each, 100 readings and 64
// processes on every slice, are 0.6 MiB.
const messageLimit = 4 << 20

// decoder reads messages from a helper. It never asks for more than messageLimit bytes for one.
type decoder struct {
	frames *frames
	gob    *gob.Decoder
}

func newDecoder(r io.Reader) *decoder {
	f := &frames{r: bufio.NewReaderSize(r, 32<<10)}
	return &decoder{frames: f, gob: gob.NewDecoder(f)}
}

// next reads one message. io.EOF and io.ErrUnexpectedEOF mean that the helper's output ended; errors of reading are as the
// reader gave them; errDamaged is in the chain of any other.
func (d *decoder) next() (m nvmlwire.Message, err error) {
	defer func() {
		// gob is not hardened against bad input. What the helper sends must not end the collector.
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%w: %v", errDamaged, cause)
		}
	}()
	d.frames.left = messageLimit
	err = d.gob.Decode(&m)
	switch {
	case err == nil:
		return m, nil
	case d.frames.err == nil: // gob's own, io.EOF inside a frame among them
		return m, fmt.Errorf("%w: %v", errDamaged, err) //nolint:errorlint // an io.EOF of gob's is no end of the output
	case errors.Is(d.frames.err, io.EOF) && !errors.Is(err, io.EOF):
		return m, io.ErrUnexpectedEOF
	}
	return m, d.frames.err
}

var errDamaged = errors.New("damaged message")

// frames hands gob's stream on, one frame at a time. A frame is a length and as many bytes; gob itself takes lengths of up to 8 GiB.
// A length over what is left for the present message is an error as soon as it is seen, before any of the frame is waited for. As
// frames has ReadByte gob reads from it directly, and no further than the message's end.
type frames struct {
	r    *bufio.Reader
	rest int   // bytes of the present frame not read yet
	left int   // bytes that the present message may still have
	err  error // what ended reading
}

func (f *frames) Read(p []byte) (int, error) {
	if err := f.begin(); err != nil {
		return 0, err
	}
	n, err := f.r.Read(p[:min(len(p), f.rest)])
	f.rest -= n
	return n, f.note(err)
}

// ReadByte makes gob use frames as it is.
func (f *frames) ReadByte() (byte, error) {
	if err := f.begin(); err != nil {
		return 0, err
	}
	b, err := f.r.ReadByte()
	if err == nil {
		f.rest--
	}
	return b, f.note(err)
}

// begin sees to it that a frame is under way.
func (f *frames) begin() error {
	if f.rest > 0 {
		return nil
	}
	head, err := f.r.Peek(1)
	if err != nil {
		return f.note(err)
	}
	// gob: a byte up to 127 is the length; else it is the negated number of bytes, most significant first, that hold the length.
	width, length := 1, uint64(head[0])
	if head[0] > 127 {
		width = 1 + 256 - int(head[0])
		if head, err = f.r.Peek(width); err != nil {
			return f.note(err)
		}
		length = 0
		for _, b := range head[1:] {
			if length >= messageLimit {
				break
			}
			length = length<<8 | uint64(b)
		}
	}
	if length == 0 {
		return f.note(fmt.Errorf("%w: an empty frame", errDamaged))
	}
	if length > uint64(max(f.left-width, 0)) {
		return f.note(fmt.Errorf("%w: a frame of %d bytes or more, where %d are left of the %d that a message may have",
			errDamaged, length, f.left, messageLimit))
	}
	f.rest = width + int(length)
	f.left -= f.rest
	return nil
}

// note keeps an error that gob might wrap or change.
func (f *frames) note(err error) error {
	if err != nil {
		f.err = err
	}
	return err
}
