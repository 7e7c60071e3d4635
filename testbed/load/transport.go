// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
)

// Protocol is how OTLP is carried.
type Protocol string

const (
	GRPC Protocol = "grpc"
	HTTP Protocol = "http"
)

// transport carries an encoded request to the receiver and returns the encoded answer.
type transport struct {
	call  func(ctx context.Context, c coding, request []byte) ([]byte, error)
	close func()
}

func newTransport(cfg Config) (transport, error) {
	if cfg.Protocol == HTTP {
		return httpTransport(cfg), nil
	}
	return grpcTransport(cfg)
}

func grpcTransport(cfg Config) (transport, error) {
	conn, err := grpc.NewClient(cfg.Endpoint,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodec(raw{})),
		// By default a receiver that was away is tried again after up to two minutes.
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.5, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: time.Second,
		}))
	if err != nil {
		return transport{}, fmt.Errorf("endpoint %q: %w", cfg.Endpoint, err)
	}
	call := func(ctx context.Context, c coding, request []byte) ([]byte, error) {
		var answer []byte
		err := conn.Invoke(ctx, c.method, &request, &answer)
		return answer, err
	}
	return transport{call: call, close: func() { _ = conn.Close() }}, nil
}

// raw is a gRPC codec for messages that are encoded already.
type raw struct{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(message any) ([]byte, error) {
	bytes, ok := message.(*[]byte)
	if !ok {
		return nil, fmt.Errorf("cannot send a %T", message)
	}
	return *bytes, nil
}

func (raw) Unmarshal(data []byte, message any) error {
	into, ok := message.(*[]byte)
	if !ok {
		return fmt.Errorf("cannot receive into a %T", message)
	}
	*into = bytes.Clone(data) // gRPC uses its buffer again
	return nil
}

func httpTransport(cfg Config) transport {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: cfg.Workers}}
	call := func(ctx context.Context, c coding, body []byte) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, cfg.Endpoint+c.path, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		request.Header.Set("Content-Type", "application/x-protobuf")
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		answer, err := io.ReadAll(response.Body)
		if err != nil {
			return nil, err
		}
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answers %s: %q", request.URL, response.Status, answer)
		}
		return answer, nil
	}
	return transport{call: call, close: client.CloseIdleConnections}
}
