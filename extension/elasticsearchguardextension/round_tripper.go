// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"net/http"
	"strings"
)

// bulkPath ends the path of the requests that carry documents.
const bulkPath = "/_bulk"

// roundTripper is the middleware in the client of one exporter.
type roundTripper struct {
	guard *guard
	base  http.RoundTripper
}

// RoundTrip implements http.RoundTripper. Requests that carry no documents pass untouched.
func (r *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method != http.MethodPost && req.Method != http.MethodPut || !strings.HasSuffix(req.URL.Path, bulkPath) {
		return r.base.RoundTrip(req)
	}
	t := r.guard.target(req)
	v, err := t.ensure(req, r.base)
	if err != nil || v.hold != "" {
		closeBody(req)
		if err != nil {
			return nil, err
		}
		return r.guard.held(req, t, v), nil
	}
	resp, err := r.base.RoundTrip(readable(req))
	if err != nil || resp.StatusCode != http.StatusOK {
		return resp, err
	}
	return r.guard.inspect(req, resp, t)
}

// closeBody does what a transport must do with a request that it does not send.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// readable leaves the compression of the answer to the transport, which undoes it, where the client asked for one itself: a
// compressed answer could not be looked at.
func readable(req *http.Request) *http.Request {
	if req.Header.Get("Accept-Encoding") == "" {
		return req
	}
	plain := req.Clone(req.Context())
	plain.Header.Del("Accept-Encoding")
	return plain
}
