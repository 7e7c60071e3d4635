// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/elasticsearch"
	"github.com/inferwatch/inferwatch/internal/elasticsearch/elasticsearchtest"
)

func TestESInstallAndCheck(t *testing.T) {
	server := elasticsearchtest.NewServer(t)

	got := runWith(server, nil, "es", "check", "--url", "URL")
	assert.Equal(t, exitFault, got.code)
	golden(t, "check_missing", got.out+got.err)

	got = runWith(server, nil, "es", "install", "--url", "URL", "--dry-run")
	assert.Equal(t, exitOK, got.code)
	golden(t, "install_dry_run", got.out+got.err)

	got = runWith(server, nil, "es", "install", "--url", "URL")
	assert.Equal(t, exitOK, got.code)
	golden(t, "install", got.out+got.err)

	got = runWith(server, nil, "es", "check", "--url", "URL")
	assert.Equal(t, exitOK, got.code)
	golden(t, "check_ok", got.out+got.err)

	got = runWith(server, nil, "es", "install", "--url", "URL", "--retention", "30d", "--retention", "audit=730d", "--replicas", "0")
	assert.Equal(t, exitOK, got.code)
	golden(t, "install_again", got.out+got.err)
	assert.Contains(t, string(server.Template("_index_template", "inferwatch-logs-audit")), `"lifecycle":{"data_retention":"730d"},"settings":{"index":{"number_of_replicas":0}}`)

	server.Put("_index_template", "inferwatch-logs-audit", `{"index_patterns":["logs-audit.otel-*"],"priority":550,"data_stream":{},"version":2,"_meta":{"managed_by":"inferwatch"}}`)
	got = runWith(server, nil, "es", "install", "--url", "URL")
	assert.Equal(t, exitFault, got.code)
	golden(t, "install_refused", got.out+got.err)

	got = runWith(server, nil, "es", "install", "--url", "URL", "--force")
	assert.Equal(t, exitOK, got.code)
}

func TestESOutputJSON(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	got := runWith(server, map[string]string{envURL: "URL"}, "es", "install", "--output", "json")
	require.Equal(t, exitOK, got.code)
	var installed elasticsearch.InstallReport
	require.NoError(t, json.Unmarshal([]byte(got.out), &installed))
	require.NotEmpty(t, installed.Steps)
	for _, step := range installed.Steps {
		assert.True(t, step.Done, step.Name)
		assert.True(t, json.Valid(step.Body), step.Name)
	}
	got = runWith(server, map[string]string{envURL: "URL"}, "es", "check", "--output", "json", "--data-stream", "logs-a.otel-b,metrics-c.otel-d")
	require.Equal(t, exitOK, got.code)
	var checked elasticsearch.CheckReport
	require.NoError(t, json.Unmarshal([]byte(got.out), &checked))
	assert.Equal(t, []elasticsearch.Finding{
		{DataStream: "logs-a.otel-b", State: elasticsearch.StateOK, Template: "inferwatch-logs-other", Priority: 110},
		{DataStream: "metrics-c.otel-d", State: elasticsearch.StateOK, Template: "inferwatch-metrics-other", Priority: 110},
	}, checked.Findings)
}

func TestESCredentials(t *testing.T) {
	password, key := secretFile(t, "pass word\r\n"), secretFile(t, "a2V5\n")
	for name, tt := range map[string]struct {
		env  map[string]string
		args []string
		want string
	}{
		"none":            {nil, nil, ""},
		"file":            {nil, []string{"--user", "u", "--password-file", password}, "Basic dTpwYXNzIHdvcmQ="},
		"key file":        {nil, []string{"--api-key-file", key}, "ApiKey a2V5"},
		"environment":     {map[string]string{envUser: "u", envPassword: "p"}, nil, "Basic dTpw"},
		"key environment": {map[string]string{envAPIKey: "x"}, nil, "ApiKey x"},
		"flag first":      {map[string]string{envUser: "nobody", envPassword: "p"}, []string{"--user", "u"}, "Basic dTpw"},
	} {
		t.Run(name, func(t *testing.T) {
			server := elasticsearchtest.NewServer(t)
			got := runWith(server, tt.env, append([]string{"es", "check", "--url", "URL"}, tt.args...)...)
			require.Equal(t, exitFault, got.code)
			for _, header := range server.Headers() {
				assert.Equal(t, tt.want, header.Get("Authorization"))
			}
		})
	}
}

// The exporter takes user and password from the URL, so that the variable which both read may hold them.
func TestESCredentialsInTheURLVariable(t *testing.T) {
	server := elasticsearchtest.NewServer(t)
	host := server.Listener.Addr().String()
	got := runWith(server, map[string]string{envURL: "http://u:p@" + host}, "es", "check")
	assert.Equal(t, exitFault, got.code)
	assert.Equal(t, "Basic dTpw", server.Headers()[0].Get("Authorization"))
	assert.NotContains(t, got.out+got.err, "p@")
}

func TestESFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		request string
		status  int
		body    string
		command string
		want    string
	}{
		"unknown user": {
			"GET /", 401, `{"error":{"type":"security_exception","reason":"unable to authenticate user [u]"}}`, "check",
			"the credentials are not known to Elasticsearch at URL: check --user and --password-file, or --api-key-file: GET URL/: 401 security_exception: unable to authenticate user [u]",
		},
		"missing privilege": {
			"PUT /_component_template/inferwatch-logs-mappings", 403, `{"error":{"type":"security_exception","reason":"action is unauthorized"}}`, "install",
			"the credentials are not enough for Elasticsearch at URL: they need the cluster privileges monitor and manage_index_templates: component template inferwatch-logs-mappings was not installed: PUT URL/_component_template/inferwatch-logs-mappings: 403 security_exception: action is unauthorized",
		},
		"refused template": {
			"PUT /_index_template/inferwatch-logs-audit", 400, `{"error":{"type":"illegal_argument_exception","reason":"multiple index templates may not match"}}`, "install",
			"index template inferwatch-logs-audit was not installed: PUT URL/_index_template/inferwatch-logs-audit: 400 illegal_argument_exception: multiple index templates may not match",
		},
		"an old one": {"GET /", 200, `{"version":{"number":"7.17.9"}}`, "check", "URL is Elasticsearch 7.17.9: the mapping for OpenTelemetry needs 8.16 or later"},
	} {
		t.Run(name, func(t *testing.T) {
			server := elasticsearchtest.NewServer(t)
			server.Fix(tt.request, tt.status, tt.body)
			got := runWith(server, nil, "es", tt.command, "--url", "URL")
			assert.Equal(t, exitFault, got.code)
			assert.Equal(t, "inferwatchctl: "+tt.want+"\n", got.err)
		})
	}
}

func TestESCannotReach(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	got := runWith(nil, nil, "es", "check", "--url", closed)
	assert.Equal(t, exitFault, got.code)
	assert.Equal(t, "inferwatchctl: cannot reach Elasticsearch at "+closed+": dial tcp "+listener.Addr().String()+": connect: connection refused: is it running there, and is --url right?\n", got.err)
}

func TestESDoesNotAnswer(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	got := runWith(nil, nil, "es", "check", "--url", server.URL, "--timeout", "50ms")
	assert.Equal(t, exitFault, got.code)
	assert.Equal(t, "inferwatchctl: no answer from Elasticsearch at "+server.URL+" within 50ms (--timeout)\n", got.err)
}

func TestESInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	var stderr testWriter
	code := run(ctx, []string{"es", "check"}, streams{out: &stderr, err: &stderr, getenv: func(string) string { return "" }})
	assert.Equal(t, exitFault, code)
	assert.Equal(t, "inferwatchctl: interrupted\n", string(stderr))
}

type testWriter []byte

func (w *testWriter) Write(p []byte) (int, error) {
	*w = append(*w, p...)
	return len(p), nil
}

func TestESCertificates(t *testing.T) {
	stand := elasticsearchtest.NewServer(t)
	server := httptest.NewUnstartedServer(stand)
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	caFile := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600))

	got := runWith(nil, nil, "es", "install", "--url", server.URL)
	assert.Equal(t, exitFault, got.code)
	assert.Equal(t, "inferwatchctl: the certificate of "+server.URL+" is not trusted: give --ca-file: x509: certificate signed by unknown authority\n", got.err)

	got = runWith(nil, nil, "es", "install", "--url", server.URL, "--ca-file", caFile)
	assert.Equal(t, exitOK, got.code, got.err)

	got = runWith(nil, nil, "es", "check", "--url", server.URL, "--insecure-skip-verify")
	assert.Equal(t, exitOK, got.code, got.err)

	got = runWith(nil, nil, "es", "check", "--url", "https://"+stand.Listener.Addr().String())
	assert.Equal(t, exitFault, got.code)
	assert.Equal(t, "inferwatchctl: https://"+stand.Listener.Addr().String()+" does not speak TLS: is it http:// instead?\n", got.err)
}
