// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	// Names beyond this are not learnt from one answer; the next one will tell them.
	maxTargetsPerAnswer = 16
	// The most of a reason that goes into a log line; mapping faults can quote whole documents.
	maxReasonBytes = 300
)

// bulkAnswer is what an answer to a bulk request says about documents that may be taken later.
type bulkAnswer struct {
	// items is the number of documents in the answer, retryable the number of those that may be taken later.
	items, retryable int
	// first is the first of the retryable ones.
	first itemFault
	// targets are the data streams or indices that Elasticsearch did not find, without repetition.
	targets []string
}

// summary names the first fault and how many there are.
func (a bulkAnswer) summary() string {
	text := strconv.Itoa(a.first.status)
	for _, part := range []string{a.first.kind, a.first.index} {
		if part != "" {
			text += " " + part
		}
	}
	if a.items > 0 {
		text += fmt.Sprintf(", %d of %d", a.retryable, a.items)
	}
	return text
}

// itemFault says why Elasticsearch refused a document.
type itemFault struct {
	status        int
	index         string
	kind, excerpt string
}

// item is one document's part of an answer; its fields point into the answer.
type item struct {
	action, index, kind, reason []byte
	status                      int
}

// parseBulkAnswer reads the answer that the exporter asks for by filter_path: items.*._index, .status, .error.type and
// .error.reason; whatever else there is, it passes over. Answers without faults cost no allocation. ok is false where the
// answer is not JSON; then the exporter, which reads it next, will say so and keep the documents.
func parseBulkAnswer(data []byte) (answer bulkAnswer, ok bool) {
	s := scanner{data: data}
	if !s.enter('{') {
		return answer, false
	}
	for first := true; ; first = false {
		key, more := s.key(first)
		if !more {
			return answer, !s.bad
		}
		if string(key) == "items" && s.peek() == '[' {
			s.items(&answer)
			continue
		}
		s.skip()
	}
}

func (s *scanner) items(answer *bulkAnswer) {
	s.enter('[')
	for first := true; s.element(first); first = false {
		if s.peek() != '{' {
			s.skip()
			continue
		}
		s.enter('{')
		for firstKey := true; ; firstKey = false {
			action, more := s.key(firstKey)
			if !more {
				break
			}
			it := item{action: action}
			s.item(&it)
			answer.add(it)
		}
	}
}

func (s *scanner) item(it *item) {
	if s.peek() != '{' {
		s.skip()
		return
	}
	s.enter('{')
	for first := true; ; first = false {
		key, more := s.key(first)
		switch {
		case !more:
			return
		case string(key) == "status":
			it.status = s.integer()
		case string(key) == "_index" && s.peek() == '"':
			it.index = s.str()
		case string(key) == "error" && s.peek() == '{':
			s.fault(it)
		default:
			s.skip()
		}
	}
}

func (s *scanner) fault(it *item) {
	s.enter('{')
	for first := true; ; first = false {
		key, more := s.key(first)
		switch {
		case !more:
			return
		case string(key) == "type" && s.peek() == '"':
			it.kind = s.str()
		case string(key) == "reason" && s.peek() == '"':
			it.reason = s.str()
		default:
			s.skip()
		}
	}
}

func (a *bulkAnswer) add(it item) {
	a.items++
	if !it.retryable() {
		return
	}
	a.retryable++
	if a.retryable == 1 {
		a.first = itemFault{
			status:  it.status,
			index:   string(it.index),
			kind:    string(it.kind),
			excerpt: strings.ToValidUTF8(string(it.reason[:min(len(it.reason), maxReasonBytes)]), ""),
		}
	}
	if it.status == http.StatusNotFound && len(it.index) > 0 && len(a.targets) < maxTargetsPerAnswer {
		if name := string(it.index); !slices.Contains(a.targets, name) {
			a.targets = append(a.targets, name)
		}
	}
}

// retryable tells whether the document may be taken later, unlike one that its mapping refuses, which would block the queue
// for ever. Conflicts (409) mean that the document is there already.
func (it item) retryable() bool {
	switch {
	case it.status >= http.StatusInternalServerError, it.status == http.StatusTooManyRequests:
		return true
	case it.status == http.StatusUnauthorized, it.status == http.StatusForbidden:
		// A write block or a missing privilege: nothing that the document could do about.
		return true
	case it.status == http.StatusNotFound:
		// For documents that are created, not found is their target. Updates and deletions mean the document itself.
		return string(it.action) != "update" && string(it.action) != "delete"
	case it.status == http.StatusBadRequest:
		// The cluster's limit of shards, met while the data stream was to be created.
		return string(it.kind) == "validation_exception"
	}
	return false
}
