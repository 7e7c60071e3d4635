// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// The most of a reason that an error repeats; mapping faults can quote whole documents.
const maxReason = 500

// StatusError is an answer of Elasticsearch that says no.
type StatusError struct {
	Method, URL  string
	Status       int
	Type, Reason string
}

// Error implements error.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s %s: %d", e.Method, e.URL, e.Status)
	if e.Type != "" {
		text += " " + e.Type
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// IsStatus tells whether err is an answer of Elasticsearch with one of the statuses.
func IsStatus(err error, statuses ...int) bool {
	var refused *StatusError
	if !errors.As(err, &refused) {
		return false
	}
	for _, status := range statuses {
		if refused.Status == status {
			return true
		}
	}
	return false
}

type cause struct {
	Type     string `json:"type"`
	Reason   string `json:"reason"`
	CausedBy *cause `json:"caused_by"`
}

// newStatusError keeps the innermost cause, which is the one that says what is wrong with what was sent.
func newStatusError(method, url string, status int, body io.Reader) *StatusError {
	refused := &StatusError{Method: method, URL: url, Status: status, Reason: http.StatusText(status)}
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.NewDecoder(body).Decode(&answer) != nil {
		return refused
	}
	var root cause
	if json.Unmarshal(answer.Error, &root) != nil {
		// Some faults, an unknown route for one, come as a bare string.
		var text string
		if json.Unmarshal(answer.Error, &text) == nil {
			refused.Reason = shorten(text)
		}
		return refused
	}
	inner := &root
	for inner.CausedBy != nil && inner.CausedBy.Reason != "" {
		inner = inner.CausedBy
	}
	refused.Type = root.Type
	if inner.Reason != "" {
		refused.Reason = shorten(inner.Reason)
	}
	return refused
}

func shorten(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= maxReason {
		return text
	}
	return strings.ToValidUTF8(text[:maxReason], "") + "..."
}
