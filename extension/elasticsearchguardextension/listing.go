// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/inferwatch/inferwatch/internal/elasticsearch"
)

// maxListing bounds the list of templates; a template takes some 150 bytes of it.
const maxListing = 16 << 20

// listing is what Elasticsearch said when asked for its index templates.
type listing struct {
	templates []elasticsearch.IndexTemplate
	// refusal says that we may not look, failure that it could not answer now.
	refusal, failure string
}

// list asks the cluster that the request goes to, with the request's own credentials and through the transport that would
// carry it. An error means that there was no answer at all.
func (t *target) list(req *http.Request, base http.RoundTripper) (listing, error) {
	ctx, cancel := context.WithTimeout(req.Context(), t.guard.cfg.CheckTimeout)
	defer cancel()
	check, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url+elasticsearch.TemplatesPath+"?"+elasticsearch.TemplatesQuery, nil)
	if err != nil {
		return listing{}, err
	}
	check.Host = req.Host
	check.Header = credentials(req.Header)
	resp, err := base.RoundTrip(check)
	if err != nil {
		return listing{}, err
	}
	defer resp.Body.Close()
	return read(resp), nil
}

// credentials returns the headers of a request without those that describe its body.
func credentials(header http.Header) http.Header {
	kept := header.Clone()
	for _, name := range []string{
		"Accept-Encoding", "Content-Encoding", "Content-Length", "Content-Type", "Transfer-Encoding",
		"X-Elastic-Event-Count", "X-Elastic-Uncompressed-Request-Length",
	} {
		kept.Del(name)
	}
	return kept
}

func read(resp *http.Response) listing {
	switch status := resp.StatusCode; {
	case status == http.StatusOK:
		templates, err := elasticsearch.ParseIndexTemplates(io.LimitReader(resp.Body, maxListing))
		if err != nil {
			return listing{failure: err.Error()}
		}
		return listing{templates: templates}
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return listing{failure: fmt.Sprintf("it answered %d", status)}
	case status == http.StatusForbidden:
		return listing{refusal: "the credentials need the cluster privilege monitor, on older releases manage_index_templates (403)"}
	default:
		// What an unknown user gets, or what a proxy says that lets nothing but documents pass.
		return listing{refusal: fmt.Sprintf("it answered %d to GET %s", status, elasticsearch.TemplatesPath)}
	}
}
