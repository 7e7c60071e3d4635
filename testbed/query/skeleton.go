// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"context"
	"encoding/json"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"testing"
	"time"
)

type Elasticsearch struct{ URL string }
type Hits struct {
	Total int
	Hits  []Hit
}
type Hit struct {
	Index  string
	ID     string
	Source map[string]any
	Raw    json.RawMessage
}

func (e Elasticsearch) Search(ctx context.Context, index string, body any) (Hits, error) { panic("x") }
func (e Elasticsearch) Refresh(ctx context.Context, index string) error                  { panic("x") }

// ItemNumbers: number -> documents of that number of the run, found by http.request.id in attributes or top level. Refreshes first.
func (e Elasticsearch) ItemNumbers(ctx context.Context, index, run string) (map[int]int, error) {
	panic("x")
}

// Do sends any request and decodes the JSON answer into out (may be nil); an HTTP status >= 300 is an error with the body.
func (e Elasticsearch) Do(ctx context.Context, method, path string, body, out any) error { panic("x") }

type Prometheus struct{ URL string }
type Sample struct {
	Time  time.Time
	Value float64
}
type Series struct {
	Labels  map[string]string
	Samples []Sample
}
type Exemplar struct {
	Series, Labels map[string]string
	Time           time.Time
	Value          float64
}

func (p Prometheus) Query(ctx context.Context, promQL string) ([]Series, error) { panic("x") }
func (p Prometheus) QueryRange(ctx context.Context, promQL string, start, end time.Time, step time.Duration) ([]Series, error) {
	panic("x")
}
func (p Prometheus) Exemplars(ctx context.Context, promQL string, start, end time.Time) ([]Exemplar, error) {
	panic("x")
}
func (p Prometheus) ItemNumbers(ctx context.Context, run string, start, end time.Time) (map[int]int, error) {
	panic("x")
}

type Tempo struct{ URL string }
type FoundTrace struct{ TraceID, RootServiceName, RootTraceName string }

func (t Tempo) Search(ctx context.Context, traceQL string) ([]FoundTrace, error) { panic("x") }

// Trace returns ErrNotFound if Tempo does not have it.
func (t Tempo) Trace(ctx context.Context, id string) (ptrace.Traces, error) { panic("x") }

// ItemNumbers looks up items 0..n-1 of the run: number -> spans.
func (t Tempo) ItemNumbers(ctx context.Context, run string, n int) (map[int]int, error) { panic("x") }

var ErrNotFound error

// Eventually calls check until it returns nil; after timeout the test fails with the last error. Progress every 5 s.
func Eventually(tb testing.TB, timeout time.Duration, check func() error) { panic("x") }
