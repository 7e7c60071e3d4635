// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import "strings"

// canonical makes one name of all that a Prometheus exporter may make of an OpenTelemetry name: with or without unit and type
// suffixes, dots kept or not. It is applied to both sides, so that `hw.fan.speed_ratio`, `hw_fan_speed_ratio` and `hw_fan_speed` are one.
func canonical(metric string) string {
	tokens := strings.FieldsFunc(metric, func(r rune) bool { return !isAlphanumeric(r) })
	for len(tokens) > 1 && isSuffix(tokens[len(tokens)-1]) {
		tokens = tokens[:len(tokens)-1]
	}
	return strings.Join(tokens, "_")
}

// isSuffix tells the suffixes that the units and types of the GPU metrics get.
func isSuffix(token string) bool {
	switch token {
	case "total", "ratio", "bytes", "joules", "watts", "celsius", "hertz", "seconds":
		return true
	}
	return false
}

// canonicalLabel does the same for labels, which have no suffixes.
func canonicalLabel(label string) string {
	return strings.Map(func(r rune) rune {
		if isAlphanumeric(r) {
			return r
		}
		return '_'
	}, label)
}

func isAlphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
