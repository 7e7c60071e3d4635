//go:build linux

package helper

import (
	"bytes"
	"context"
	"encoding/gob"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// BenchmarkRoundTrip is a collection of 8 GPUs, 100 readings and 8 processes each, from the request to the snapshot. The helper is a
// process of its own; its allocations are not counted.
func BenchmarkRoundTrip(b *testing.B) {
	for _, behaviour := range []string{"good", "realistic"} {
		b.Run(behaviour, func(b *testing.B) {
			p := New(fakeSettings(b, behaviour, ample))
			defer func() { require.NoError(b, p.Shutdown(context.Background())) }()
			require.Equal(b, nvmlwire.LibraryReady, p.Collect(b.Context()).State)
			b.ReportAllocs()
			for b.Loop() {
				if s := p.Collect(b.Context()); s.State != nvmlwire.LibraryReady {
					b.Fatal(s.Detail)
				}
			}
		})
	}
}

// BenchmarkCodec is gob alone, each way, for the same snapshot.
func BenchmarkCodec(b *testing.B) {
	m := nvmlwire.Message{Snapshot: realistic()}
	b.Run("encode", func(b *testing.B) {
		var out bytes.Buffer
		e := gob.NewEncoder(&out)
		require.NoError(b, e.Encode(m))
		b.ReportAllocs()
		for b.Loop() {
			out.Reset()
			_ = e.Encode(m)
		}
		b.ReportMetric(float64(out.Len()), "B/message")
	})
	b.Run("decode", func(b *testing.B) {
		var out bytes.Buffer
		e := gob.NewEncoder(&out)
		require.NoError(b, e.Encode(m))
		definitions := bytes.Clone(out.Bytes())
		out.Reset()
		require.NoError(b, e.Encode(m))
		again := &repeated{first: definitions, rest: out.Bytes()}
		d := newDecoder(again)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.next(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// repeated is one message, and then another for ever.
type repeated struct{ first, rest []byte }

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.first) == 0 {
		r.first = r.rest
	}
	n := copy(p, r.first)
	r.first = r.first[n:]
	return n, nil
}
