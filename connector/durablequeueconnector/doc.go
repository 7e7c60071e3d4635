// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

//go:generate go tool -modfile=../../cmd/tools/go.mod mdatagen metadata.yaml

// Package durablequeueconnector puts a bounded queue with retry, kept in a storage extension, between two pipelines, so
// that a back-end whose exporter cannot persist or retry safely loses nothing and stops nobody else.
package durablequeueconnector // import "github.com/inferwatch/inferwatch/connector/durablequeueconnector"
