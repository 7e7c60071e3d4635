// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/inferwatch/inferwatch/testbed/load"
)

const (
	pageSize    = 5000 // of at most 10000
	pageKept    = "1m"
	requestIDIn = "http.request.id"
)

// Elasticsearch is a node, or cluster, at URL.
type Elasticsearch struct{ URL string }

// Hit is one document.
type Hit struct {
	Index  string          `json:"_index"`
	ID     string          `json:"_id"`
	Source map[string]any  `json:"_source"`
	Sort   json.RawMessage `json:"sort,omitempty"`
}

// Hits is what a search found: the first of them, and how many there are.
type Hits struct {
	Total int
	Hits  []Hit
}

// searchAnswer is the part of Elasticsearch's answer that is read here.
type searchAnswer struct {
	Hits struct {
		Total struct {
			Value int `json:"value"`
		} `json:"total"`
		Hits []Hit `json:"hits"`
	} `json:"hits"`
}

// Do sends any request; body and out are JSON and may be nil. A status of 300 or more is an error that carries the answer.
func (e Elasticsearch) Do(ctx context.Context, method, path string, body, out any) error {
	return askJSON(ctx, method, e.URL+"/"+strings.TrimPrefix(path, "/"), body, out)
}

// Search searches index, which may be a pattern; one that does not exist holds nothing.
func (e Elasticsearch) Search(ctx context.Context, index string, body any) (Hits, error) {
	var answer searchAnswer
	path := url.PathEscape(index) + "/_search?ignore_unavailable=true&rest_total_hits_as_int=false&track_total_hits=true"
	if err := e.Do(ctx, http.MethodPost, path, body, &answer); err != nil {
		return Hits{}, err
	}
	return Hits{Total: answer.Hits.Total.Value, Hits: answer.Hits.Hits}, nil
}

// Refresh makes all that was written to index visible to searches.
func (e Elasticsearch) Refresh(ctx context.Context, index string) error {
	return e.Do(ctx, http.MethodPost, url.PathEscape(index)+"/_refresh?ignore_unavailable=true", nil, nil)
}

// ItemNumbers counts the documents of each item of the run, log records or spans. It reads every document of index and looks at
// its request id here: so it counts right whatever the index's mapping is.
func (e Elasticsearch) ItemNumbers(ctx context.Context, index, run string) (map[int]int, error) {
	if err := e.Refresh(ctx, index); err != nil {
		return nil, err
	}
	numbers := map[int]int{}
	err := e.scan(ctx, index, func(hit Hit) {
		if n, ok := load.Number(run, requestID(hit.Source)); ok {
			numbers[n]++
		}
	})
	return numbers, err
}

// scan calls each for every document of index as it was when the scan began.
func (e Elasticsearch) scan(ctx context.Context, index string, each func(Hit)) error {
	var pit struct {
		ID string `json:"id"`
	}
	path := url.PathEscape(index) + "/_pit?ignore_unavailable=true&keep_alive=" + pageKept
	if err := e.Do(ctx, http.MethodPost, path, nil, &pit); err != nil {
		return err
	}
	search := map[string]any{
		"pit":              map[string]any{"id": pit.ID, "keep_alive": pageKept},
		"size":             pageSize,
		"sort":             []string{"_shard_doc"},
		"track_total_hits": false,
		"_source":          []string{requestIDIn, "attributes." + requestIDIn},
	}
	for {
		var answer searchAnswer
		if err := e.Do(ctx, http.MethodPost, "_search", search, &answer); err != nil {
			return err
		}
		hits := answer.Hits.Hits
		for _, hit := range hits {
			each(hit)
		}
		if len(hits) < pageSize {
			return e.Do(ctx, http.MethodDelete, "_pit", map[string]any{"id": pit.ID}, nil)
		}
		search["search_after"] = hits[len(hits)-1].Sort
	}
}

// requestID finds the request id where the exporter's mapping modes put it: among the attributes or at the top, its dots kept or
// made into objects.
func requestID(source map[string]any) string {
	for _, at := range []any{source["attributes"], any(source)} {
		if id := walk(at, requestIDIn); id != "" {
			return id
		}
	}
	return ""
}

// walk follows a dotted path through objects whose keys may contain dots themselves.
func walk(at any, path string) string {
	object, ok := at.(map[string]any)
	if !ok {
		return ""
	}
	for key, value := range object {
		if text, ok := value.(string); ok && key == path {
			return text
		}
		if rest, ok := strings.CutPrefix(path, key+"."); ok {
			if text := walk(value, rest); text != "" {
				return text
			}
		}
	}
	return ""
}
