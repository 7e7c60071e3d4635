//go:build linux && cgo

package serve

import (
	"encoding/gob"
	"errors"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/event"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/fleet"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/reading"
	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

// flushAfter is how long events are collected before they are sent: equal ones become one.
const flushAfter = 50 * time.Millisecond

// Server is one life of the helper.
type Server struct {
	In  io.Reader
	Out io.Writer
	// Exit ends the process at once, whatever its threads are stuck in.
	Exit func(code int)
	// Load loads the library.
	Load func(path string) (*library.Library, error)
	// WSL tells whether this is Windows' subsystem for Linux, Hotplug which GPUs the operating system shows.
	WSL     bool
	Hotplug func() string

	hello   nvmlwire.Hello
	started time.Time
	fleet   *fleet.Fleet

	ended   chan struct{}
	sending sync.Mutex
	encoder *gob.Encoder
	events  []nvmlwire.Event
}

// Run serves until the input ends or the library is of no more use. It returns after its last words; the caller ends the process.
func (s *Server) Run() {
	s.started, s.ended = time.Now(), make(chan struct{})
	defer close(s.ended)
	s.encoder = gob.NewEncoder(s.Out)
	decoder := gob.NewDecoder(s.In)
	if err := decoder.Decode(&s.hello); err != nil {
		if !errors.Is(err, io.EOF) {
			s.fault(&nvmlwire.Fault{State: nvmlwire.LibraryProtocol, Detail: "the greeting is damaged: " + err.Error()})
		}
		return
	}
	if s.hello.Version != nvmlwire.Version {
		s.fault(&nvmlwire.Fault{State: nvmlwire.LibraryProtocol, Detail: "the receiver speaks version " +
			strconv.Itoa(s.hello.Version) + " of the protocol, this inferwatchnvml speaks " + strconv.Itoa(nvmlwire.Version)})
		return
	}
	requests, broken := make(chan nvmlwire.Request, 1), make(chan error, 1)
	go s.receive(decoder, requests, broken)
	s.loop(requests, broken)
}

// receive takes requests off the input, so that its end is seen whatever else hangs. Only the newest waits.
func (s *Server) receive(decoder *gob.Decoder, requests chan nvmlwire.Request, broken chan<- error) {
	for {
		var r nvmlwire.Request
		err := decoder.Decode(&r)
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			s.Exit(0) // the receiver is gone
			broken <- nil
			return
		case err != nil:
			broken <- err
			return
		}
		select {
		case <-requests:
		default:
		}
		requests <- r
	}
}

func (s *Server) loop(requests <-chan nvmlwire.Request, broken <-chan error) {
	var faulted <-chan struct{}
	for {
		select {
		case err := <-broken:
			if err != nil {
				s.fault(&nvmlwire.Fault{State: nvmlwire.LibraryProtocol, Detail: "a request is damaged: " + err.Error()})
			}
			return
		case <-faulted:
			s.fault(s.fleet.Fault())
			return
		case r := <-requests:
			if !s.answer(r) {
				return
			}
			if s.fleet != nil && faulted == nil {
				faulted = s.fleet.Faulted
				go s.flush(s.fleet.Events)
			}
		}
	}
}

// answer answers one request; false after last words.
func (s *Server) answer(r nvmlwire.Request) bool {
	if s.fleet == nil {
		lib, err := s.Load(s.hello.Library)
		if err != nil {
			s.send(&nvmlwire.Message{Snapshot: &nvmlwire.Snapshot{
				Seq: r.Seq, Started: s.started, Time: time.Now(), State: nvmlwire.LibraryNotFound, Detail: err.Error(),
			}})
			return true
		}
		if missing := lib.Symbols.Indispensable(); len(missing) > 0 {
			s.fault(&nvmlwire.Fault{State: nvmlwire.LibraryUnusable, Detail: "the library has no " + missing[0]})
			return false
		}
		s.fleet = fleet.New(lib, s.settings(), s.started)
	}
	snapshot := s.fleet.Collect(r.Seq, r.Deadline)
	if snapshot == nil {
		s.fault(s.fleet.Fault())
		return false
	}
	s.send(&nvmlwire.Message{Snapshot: snapshot})
	s.fleet.Between(r.Deadline / 4)
	if f := s.fleet.Fault(); f != nil {
		s.fault(f)
		return false
	}
	return true
}

func (s *Server) settings() fleet.Settings {
	h := &s.hello
	return fleet.Settings{
		Options: reading.Options{Want: h.Want, Sampling: h.Sampling, MaxProcesses: h.MaxProcesses, WSL: s.WSL},
		Events:  h.Events, Release: h.Release, Hotplug: s.Hotplug,
	}
}

// flush sends events as they come, a few times a second at most, also while a collection waits.
func (s *Server) flush(queue *event.Queue) {
	for {
		select {
		case <-s.ended:
			return
		case <-queue.Ready:
		}
		time.Sleep(flushAfter)
		s.sending.Lock()
		s.events = queue.Take(s.events[:0])
		if len(s.events) > 0 {
			s.encode(&nvmlwire.Message{Events: s.events})
		}
		s.sending.Unlock()
	}
}

func (s *Server) fault(f *nvmlwire.Fault) { s.send(&nvmlwire.Message{Fault: f}) }

func (s *Server) send(m *nvmlwire.Message) {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.encode(m)
}

// encode writes a message. A receiver that cannot be written to is gone.
func (s *Server) encode(m *nvmlwire.Message) {
	if err := s.encoder.Encode(m); err != nil {
		s.Exit(0)
	}
}
