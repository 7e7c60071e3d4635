// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/elasticsearch"
)

// transport is an http.RoundTripper that a test writes.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func isCheck(req *http.Request) bool {
	return strings.HasSuffix(req.URL.Path, elasticsearch.TemplatesPath)
}

func response(body string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"X-Elastic-Product": {"Elasticsearch"}},
		Body:       io.NopCloser(strings.NewReader(body)),
	}
}

const allThere = `{"index_templates":[{"name":"a","index_template":{"index_patterns":["logs-*"],"data_stream":{}}}]}`

func TestOtherRequestsPassUntouched(t *testing.T) {
	h := newHarness(t)
	for _, request := range []string{"GET /", "GET /_nodes/http", "POST /_search", "GET /_bulk", "HEAD /_bulk"} {
		method, path, _ := strings.Cut(request, " ")
		req, err := http.NewRequest(method, h.server.URL+path, http.NoBody)
		require.NoError(t, err)
		resp, err := h.client.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, []string{request}, h.server.Requests())
	}
}

func TestCheckUsesTheRequestsOwnWay(t *testing.T) {
	h := newHarness(t)
	var checks []*http.Request
	client := h.wrap(transport(func(req *http.Request) (*http.Response, error) {
		if isCheck(req) {
			checks = append(checks, req)
			return response(allThere), nil
		}
		return response(created), nil
	}))
	req := h.request(context.Background())
	req.URL.Path = "/prefix/_bulk"
	req.Host = "elastic.example"
	req.Header.Set("Cookie", "a=b")
	req.Header.Set("Content-Encoding", "gzip")
	resp, err := client.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())

	require.Len(t, checks, 1)
	assert.Equal(t, h.server.URL+"/prefix/_index_template?"+elasticsearch.TemplatesQuery, checks[0].URL.String())
	assert.Equal(t, http.MethodGet, checks[0].Method)
	assert.Equal(t, "elastic.example", checks[0].Host)
	assert.Equal(t, http.Header{"Authorization": {"ApiKey a2V5"}, "Cookie": {"a=b"}}, checks[0].Header)
	assert.Equal(t, "1", req.Header.Get("X-Elastic-Event-Count"), "the request itself stays as it is")
}

func TestOneCheckForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := quietGuard(t)
		var checks, bulks atomic.Int32
		release := make(chan struct{})
		client := wrapQuiet(t, g, func(req *http.Request) (*http.Response, error) {
			if isCheck(req) {
				checks.Add(1)
				<-release
				return response(allThere), nil
			}
			bulks.Add(1)
			return response(created), nil
		})
		var done sync.WaitGroup
		for range 50 {
			done.Go(func() {
				resp, err := client.RoundTrip(newBulk(t, context.Background()))
				if assert.NoError(t, err) {
					assert.Equal(t, 200, resp.StatusCode)
					assert.NoError(t, resp.Body.Close())
				}
			})
		}
		synctest.Wait()
		assert.Zero(t, bulks.Load())
		close(release)
		done.Wait()
		assert.EqualValues(t, 1, checks.Load())
		assert.EqualValues(t, 50, bulks.Load())
	})
}

func TestTheEndOfOneRequestIsNotTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := quietGuard(t)
		var checks atomic.Int32
		client := wrapQuiet(t, g, func(req *http.Request) (*http.Response, error) {
			if !isCheck(req) {
				return response(created), nil
			}
			if checks.Add(1) == 1 {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return response(allThere), nil
		})
		first, cancelFirst := context.WithCancel(context.Background())
		third, cancelThird := context.WithCancel(context.Background())
		outcomes := make([]error, 3)
		var done sync.WaitGroup
		for i, ctx := range []context.Context{first, context.Background(), third} {
			done.Go(func() {
				resp, err := client.RoundTrip(newBulk(t, ctx))
				outcomes[i] = err
				if err == nil {
					assert.NoError(t, resp.Body.Close())
				}
			})
			synctest.Wait()
		}
		cancelThird()
		synctest.Wait()
		assert.ErrorIs(t, outcomes[2], context.Canceled, "one who waits can give up")
		cancelFirst()
		done.Wait()
		assert.ErrorIs(t, outcomes[0], context.Canceled)
		assert.NoError(t, outcomes[1])
		assert.EqualValues(t, 2, checks.Load())
	})
}

func TestUnreachableIsTheTransportsError(t *testing.T) {
	h := newHarness(t)
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	var sent []string
	client := h.wrap(transport(func(req *http.Request) (*http.Response, error) {
		sent = append(sent, req.Method)
		return nil, refused
	}))
	for range 2 {
		body := &closeRecorder{Reader: strings.NewReader("{}")}
		req := h.request(context.Background())
		req.Body = body
		err := failure(client, req)
		assert.Equal(t, error(refused), err)
		assert.True(t, body.closed)
	}
	assert.Equal(t, []string{"GET", "GET"}, sent, "nothing is remembered, and nothing is sent")
	assert.Empty(t, h.newLogs())
	assert.Empty(t, h.newStatuses())
}

func TestCheckIsBoundedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := quietGuard(t)
		client := wrapQuiet(t, g, func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		start := time.Now()
		err := failure(client, newBulk(t, context.Background()))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

func TestBodyOfAHeldRequestIsClosed(t *testing.T) {
	h := newHarness(t)
	body := &closeRecorder{Reader: strings.NewReader("{}")}
	req := h.request(context.Background())
	req.Body = body
	resp, err := h.client.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 503, resp.StatusCode)
	assert.True(t, body.closed)
}

type closeRecorder struct {
	io.Reader
	closed bool
}

func (c *closeRecorder) Close() error {
	c.closed = true
	return nil
}

func TestRejectedAnswerKeepsItsHeaders(t *testing.T) {
	h := newHarness(t)
	h.have(streamA, streamB)
	h.server.Fix(bulk, 200, noIndex)
	req := h.request(context.Background())
	resp, err := h.client.RoundTrip(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, "Elasticsearch", resp.Header.Get("X-Elastic-Product"))
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	assert.Empty(t, resp.Header.Get("Content-Length"))
	assert.EqualValues(t, len(body), resp.ContentLength)
	assert.Equal(t, "503 Service Unavailable", resp.Status)
	assert.Same(t, req, resp.Request)
}

// failure sends a request that is to fail.
func failure(client http.RoundTripper, req *http.Request) error {
	resp, err := client.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// A client that asks for a compressed answer itself must undo the compression itself: then nobody could look at it.
func TestCompressedAnswers(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := noIndex
		if isCheck(r) {
			answer = allThere
		}
		if r.Header.Get("Accept-Encoding") != "gzip" {
			io.WriteString(w, answer)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		zip := gzip.NewWriter(w)
		io.WriteString(zip, answer)
		zip.Close()
	}))
	defer server.Close()
	h := newHarness(t)
	for _, accept := range []string{"", "gzip"} {
		req := h.request(context.Background())
		req.URL.Host = strings.TrimPrefix(server.URL, "http://")
		if accept != "" {
			req.Header.Set("Accept-Encoding", accept)
		}
		resp, err := h.client.RoundTrip(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, 503, resp.StatusCode)
		assert.Equal(t, accept, req.Header.Get("Accept-Encoding"), "the request itself stays as it is")
	}
	// One that comes compressed all the same is passed on as it is.
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	io.WriteString(zip, noIndex)
	require.NoError(t, zip.Close())
	client := h.wrap(transport(func(req *http.Request) (*http.Response, error) {
		if isCheck(req) {
			return response(allThere), nil
		}
		return response(zipped.String()), nil
	}))
	resp, err := client.RoundTrip(h.request(context.Background()))
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 200, resp.StatusCode)
	assert.Equal(t, zipped.Bytes(), body)
}

func TestAnswersAreBounded(t *testing.T) {
	h := newHarness(t, func(cfg *Config) { cfg.MaxAnswerSize = 1 << 20 })
	h.have(streamA, streamB)
	fits := `{"items":[{"create":{"status":201}}],"x":"`
	fits += strings.Repeat("x", 1<<20-len(fits)-2) + `"}`
	h.server.Fix(bulk, 200, fits)
	status, body := h.send()
	assert.Equal(t, 200, status)
	assert.Equal(t, fits, body)
	h.server.Fix(bulk, 200, fits+" ")
	status, body = h.send()
	assert.Equal(t, 503, status)
	assert.Equal(t, `{"error":{"reason":"the answer is larger than max_answer_size, 1048576 bytes","type":"refused_documents [507 answer_too_large]"},"status":503}`, body)
}

func TestAnswerThatBreaksOff(t *testing.T) {
	h := newHarness(t)
	broken := errors.New("connection reset")
	client := h.wrap(transport(func(req *http.Request) (*http.Response, error) {
		if isCheck(req) {
			return response(allThere), nil
		}
		resp := response("")
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"items":[`), errorReader{broken}))
		return resp, nil
	}))
	assert.ErrorIs(t, failure(client, h.request(context.Background())), broken)
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// Buffers are used again; no answer may show through in another one.
func TestAnswersDoNotMix(t *testing.T) {
	h := newHarness(t)
	client := h.wrap(transport(func(req *http.Request) (*http.Response, error) {
		if isCheck(req) {
			return response(allThere), nil
		}
		return response(fmt.Sprintf(`{"items":[{"create":{"_index":%q,"status":201}}]}`, strings.Repeat(req.Header.Get("Mark"), 1000))), nil
	}))
	var done sync.WaitGroup
	for worker := range 8 {
		done.Go(func() {
			for i := range 100 {
				mark := fmt.Sprintf("%d-%d;", worker, i)
				req := newBulk(t, context.Background())
				req.Header.Set("Mark", mark)
				resp, err := client.RoundTrip(req)
				if !assert.NoError(t, err) {
					return
				}
				body, err := io.ReadAll(resp.Body)
				assert.NoError(t, err)
				assert.Equal(t, 1000, bytes.Count(body, []byte(mark)))
				assert.NoError(t, resp.Body.Close())
				assert.NoError(t, resp.Body.Close())
				n, err := resp.Body.Read(body)
				assert.Zero(t, n)
				assert.Equal(t, io.EOF, err)
			}
		})
	}
	done.Wait()
}

func newBulk(tb testing.TB, ctx context.Context) *http.Request {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://es:9200/_bulk", strings.NewReader("{}\n{}\n"))
	require.NoError(tb, err)
	return req
}
