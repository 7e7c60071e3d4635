// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
)

// quietGuard is a guard with the real clock that reports to nobody.
func quietGuard(tb testing.TB) *guard {
	cfg := createDefaultConfig().(*Config)
	cfg.DataStreams = []string{streamA}
	g, err := newGuard(componenttest.NewNopTelemetrySettings(), cfg)
	require.NoError(tb, err)
	return g
}

func wrapQuiet(tb testing.TB, g *guard, base transport) http.RoundTripper {
	wrap, err := g.GetHTTPRoundTripper(context.Background())
	require.NoError(tb, err)
	client, err := wrap(context.Background(), base)
	require.NoError(tb, err)
	return client
}

// BenchmarkRoundTrip is what the guard adds to a bulk request of 1000 documents that all go well.
func BenchmarkRoundTrip(b *testing.B) {
	const item = `{"create":{"_index":".ds-logs-request.otel-default-2026.11.22-000001","status":201}}`
	answer := []byte(`{"items":[` + strings.Repeat(item+",", 999) + item + `]}`)
	reader := bytes.NewReader(nil)
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}}
	base := transport(func(req *http.Request) (*http.Response, error) {
		if isCheck(req) {
			return response(allThere), nil
		}
		reader.Reset(answer)
		resp.Body = io.NopCloser(reader)
		return resp, nil
	})
	req := newBulk(b, context.Background())
	for name, client := range map[string]http.RoundTripper{"without": base, "with": wrapQuiet(b, quietGuard(b), base)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				got, err := client.RoundTrip(req)
				if err != nil || got.StatusCode != http.StatusOK {
					b.Fatal(err, got)
				}
				if _, err := io.Copy(io.Discard, got.Body); err != nil {
					b.Fatal(err)
				}
				got.Body.Close()
			}
		})
	}
}
