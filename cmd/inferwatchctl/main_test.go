// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/elasticsearch/elasticsearchtest"
)

// outcome is what a run leaves behind; the address of the stand-in is replaced by URL.
type outcome struct {
	code     int
	out, err string
}

func runWith(server *elasticsearchtest.Server, env map[string]string, args ...string) outcome {
	var stdout, stderr bytes.Buffer
	address := "http://127.0.0.1:1"
	if server != nil {
		address = server.URL
	}
	for i := range args {
		args[i] = strings.ReplaceAll(args[i], "URL", address)
	}
	code := run(context.Background(), args, streams{out: &stdout, err: &stderr, getenv: func(name string) string {
		return strings.ReplaceAll(env[name], "URL", address)
	}})
	return outcome{
		code: code,
		out:  strings.ReplaceAll(stdout.String(), address, "URL"),
		err:  strings.ReplaceAll(stderr.String(), address, "URL"),
	}
}

// golden compares with testdata/NAME.txt.
func golden(t *testing.T, name, got string) {
	want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func secretFile(t *testing.T, content string) string {
	name := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

func TestUsageFaults(t *testing.T) {
	empty := secretFile(t, "\n")
	notPEM := secretFile(t, "no certificate")
	for _, tt := range []struct {
		args string
		env  map[string]string
		want string
	}{
		{"", nil, "inferwatchctl needs a command: es, top (see inferwatchctl --help)"},
		{"bogus", nil, `unknown command "bogus" for "inferwatchctl" (see inferwatchctl --help)`},
		{"es", nil, "inferwatchctl es needs a command: check, install (see inferwatchctl es --help)"},
		{"es bogus", nil, `unknown command "bogus" for "inferwatchctl es" (see inferwatchctl es --help)`},
		{"es install extra", nil, `unknown command "extra" for "inferwatchctl es install" (see inferwatchctl es install --help)`},
		{"es install --bogus", nil, "unknown flag: --bogus (see inferwatchctl es install --help)"},
		{"es install --replicas -1", nil, "--replicas must be 0 or greater, found -1 (see inferwatchctl es install --help)"},
		{"es install --retention audit=1y", nil, `retention "audit=1y": the duration must be a number from 1 to 99999 and d, h, m or s, such as 30d, found "1y" (see inferwatchctl es install --help)`},
		{"es install --output yaml", nil, `invalid argument "yaml" for "--output" flag: must be text or json (see inferwatchctl es install --help)`},
		{"es check --data-stream Logs", nil, `--data-stream must be lower case, found "Logs" (see inferwatchctl es check --help)`},
		{"es check --timeout 0s", nil, "--timeout must be greater than 0, found 0s (see inferwatchctl es check --help)"},
		{"es check --url ftp://x", nil, `the address of Elasticsearch must begin with http:// or https://, found "ftp://x" (see inferwatchctl es check --help)`},
		{"es check --url http://u:secret@x", nil, `the address of Elasticsearch must not hold a user or password, found "http://u:xxxxx@x" (see inferwatchctl es check --help)`},
		{"es check", map[string]string{envURL: "nonsense"}, `the address of Elasticsearch must begin with http:// or https://, found "nonsense" (see inferwatchctl es check --help)`},
		{"es check", map[string]string{envURL: "ftp://u:secret@x"}, `the address of Elasticsearch must begin with http:// or https://, found "ftp://x" (see inferwatchctl es check --help)`},
		{"es check", map[string]string{envPassword: "secret"}, "a password is given without a user: give --user too (see inferwatchctl es check --help)"},
		{"es check --user u", map[string]string{envAPIKey: "secret"}, "an API key and a user exclude each other: give one of them (see inferwatchctl es check --help)"},
		{"es check --user u --password-file /does/not/exist", nil, "--password-file cannot be read: open /does/not/exist: no such file or directory (see inferwatchctl es check --help)"},
		{"es check --api-key-file " + empty, nil, "--api-key-file " + empty + " is empty (see inferwatchctl es check --help)"},
		{"es check --ca-file /does/not/exist", nil, "--ca-file cannot be read: open /does/not/exist: no such file or directory (see inferwatchctl es check --help)"},
		{"es check --ca-file " + notPEM, nil, "--ca-file " + notPEM + " holds no PEM certificate (see inferwatchctl es check --help)"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			got := runWith(nil, tt.env, strings.Fields(tt.args)...)
			assert.Equal(t, outcome{code: exitUsage, err: "inferwatchctl: " + tt.want + "\n"}, got)
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{"--help"}, {"es", "--help"}, {"es", "install", "--help"}, {"es", "check", "--help"}, {"top", "--help"}, {"--version"}} {
		got := runWith(nil, nil, args...)
		assert.Equal(t, exitOK, got.code)
		assert.Empty(t, got.err)
		assert.Contains(t, got.out, "inferwatchctl")
	}
}
