//go:build linux && cgo

package serve_test

import (
	"encoding/gob"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/serve"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// session is a server and the receiver's end.
type session struct {
	to      *io.PipeWriter
	encoder *gob.Encoder
	decoder *gob.Decoder
	exits   atomic.Int32
	done    chan struct{}
}

func begin(t *testing.T, load func(string) (*library.Library, error)) *session {
	in, to := io.Pipe()
	from, out := io.Pipe()
	s := &session{to: to, encoder: gob.NewEncoder(to), decoder: gob.NewDecoder(from), done: make(chan struct{})}
	server := serve.Server{In: in, Out: out, Exit: func(int) { s.exits.Add(1) }, Load: load}
	go func() {
		defer close(s.done)
		server.Run()
		_ = out.Close()
	}()
	t.Cleanup(func() {
		_ = to.Close()
		go func() { _, _ = io.Copy(io.Discard, from) }()
		select {
		case <-s.done:
		case <-time.After(5 * time.Second):
			t.Error("the server did not end with its input")
		}
	})
	return s
}

func (s *session) next(t *testing.T) nvmlwire.Message {
	t.Helper()
	var m nvmlwire.Message
	require.NoError(t, s.decoder.Decode(&m))
	return m
}

func (s *session) greet(t *testing.T) {
	t.Helper()
	require.NoError(t, s.encoder.Encode(&nvmlwire.Hello{Version: nvmlwire.Version}))
}

func empty(string) (*library.Library, error) {
	lib := &mock.Interface{
		InitFunc: func() nvml.Return { return nvml.SUCCESS }, ShutdownFunc: func() nvml.Return { return nvml.SUCCESS },
		DeviceGetCountFunc: func() (int, nvml.Return) { return 0, nvml.SUCCESS },
	}
	only := map[string]bool{"nvmlInit_v2": true, "nvmlShutdown": true, "nvmlDeviceGetCount_v2": true, "nvmlDeviceGetHandleByIndex_v2": true, "nvmlDeviceGetUUID": true}
	return &library.Library{NVML: lib, Symbols: library.Probe(func(name string) bool { return only[name] })}, nil
}

func TestAnswersInOrder(t *testing.T) {
	s := begin(t, empty)
	s.greet(t)
	for seq := range uint64(3) {
		require.NoError(t, s.encoder.Encode(&nvmlwire.Request{Seq: seq + 1, Deadline: time.Second}))
		m := s.next(t)
		require.NotNil(t, m.Snapshot)
		assert.Equal(t, seq+1, m.Snapshot.Seq)
		assert.Equal(t, nvmlwire.LibraryReady, m.Snapshot.State)
	}
}

func TestLibraryIsLookedForAtEachRequest(t *testing.T) {
	tries := 0
	s := begin(t, func(path string) (*library.Library, error) {
		if tries++; tries < 3 {
			return nil, errors.New("no such file")
		}
		return empty(path)
	})
	s.greet(t)
	for _, want := range []nvmlwire.LibraryState{nvmlwire.LibraryNotFound, nvmlwire.LibraryNotFound, nvmlwire.LibraryReady, nvmlwire.LibraryReady} {
		require.NoError(t, s.encoder.Encode(&nvmlwire.Request{Seq: 1, Deadline: time.Second}))
		assert.Equal(t, want, s.next(t).Snapshot.State)
	}
	assert.Equal(t, 3, tries)
}

func TestLastWords(t *testing.T) {
	cases := map[string]struct {
		say  func(*session) error
		load func(string) (*library.Library, error)
		want nvmlwire.LibraryState
	}{
		"another release": {
			func(s *session) error { return s.encoder.Encode(&nvmlwire.Hello{Version: 99}) }, empty, nvmlwire.LibraryProtocol,
		},
		"a damaged greeting": {
			func(s *session) error { _, err := s.to.Write([]byte{4, 255, 255, 255, 255}); return err }, empty, nvmlwire.LibraryProtocol,
		},
		"a damaged request": {
			func(s *session) error {
				if err := s.encoder.Encode(&nvmlwire.Hello{Version: nvmlwire.Version}); err != nil {
					return err
				}
				_, err := s.to.Write([]byte{4, 255, 255, 255, 255})
				return err
			}, empty, nvmlwire.LibraryProtocol,
		},
		"no NVML": {
			func(s *session) error {
				if err := s.encoder.Encode(&nvmlwire.Hello{Version: nvmlwire.Version}); err != nil {
					return err
				}
				return s.encoder.Encode(&nvmlwire.Request{Seq: 1, Deadline: time.Second})
			},
			func(string) (*library.Library, error) {
				return &library.Library{NVML: &mock.Interface{}, Symbols: library.Probe(func(string) bool { return false })}, nil
			}, nvmlwire.LibraryUnusable,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := begin(t, tc.load)
			go func() { _ = tc.say(s) }()
			m := s.next(t)
			require.NotNil(t, m.Fault)
			assert.Equal(t, tc.want, m.Fault.State)
			assert.NotEmpty(t, m.Fault.Detail)
			<-s.done
		})
	}
}

// TestTheEndOfTheInputIsTheEnd, also while a collection hangs.
func TestTheEndOfTheInputIsTheEnd(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	s := begin(t, func(path string) (*library.Library, error) {
		lib, err := empty(path)
		lib.NVML.(*mock.Interface).InitFunc = func() nvml.Return { <-hang; return nvml.SUCCESS }
		return lib, err
	})
	s.greet(t)
	require.NoError(t, s.encoder.Encode(&nvmlwire.Request{Seq: 1, Deadline: 2 * time.Second}))
	_ = s.to.Close()
	assert.Eventually(t, func() bool { return s.exits.Load() > 0 }, time.Second, time.Millisecond)
}
