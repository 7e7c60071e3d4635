// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/inferwatch/inferwatch/testbed/load"
)

const (
	tempoLookups    = 2 // as many connections as http.DefaultClient keeps open
	tempoSearchSize = 1000
)

// Tempo is a Tempo at URL.
type Tempo struct{ URL string }

// FoundTrace is a trace that a search found.
type FoundTrace struct {
	TraceID         string `json:"traceID"` // without its leading zeros
	RootServiceName string `json:"rootServiceName"`
	RootTraceName   string `json:"rootTraceName"`
	SpanSets        []struct {
		Matched int `json:"matched"` // spans
	} `json:"spanSets"`
}

// Search returns up to 1000 of the traces that traceQL selects. It asks for no time range, so that Tempo looks at what is recent.
func (t Tempo) Search(ctx context.Context, traceQL string) ([]FoundTrace, error) {
	return t.search(ctx, traceQL, tempoSearchSize)
}

func (t Tempo) search(ctx context.Context, traceQL string, limit int) ([]FoundTrace, error) {
	var answer struct {
		Traces []FoundTrace `json:"traces"`
	}
	parameters := url.Values{"q": {traceQL}, "limit": {strconv.Itoa(limit)}, "spss": {"1"}}
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

// ItemNumbers counts the spans of each of the items 0 to n-1 of the run. A search finds most of them at once; those that it does
// not know, as the newest and what is older than 15 min, are looked up one by one. While Tempo moves a trace from one of its stores
// to the next, it may miss it for a moment: ask again. It may answer two equal spans of a trace as one, or as two.
func (t Tempo) ItemNumbers(ctx context.Context, run string, n int) (map[int]int, error) {
	if n == 0 {
		return map[int]int{}, nil
	}
	found, err := t.search(ctx, fmt.Sprintf(`{span.http.request.id =~ %q}`, regexp.QuoteMeta(load.RequestIDPrefix(run))+".*"), n)
	if err != nil {
		return nil, err
	}
	spans := map[string]int{}
	for _, trace := range found {
		for _, set := range trace.SpanSets {
			spans[trace.TraceID] += set.Matched
		}
	}
	numbers := map[int]int{}
	var unknown []int
	for item := range n {
		if count := spans[strings.TrimLeft(load.TraceID(run, item).String(), "0")]; count > 0 {
			numbers[item] = count
		} else {
			unknown = append(unknown, item)
		}
	}
	return numbers, t.lookUp(ctx, run, unknown, numbers)
}

// lookUp adds the items that Tempo has to numbers.
func (t Tempo) lookUp(ctx context.Context, run string, items []int, numbers map[int]int) error {
	var (
		mu      sync.Mutex
		failure error
		next    = make(chan int)
		workers sync.WaitGroup
	)
	for range tempoLookups {
		workers.Go(func() {
			for item := range next {
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
	for _, item := range items {
		next <- item
	}
	close(next)
	workers.Wait()
	return failure
}
