// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Package validate runs `inferwatch validate` on every configuration that the repository shows to anybody: the files in configs/ and
// the fenced blocks of YAML in README and docs. What it runs on and which conventions authors follow:
//
// A file in configs/, or a block, that belongs over others says so in the comment at its head, by the command that runs it:
//
//	#   inferwatch --config configs/agent.yaml --config configs/kafka/agent.yaml
//
// The last one is the file itself (a block may have any name there), those before it are its bases, merged in this order. Without such a
// line it stands alone.
//
// A block without pipelines is a fragment. It is completed, not changed: a second configuration is merged over it that puts each of its
// components into a pipeline of its own, with an otlp receiver and a nop exporter around it, and adds the extensions that it refers to by
// `storage`, `authenticator` or `middlewares`. A component passes if there is a signal in which the real binary builds it.
//
// Environment variables have their defaults; one without a default is set in a block, because only its reader can know the value.
//
// An option in a comment of a file in configs/, such as "# tls: {cert_file: ...}", is there to be used: each must be valid where it
// stands, beside the option above it or instead of it.
//
// A block of YAML that is no collector configuration has the info string "yaml no-collector" and is only parsed.
package validate
