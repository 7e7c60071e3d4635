// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// maxPage bounds a page, in bytes. 64 GPUs with 64 processes each make less than 8 MiB.
const maxPage = 64 << 20

// Source is where inferwatch serves what is shown.
type Source struct {
	Client *http.Client
	// Page is the URL of the metrics of the GPUs.
	Page string
	// Telemetry is the URL of inferwatch's own metrics, which tell the state of the NVML library. Without it the GPUs are shown all the same.
	Telemetry string
	// Hostname is what this machine is called, for a page on loopback.
	Hostname string
}

// Read fetches both pages. The error says what is wrong with the first and what to do; a fault of the second is in Host.NoTelemetry.
func (s Source) Read(ctx context.Context) (*Host, error) {
	d := newDecoder()
	samples, err := s.get(ctx, s.Page, d.wants)
	if err != nil {
		return nil, s.explain(err)
	}
	host := d.decode(samples)
	s.addTelemetry(ctx, host)
	if host.Name == "" {
		host.Name = s.hostname()
	}
	return host, nil
}

func (s Source) addTelemetry(ctx context.Context, host *Host) {
	if s.Telemetry == "" {
		host.NoTelemetry = "none is given"
		return
	}
	samples, err := s.get(ctx, s.Telemetry, isTelemetry)
	if err != nil {
		host.NoTelemetry = fmt.Sprintf("%s: %v", s.Telemetry, short(err))
	}
	host.addTelemetry(samples)
}

func (s Source) get(ctx context.Context, address string, keep func(string) bool) ([]sample, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/plain;version=0.0.4")
	resp, err := s.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers with %s", resp.Status)
	}
	body := &io.LimitedReader{R: resp.Body, N: maxPage}
	samples, err := parsePage(body, keep)
	if body.N <= 0 {
		return nil, fmt.Errorf("it is greater than %d MiB", maxPage>>20)
	}
	return samples, err
}

func (s Source) explain(err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var unreachable *url.Error
	if !errors.As(err, &unreachable) {
		return fmt.Errorf("cannot use %s: %w: is --url right?", s.Page, err)
	}
	return fmt.Errorf("cannot read %s: %w: start inferwatch with configs/standalone.yaml (make run; without a GPU, make gpu-demo), or say with --url where its metrics are",
		s.Page, short(err))
}

// short leaves out method and address, which the caller names itself.
func short(err error) error {
	var request *url.Error
	var network net.Error
	switch {
	case errors.As(err, &network) && network.Timeout():
		return errors.New("no answer in time (--timeout)")
	case errors.As(err, &request):
		return request.Err
	}
	return err
}

// Client returns an HTTP client that keeps no more than one connection for each of the two pages.
func Client(timeout time.Duration) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1
	return &http.Client{Transport: transport, Timeout: timeout}
}
