// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package badinput

import (
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// sink is a back-end that takes traces by OTLP/HTTP and counts the spans by their http.request.id.
type sink struct {
	mu    sync.Mutex
	spans map[string]int
}

// startSink opens a back-end at address until the test ends.
func startSink(t *testing.T, address string) *sink {
	t.Helper()
	s := &sink{spans: map[string]int{}}
	listener, err := net.Listen("tcp", address)
	require.NoError(t, err)
	server := &http.Server{Handler: s}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := ptraceotlp.NewExportRequest()
	if err == nil {
		err = request.UnmarshalProto(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.note(request)
	w.Header().Set("Content-Type", toProtobuf)
}

func (s *sink) note(request ptraceotlp.ExportRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range request.Traces().ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				id, _ := span.Attributes().Get("http.request.id")
				s.spans[id.AsString()]++
			}
		}
	}
}

func (s *sink) received() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.spans)
}

// await waits until each of these spans, and no other, has arrived once.
func (s *sink) await(t *testing.T, ids ...string) {
	t.Helper()
	want := map[string]int{}
	for _, id := range ids {
		want[id] = 1
	}
	require.Eventually(t, func() bool { return maps.Equal(want, s.received()) }, patience, pause,
		"the back-end must have each of %v once", ids)
}
