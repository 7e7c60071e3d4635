// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package process

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

const attemptTimeout = 2 * time.Second

// HTTPReady is a Spec.Ready for a program that answers url with status 200 when it is ready.
func HTTPReady(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		body, err := io.ReadAll(io.LimitReader(response.Body, 512))
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s: %s", url, response.Status, bytes.TrimSpace(body))
		}
		return nil
	}
}

// LogReady is a Spec.Ready for a program that writes text when it is ready. Only what is appended to the log file after the call
// of LogReady counts, so make a new one for every start.
func LogReady(logFile, text string) func(context.Context) error {
	var from int64
	if info, err := os.Stat(logFile); err == nil {
		from = info.Size()
	}
	return func(context.Context) error {
		file, err := os.Open(logFile)
		if err != nil {
			return err
		}
		defer file.Close()
		if _, err := file.Seek(from, io.SeekStart); err != nil {
			return err
		}
		log, err := io.ReadAll(file)
		if err != nil {
			return err
		}
		if !bytes.Contains(log, []byte(text)) {
			return fmt.Errorf("its log does not say %q yet", text)
		}
		return nil
	}
}
