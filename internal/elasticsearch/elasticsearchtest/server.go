// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package elasticsearchtest is a stand-in for the few parts of Elasticsearch that setting up, checking and guarding touch. It is
// for faults that a real node does not show at will; the truth about Elasticsearch is in the end-to-end tests.
package elasticsearchtest // import "github.com/inferwatch/inferwatch/internal/elasticsearch/elasticsearchtest"

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Answer is a fixed answer.
type Answer struct {
	Status int
	Body   string
}

// Server is the stand-in. Its zero behaviour is an empty cluster, version 8.19.0, that knows every field type.
type Server struct {
	*httptest.Server

	mu        sync.Mutex
	fixed     map[string]Answer
	templates map[string]map[string]json.RawMessage
	requests  []string
	headers   []http.Header
}

// NewServer starts a stand-in that ends with the test.
func NewServer(tb testing.TB) *Server {
	tb.Helper()
	s := &Server{
		fixed:     map[string]Answer{},
		templates: map[string]map[string]json.RawMessage{"_component_template": {}, "_index_template": {}},
	}
	s.Server = httptest.NewServer(s)
	tb.Cleanup(s.Close)
	return s
}

// Fix gives every request of this method and path, such as "POST /_bulk", the same answer. A status of 0 undoes it.
func (s *Server) Fix(request string, status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status == 0 {
		delete(s.fixed, request)
		return
	}
	s.fixed[request] = Answer{Status: status, Body: body}
}

// Put stores a template as if somebody had sent it; kind is _component_template or _index_template.
func (s *Server) Put(kind, name, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.templates[kind][name] = json.RawMessage(body)
}

// Delete forgets the template.
func (s *Server) Delete(kind, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.templates[kind], name)
}

// Template returns a stored template, nil if there is none.
func (s *Server) Template(kind, name string) json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.templates[kind][name]
}

// Requests returns the requests since the last call, as "METHOD /path".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := s.requests
	s.requests, s.headers = nil, nil
	return requests
}

// Headers returns the headers of the requests since the last call of Requests.
func (s *Server) Headers() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.headers)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request := r.Method + " " + r.URL.Path
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
	s.headers = append(s.headers, r.Header.Clone())
	answer, ok := s.fixed[request]
	if !ok {
		answer = s.answer(r, body)
	}
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Status)
	fmt.Fprint(w, answer.Body)
}

func (s *Server) answer(r *http.Request, body []byte) Answer {
	first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == "/":
		return Answer{http.StatusOK, `{"cluster_name":"stand-in","version":{"number":"8.19.0","build_flavor":"default"}}`}
	case first == "_index_template" && rest == "_simulate":
		return Answer{http.StatusOK, `{}`}
	case first == "_index_template" && strings.HasPrefix(rest, "_simulate_index/"):
		return s.simulate(path.Base(rest))
	case s.templates[first] != nil && r.Method == http.MethodPut:
		s.templates[first][rest] = body
		return Answer{http.StatusOK, `{"acknowledged":true}`}
	case s.templates[first] != nil && r.Method == http.MethodGet:
		return s.list(first, rest)
	case first == "_resolve", first == "_data_stream":
		return Answer{http.StatusOK, `{}`}
	case first == "_bulk":
		return Answer{http.StatusOK, `{"items":[{"create":{"_index":".ds-x","status":201}}]}`}
	}
	return Answer{http.StatusBadRequest, fmt.Sprintf(`{"error":"no handler found for uri [%s] and method [%s]"}`, r.URL.Path, r.Method)}
}

func (s *Server) list(kind, pattern string) Answer {
	var entries []string
	for _, name := range slices.Sorted(maps.Keys(s.templates[kind])) {
		if matched, err := path.Match(pattern, name); pattern == "" || (err == nil && matched) {
			entries = append(entries, fmt.Sprintf(`{"name":%q,%q:%s}`, name, strings.TrimPrefix(kind, "_"), s.templates[kind][name]))
		}
	}
	return Answer{http.StatusOK, fmt.Sprintf(`{%q:[%s]}`, strings.TrimPrefix(kind, "_")+"s", strings.Join(entries, ","))}
}
