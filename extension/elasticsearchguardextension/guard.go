// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/extensionmiddleware"
	"go.uber.org/zap"

	"github.com/inferwatch/inferwatch/extension/elasticsearchguardextension/internal/metadata"
)

// maxTargets bounds the clusters (by scheme, host and path) that one guard remembers. They come from the configuration of
// exporters and from node discovery, so that it is met only by a cluster whose nodes change their addresses.
const maxTargets = 64

// guard is the extension. All its work is done in the goroutines of the requests that pass through it.
type guard struct {
	cfg       *Config
	logger    *zap.Logger
	telemetry *metadata.TelemetryBuilder
	now       func() time.Time
	buffers   sync.Pool

	mu       sync.Mutex
	host     component.Host
	targets  map[string]*target
	reported string
}

var (
	_ extension.Extension            = (*guard)(nil)
	_ extensionmiddleware.HTTPClient = (*guard)(nil)
)

func newGuard(set component.TelemetrySettings, cfg *Config) (*guard, error) {
	telemetry, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	return &guard{
		cfg: cfg,
		// What is wrong stands in the message; a stack trace would only bury it.
		logger:    set.Logger.WithOptions(zap.AddStacktrace(zap.DPanicLevel)),
		telemetry: telemetry,
		now:       time.Now,
		buffers:   sync.Pool{New: func() any { return new(bytes.Buffer) }},
		targets:   map[string]*target{},
	}, nil
}

// Start implements component.Component.
func (g *guard) Start(_ context.Context, host component.Host) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.host = host
	return nil
}

// Shutdown implements component.Component. Requests that still come pass as before; their outcome is no longer reported.
func (g *guard) Shutdown(context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.host = nil
	g.telemetry.Shutdown()
	return nil
}

// GetHTTPRoundTripper implements extensionmiddleware.HTTPClient.
func (g *guard) GetHTTPRoundTripper(context.Context) (extensionmiddleware.WrapHTTPRoundTripperFunc, error) {
	return func(_ context.Context, base http.RoundTripper) (http.RoundTripper, error) {
		return &roundTripper{guard: g, base: base}, nil
	}, nil
}

// target returns what is known about the cluster that a bulk request goes to.
func (g *guard) target(req *http.Request) *target {
	prefix := strings.TrimSuffix(req.URL.Path, bulkPath)
	url := req.URL.Scheme + "://" + req.URL.Host + prefix
	g.mu.Lock()
	defer g.mu.Unlock()
	t := g.targets[url]
	if t == nil {
		g.makeRoom()
		t = newTarget(g, url, req.URL.Host)
		g.targets[url] = t
	}
	t.used = g.now()
	return t
}

// makeRoom forgets the target that was used longest ago when there are too many.
func (g *guard) makeRoom() {
	if len(g.targets) < maxTargets {
		return
	}
	oldest := ""
	for url, t := range g.targets {
		if oldest == "" || t.used.Before(g.targets[oldest].used) {
			oldest = url
		}
	}
	delete(g.targets, oldest)
}

// report brings the component's status in line with what is known about all targets. The lock is held while it is reported, so
// that two changes cannot overtake each other.
func (g *guard) report() {
	g.mu.Lock()
	defer g.mu.Unlock()
	var faults []string
	for _, t := range g.targets {
		if fault := t.fault(); fault != "" {
			faults = append(faults, fault)
		}
	}
	slices.Sort(faults)
	text := strings.Join(faults, "; ")
	if g.host == nil || text == g.reported {
		return
	}
	g.reported = text
	event := componentstatus.NewEvent(componentstatus.StatusOK)
	if text != "" {
		event = componentstatus.NewRecoverableErrorEvent(errors.New(text))
	}
	componentstatus.ReportStatus(g.host, event)
}
