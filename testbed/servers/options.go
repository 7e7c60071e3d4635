// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package servers

// Option changes how a server is started.
type Option func(*setup)

// WithDir keeps the server's data, configuration and log in dir, which is made if it is missing, instead of a temporary folder.
func WithDir(dir string) Option { return func(s *setup) { s.dir = dir } }

// WithConfig replaces the text of the server's own configuration file (prometheus.yml, alertmanager.yml).
func WithConfig(text string) Option { return func(s *setup) { s.config = text } }

// WithArgs adds arguments to the command line; for Elasticsearch they are settings (key=value).
func WithArgs(args ...string) Option { return func(s *setup) { s.args = append(s.args, args...) } }
