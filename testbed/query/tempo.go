// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/inferwatch/inferwatch/testbed/load"
)

const (
	tempoLookups    = 2 // as many connections as http.DefaultClient keeps open
	tempoSearchSize = "1000"
)

// Tempo is a Tempo at URL.
type Tempo struct{ URL string }

// FoundTrace is a trace that a search found.
type FoundTrace struct {
	TraceID         string `json:"traceID"`
	RootServiceName string `json:"rootServiceName"`
	RootTraceName   string `json:"rootTraceName"`
}

// Search returns up to 1000 of the traces that traceQL selects. It asks for no time range, so that Tempo looks at what is recent.
func (t Tempo) Search(ctx context.Context, traceQL string) ([]FoundTrace, error) {
	var answer struct {
		Traces []FoundTrace `json:"traces"`
	}
	parameters := url.Values{"q": {traceQL}, "limit": {tempoSearchSize}}
	err := askJSON(ctx, http.MethodGet, t.URL+"/api/search?"+parameters.Encode(), nil, &answer)
	return answer.Traces, err
}

// Trace returns the trace with that id in hex. One that Tempo does not have is ErrNotFound.
func (t Tempo) Trace(ctx context.Context, id string) (ptrace.Traces, error) {
	// Its protobuf answer is a trace as OTLP encodes it; its JSON is not.
	answer, err := ask(ctx, http.MethodGet, t.URL+"/api/traces/"+id, "application/protobuf", nil)
	if err != nil {
		return ptrace.NewTraces(), err
	}
	return new(ptrace.ProtoUnmarshaler).UnmarshalTraces(answer)
}

// ItemNumbers looks up the items 0 to n-1 of the run, and counts the spans of each that is there. Tempo answers two equal spans of
// a trace as one, so a duplicate does not show.
func (t Tempo) ItemNumbers(ctx context.Context, run string, n int) (map[int]int, error) {
	var (
		mu      sync.Mutex
		failure error
		numbers = map[int]int{}
		items   = make(chan int)
		workers sync.WaitGroup
	)
	for range tempoLookups {
		workers.Go(func() {
			for item := range items {
				trace, err := t.Trace(ctx, load.TraceID(run, item).String())
				mu.Lock()
				switch {
				case err == nil:
					numbers[item] = trace.SpanCount()
				case !errors.Is(err, ErrNotFound):
					failure = err
				}
				mu.Unlock()
			}
		})
	}
	for item := range n {
		items <- item
	}
	close(items)
	workers.Wait()
	return numbers, failure
}
