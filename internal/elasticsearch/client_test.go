// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/elasticsearch/elasticsearchtest"
)

func TestClientSendsCredentials(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	for want, cfg := range map[string]ClientConfig{
		"":                  {},
		"Basic dTpw":        {User: "u", Password: "p"},
		"ApiKey a2V5OnZhbA": {APIKey: "a2V5OnZhbA"},
	} {
		server.Requests()
		cfg.URL, cfg.HTTP = server.URL, server.Client()
		client, err := NewClient(cfg)
		require.NoError(t, err)
		_, err = client.Info(context.Background())
		require.NoError(t, err)
		assert.Equal(t, want, server.Headers()[0].Get("Authorization"))
	}
}

func TestClientKeepsThePathOfTheURL(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	server.Fix("GET /es/", http.StatusOK, `{"version":{"number":"9.1.0"}}`)
	client, err := NewClient(ClientConfig{URL: server.URL + "/es/", HTTP: server.Client()})
	require.NoError(t, err)
	cluster, err := client.Info(context.Background())
	require.NoError(t, err)
	assert.Equal(t, server.URL+"/es", cluster.URL)
}

func TestNewClientFaults(t *testing.T) {
	for raw, want := range map[string]string{
		"":                        "must begin with http:// or https://",
		"127.0.0.1:9200":          "must be a URL such as http://127.0.0.1:9200",
		"ftp://h":                 "must begin with http:// or https://",
		"http://":                 "must name a host",
		"http://u:secret@h":       `must not hold a user or password, found "http://u:xxxxx@h"`,
		"http://h?x=y":            "must have neither query nor fragment",
		"http://u:secret@h:port/": "must be a URL such as http://127.0.0.1:9200: it cannot be read",
		"http://u:sec\x00ret@h/":  "must be a URL such as http://127.0.0.1:9200: it cannot be read",
	} {
		_, err := NewClient(ClientConfig{URL: raw})
		require.ErrorContains(t, err, want, raw)
		assert.NotContains(t, err.Error(), "secret")
	}
	_, err := NewClient(ClientConfig{URL: "http://h", User: "u", APIKey: "k"})
	assert.EqualError(t, err, "an API key and a user exclude each other: give one of them")
}

func TestInfoKnowsOtherServers(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusOK:        "URL is not Elasticsearch: its answer has no header X-Elastic-Product: Elasticsearch",
		http.StatusNotFound:  "URL is not Elasticsearch: it answered 404 to GET /",
		http.StatusForbidden: "GET URL/: 403: Forbidden",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		client, err := NewClient(ClientConfig{URL: server.URL, HTTP: server.Client()})
		require.NoError(t, err)
		_, err = client.Info(context.Background())
		assert.EqualError(t, err, strings.ReplaceAll(want, "URL", server.URL))
		server.Close()
	}
}

func TestInfoAcceptsServerless(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	server.Fix("GET /", http.StatusOK, `{"version":{"number":"8.11.0","build_flavor":"serverless"}}`)
	_, err := newTestClient(t, server).Info(context.Background())
	assert.NoError(t, err)
}

func TestOlderThan(t *testing.T) {
	for version, want := range map[string]bool{"8.15.9": true, "7.17.0": true, "8.16.0": false, "8.16.0-SNAPSHOT": false, "9.0.0": false, "x": false, "a.b": false} {
		assert.Equal(t, want, olderThan(version, 8, 16), version)
	}
}

func TestReasonsAreBounded(t *testing.T) {
	err := newStatusError("PUT", "u", 400, strings.NewReader(`{"error":{"type":"t","reason":"`+strings.Repeat("é", 1000)+`"}}`))
	assert.Less(t, len(err.Error()), 600)
	assert.Equal(t, err.Error(), strings.ToValidUTF8(err.Error(), "?"))
}
