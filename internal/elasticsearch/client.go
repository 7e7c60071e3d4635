// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// An answer longer than this is not one that we asked for.
const maxAnswer = 32 << 20

// ClientConfig says where a cluster is and who asks.
type ClientConfig struct {
	// URL is the address of a node or of a proxy before the cluster; a path is kept.
	URL string
	// User and Password are for basic authentication, APIKey (base64 of id:key) for API keys; at most one of the two ways.
	User, Password, APIKey string
	// HTTP does the requests; its Timeout bounds each of them.
	HTTP *http.Client
}

// Client speaks the few requests of Elasticsearch's REST API that setting up and checking need.
type Client struct {
	base       *url.URL
	authorize  func(*http.Request)
	httpClient *http.Client
}

// NewClient returns a client; it does not connect.
func NewClient(cfg ClientConfig) (*Client, error) {
	base, err := ParseURL(cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.APIKey != "" && cfg.User != "" {
		return nil, errors.New("an API key and a user exclude each other: give one of them")
	}
	c := &Client{base: base, httpClient: cfg.HTTP, authorize: func(*http.Request) {}}
	switch {
	case cfg.APIKey != "":
		c.authorize = func(r *http.Request) { r.Header.Set("Authorization", "ApiKey "+cfg.APIKey) }
	case cfg.User != "":
		c.authorize = func(r *http.Request) { r.SetBasicAuth(cfg.User, cfg.Password) }
	}
	return c, nil
}

// ParseURL reads the address of a cluster. Its errors never repeat the address, which may hold a password.
func ParseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("the address of Elasticsearch must be a URL such as http://127.0.0.1:9200: it cannot be read")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("the address of Elasticsearch must begin with http:// or https://, found %q", u.Redacted())
	case u.Host == "":
		return nil, fmt.Errorf("the address of Elasticsearch must name a host, found %q", u.Redacted())
	case u.User != nil:
		return nil, fmt.Errorf("the address of Elasticsearch must not hold a user or password, found %q", u.Redacted())
	case u.RawQuery != "" || u.Fragment != "":
		return nil, fmt.Errorf("the address of Elasticsearch must have neither query nor fragment, found %q", u.Redacted())
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// URL returns the address of the cluster.
func (c *Client) URL() string { return c.base.String() }

// do sends in, if any, as JSON and reads the answer into out, if any. An answer above 299 becomes a *StatusError.
func (c *Client) do(ctx context.Context, method, path, query string, in, out any) error {
	resp, err := c.send(ctx, method, path, query, in)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body := io.LimitReader(resp.Body, maxAnswer)
	if resp.StatusCode > 299 {
		return newStatusError(method, c.base.JoinPath(path).String(), resp.StatusCode, body)
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *[]IndexTemplate:
		*out, err = ParseIndexTemplates(body)
		return err
	default:
		if err := json.NewDecoder(body).Decode(out); err != nil {
			return fmt.Errorf("%s %s: the answer is not the JSON of Elasticsearch: %w", method, c.base.JoinPath(path), err)
		}
		return nil
	}
}

func (c *Client) send(ctx context.Context, method, path, query string, in any) (*http.Response, error) {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	target := c.base.JoinPath(path)
	target.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, method, target.String(), body)
	if err != nil {
		return nil, err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	c.authorize(req)
	return c.httpClient.Do(req)
}
