// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"fmt"
	"strings"
)

// The longest name that Elasticsearch takes for an index or data stream, in bytes.
const maxDataStreamName = 255

// DefaultDataStreams returns the data streams that inferwatch's own configurations write. Metrics go to Elasticsearch
// only where a user adds them, so their data stream is not among these.
func DefaultDataStreams() []string {
	return []string{
		"logs-request.otel-default",
		"logs-system.otel-default",
		"logs-security.otel-default",
		"logs-audit.otel-default",
		"logs-generic.otel-default",
		"traces-generic.otel-default",
	}
}

// ValidateDataStream tells why name cannot be the name of a data stream, or returns nil.
func ValidateDataStream(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("must not be empty")
	case len(name) > maxDataStreamName:
		return fmt.Errorf("must be at most %d bytes long, found %d", maxDataStreamName, len(name))
	case name != strings.ToLower(name):
		return fmt.Errorf("must be lower case, found %q", name)
	case strings.ContainsAny(name, "*"):
		return fmt.Errorf("must name one data stream, not a pattern, found %q", name)
	case strings.ContainsAny(name, "\\/?\"<>| ,#:"):
		return fmt.Errorf("must not contain any of \\ / ? \" < > | , # : or a space, found %q", name)
	case strings.ContainsAny(name[:1], ".-_+"):
		return fmt.Errorf("must not begin with any of . - _ +, found %q", name)
	}
	return nil
}
