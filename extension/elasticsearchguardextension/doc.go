// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../../cmd/tools/go.mod mdatagen metadata.yaml

// Package elasticsearchguardextension is HTTP client middleware for the elasticsearch exporter. It holds bulk requests while
// an index template is missing, and has requests sent again of which Elasticsearch refused documents for the time being.
package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"
