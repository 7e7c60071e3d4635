// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package elasticsearch knows what inferwatch needs of an Elasticsearch cluster: the data streams it writes, the
// templates that make them, how Elasticsearch chooses among templates, how to install them and how to tell that
// something is missing. Extension elasticsearch_guard and inferwatchctl share it.
package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"
