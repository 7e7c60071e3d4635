// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
)

// record is an event as it arrived.
type record struct {
	name, severity, body string
	time                 time.Time
	attributes           map[string]string
}

// sink is a back-end that takes metrics and logs by OTLP/HTTP and keeps each collection and each record.
type sink struct {
	URL string

	mu          sync.Mutex
	collections []collection
	records     []record
}

// startSink opens a back-end until the test ends.
func startSink(tb testing.TB) *sink {
	s := &sink{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/metrics", accept(func(body []byte) error {
		request := pmetricotlp.NewExportRequest()
		err := request.UnmarshalProto(body)
		if err == nil {
			s.takeMetrics(request.Metrics())
		}
		return err
	}))
	mux.HandleFunc("POST /v1/logs", accept(func(body []byte) error {
		request := plogotlp.NewExportRequest()
		err := request.UnmarshalProto(body)
		if err == nil {
			s.takeLogs(request.Logs())
		}
		return err
	}))
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

func accept(take func(body []byte) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = take(body)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}
}

func (s *sink) takeMetrics(md pmetric.Metrics) {
	if md.DataPointCount() == 0 {
		return
	}
	c := newCollection(md, time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.collections = append(s.collections, c)
}

func (s *sink) takeLogs(ld plog.Logs) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, resource := range ld.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, r := range scope.LogRecords().All() {
				taken := record{
					name: r.EventName(), severity: r.SeverityText(), body: r.Body().AsString(), time: r.Timestamp().AsTime(),
					attributes: map[string]string{},
				}
				for name, value := range r.Attributes().All() {
					taken.attributes[name] = value.AsString()
				}
				s.records = append(s.records, taken)
			}
		}
	}
}

// got is everything so far.
func (s *sink) got() ([]collection, []record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.collections), slices.Clone(s.records)
}
