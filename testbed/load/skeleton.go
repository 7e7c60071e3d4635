// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"time"
)

type Signal string

const (
	Logs    Signal = "logs"
	Traces  Signal = "traces"
	Metrics Signal = "metrics"
)

type Protocol string

const (
	GRPC Protocol = "grpc"
	HTTP Protocol = "http"
)

type Config struct {
	Run        string // default: random
	Signal     Signal
	Protocol   Protocol          // default GRPC
	Endpoint   string            // host:port for GRPC, http://host:port for HTTP
	Rate       int               // items a second, default 50
	Batch      int               // items a request, default 10
	Workers    int               // requests at the same time, default 2
	Items      int               // stop after so many; 0: until Stop
	Attributes map[string]string // added to every item
	RetryPause time.Duration     // after a refused attempt, default 200ms
	Timeout    time.Duration     // of one request, default 5 s
}

type Result struct {
	Sent     map[int]struct{} // at least one attempt
	Accepted map[int]struct{} // acknowledged
	Resent   map[int]struct{} // more than one attempt: a duplicate of these may be the sender's doing
	Rejected int              // attempts that were not acknowledged
	LastErr  error
}

type Generator struct{}

func New(cfg Config) (*Generator, error)       { panic("x") }
func (g *Generator) Run() string               { panic("x") }
func (g *Generator) Start(ctx context.Context) { panic("x") }

// Stop makes no new items, gives what is unacknowledged up to grace, and then gives up.
func (g *Generator) Stop(grace time.Duration) Result { panic("x") }

// Wait waits until Config.Items are acknowledged or ctx ends.
func (g *Generator) Wait(ctx context.Context) Result { panic("x") }
func (g *Generator) Result() Result                  { panic("x") }

func RequestID(run string, n int) string        { panic("x") }
func TraceID(run string, n int) pcommon.TraceID { panic("x") }
func SpanID(run string, n int) pcommon.SpanID   { panic("x") }
