// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// maxPooledBuffer keeps one large answer from being held in memory for ever.
const maxPooledBuffer = 1 << 20

// otherErrorType is what the semantic conventions write for a value that is not listed.
const otherErrorType = "_OTHER"

// held answers a request in Elasticsearch's place.
func (g *guard) held(req *http.Request, t *target, v verdict) *http.Response {
	g.telemetry.ExtensionElasticsearchGuardHeldRequests.Add(req.Context(), 1,
		metric.WithAttributes(attribute.String("reason", v.hold), t.addressAttribute()))
	kind := v.hold
	if len(v.missing) > 0 {
		kind = fmt.Sprintf("%s [%s]", v.hold, strings.Join(v.missing, ", "))
	}
	return unavailable(req, http.Header{}, kind, v.text)
}

// inspect reads the answer to a bulk request. It is passed on as it is unless documents in it may be taken later: the exporter
// drops those, so that the whole request is made to fail, and to be sent again.
func (g *guard) inspect(req *http.Request, resp *http.Response, t *target) (*http.Response, error) {
	buffer := g.buffers.Get().(*bytes.Buffer)
	buffer.Reset()
	size, err := buffer.ReadFrom(io.LimitReader(resp.Body, g.cfg.MaxAnswerSize+1))
	_ = resp.Body.Close()
	if err != nil {
		g.recycle(buffer)
		return nil, err
	}
	answer, ok := bulkAnswer{}, true
	if size > g.cfg.MaxAnswerSize {
		answer = tooLarge(g.cfg.MaxAnswerSize)
	} else {
		answer, ok = parseBulkAnswer(buffer.Bytes())
	}
	if !ok || answer.retryable == 0 {
		resp.Body = &pooledBody{Reader: bytes.NewReader(buffer.Bytes()), release: func() { g.recycle(buffer) }}
		return resp, nil
	}
	g.recycle(buffer)
	return g.rejected(req, resp, t, answer), nil
}

// tooLarge stands for an answer that cannot be looked at: rather hold than lose.
func tooLarge(limit int64) bulkAnswer {
	return bulkAnswer{retryable: 1, first: itemFault{
		status:  http.StatusInsufficientStorage,
		kind:    "answer_too_large",
		excerpt: fmt.Sprintf("the answer is larger than max_answer_size, %d bytes", limit),
	}}
}

// rejected turns an answer into a failure of the request. The headers stay, by which the exporter knows Elasticsearch.
func (g *guard) rejected(req *http.Request, resp *http.Response, t *target, answer bulkAnswer) *http.Response {
	t.learn(answer.targets)
	fault := answer.first
	g.telemetry.ExtensionElasticsearchGuardRetriedRequests.Add(req.Context(), 1, metric.WithAttributes(
		attribute.Int("http.response.status_code", fault.status),
		attribute.String("error.type", knownErrorType(fault.kind)),
		t.addressAttribute(),
	))
	if t.mayWarn() {
		g.logger.Warn("Elasticsearch refused documents that it may take later; the whole request will be sent again",
			zap.String("url", t.url),
			zap.String("index", fault.index),
			zap.Int("status", fault.status),
			zap.String("error.type", fault.kind),
			zap.String("error.reason", fault.excerpt),
			zap.Int("documents", answer.items),
			zap.Int("refused", answer.retryable),
		)
	}
	header := resp.Header.Clone()
	for _, name := range []string{"Content-Encoding", "Content-Length", "Transfer-Encoding", "Etag"} {
		header.Del(name)
	}
	return unavailable(req, header, "refused_documents ["+answer.summary()+"]", fault.excerpt)
}

// unavailable makes a response in the form that Elasticsearch gives to faults. The exporter shows the type in its own error and
// leaves the reason out, so that the type names what is missing.
func unavailable(req *http.Request, header http.Header, kind, reason string) *http.Response {
	body, err := json.Marshal(map[string]any{
		"error":  map[string]any{"type": kind, "reason": reason},
		"status": http.StatusServiceUnavailable,
	})
	if err != nil {
		body = nil
	}
	header.Set("Content-Type", "application/json")
	return &http.Response{
		Status:        "503 Service Unavailable",
		StatusCode:    http.StatusServiceUnavailable,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        header,
		Body:          io.NopCloser(bytes.NewReader(body)),
		ContentLength: int64(len(body)),
		Request:       req,
	}
}

// knownErrorType bounds the values of the attribute.
func knownErrorType(kind string) string {
	if slices.Contains(knownErrorTypes(), kind) {
		return kind
	}
	return otherErrorType
}

// knownErrorTypes lists what Elasticsearch says of documents that it may take later. The README has the same list.
func knownErrorTypes() []string {
	return []string{
		"answer_too_large", "circuit_breaking_exception", "cluster_block_exception", "es_rejected_execution_exception",
		"index_not_found_exception", "no_shard_available_action_exception", "node_not_connected_exception",
		"process_cluster_event_timeout_exception", "resource_not_found_exception", "security_exception",
		"unavailable_shards_exception", "validation_exception",
	}
}

func (g *guard) recycle(buffer *bytes.Buffer) {
	if buffer.Cap() <= maxPooledBuffer {
		g.buffers.Put(buffer)
	}
}

// pooledBody is an answer in a buffer that goes back to the pool when it is closed.
type pooledBody struct {
	*bytes.Reader
	once    sync.Once
	release func()
}

// Close implements io.Closer.
func (b *pooledBody) Close() error {
	b.once.Do(func() {
		b.Reset(nil)
		b.release()
	})
	return nil
}
