// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package query asks the real servers what arrived in them, and counts the items of package load.
package query

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"
)

const (
	askPause      = 200 * time.Millisecond
	progressPause = 5 * time.Second
)

// ErrNotFound is what an answer with status 404 is, among other errors.
var ErrNotFound = errors.New("not found")

// ask sends body as JSON, unless it is nil, and returns the answer's body; a status of 300 or more is an error with that body.
func ask(ctx context.Context, method, url, accept string, body any) ([]byte, error) {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", accept)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	switch {
	case response.StatusCode == http.StatusNotFound:
		return nil, fmt.Errorf("%s %s answers %s: %s: %w", method, url, response.Status, answer, ErrNotFound)
	case response.StatusCode >= http.StatusMultipleChoices:
		return nil, fmt.Errorf("%s %s answers %s: %s", method, url, response.Status, answer)
	}
	return answer, nil
}

// askJSON decodes the answer into out, unless out is nil.
func askJSON(ctx context.Context, method, url string, body, out any) error {
	answer, err := ask(ctx, method, url, "application/json", body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("%s %s: %w in the answer %s", method, url, err, answer)
	}
	return nil
}

// Eventually calls check until it returns nil. After timeout the test fails with check's last error; until then it is logged
// every 5 s.
func Eventually(tb testing.TB, timeout time.Duration, check func() error) {
	tb.Helper()
	started := time.Now()
	reported := started
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Since(started) > timeout {
			tb.Fatalf("after %v still: %v", timeout, err)
		}
		if time.Since(reported) > progressPause {
			reported = time.Now()
			tb.Logf("%3.0f s, not yet: %v", time.Since(started).Seconds(), err)
		}
		time.Sleep(askPause)
	}
}
