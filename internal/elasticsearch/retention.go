// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// minAuditRetention is how long audit and security logs are kept when one retention is given for everything.
const minAuditRetention = "365d"

// Retention says how long each class of data is kept, as Elasticsearch writes durations. A class that is not in it has no
// lifecycle: its data is kept until somebody deletes it.
type Retention map[string]string

// Classes returns the classes of data that can have a retention of their own.
func Classes() []string {
	var classes []string
	for _, spec := range indexSpecs() {
		if spec.class != "" && !slices.Contains(classes, spec.class) {
			classes = append(classes, spec.class)
		}
	}
	return classes
}

// ParseRetention reads values such as "30d" (for every class; audit and security keep at least a year) and "audit=730d"
// (for that class, whatever the first says). It reports every fault it finds.
func ParseRetention(values []string) (Retention, error) {
	var faults []error
	base := ""
	own := Retention{}
	for _, value := range values {
		class, duration, named := strings.Cut(value, "=")
		if !named {
			class, duration = "", value
		}
		if _, err := parseDuration(duration); err != nil {
			faults = append(faults, fmt.Errorf("retention %q: %w", value, err))
			continue
		}
		switch {
		case !named && base != "":
			faults = append(faults, fmt.Errorf("retention %q: a retention for every class is given already: %q", value, base))
		case !named:
			base = duration
		case !slices.Contains(Classes(), class):
			faults = append(faults, fmt.Errorf("retention %q: the class must be one of %s, found %q", value, strings.Join(Classes(), ", "), class))
		case own[class] != "":
			faults = append(faults, fmt.Errorf("retention %q: class %q has one already: %q", value, class, own[class]))
		default:
			own[class] = duration
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return withBase(own, base), nil
}

func withBase(own Retention, base string) Retention {
	if base == "" {
		return own
	}
	for _, class := range Classes() {
		switch {
		case own[class] != "":
		case class == "audit" || class == "security":
			own[class] = longer(base, minAuditRetention)
		default:
			own[class] = base
		}
	}
	return own
}

func longer(a, b string) string {
	x, errX := parseDuration(a)
	y, errY := parseDuration(b)
	if errX == nil && errY == nil && x < y {
		return b
	}
	return a
}

// parseDuration reads the units that make sense here; Elasticsearch takes smaller ones too, but nobody keeps data for
// microseconds.
func parseDuration(text string) (time.Duration, error) {
	fault := fmt.Errorf("the duration must be a number from 1 to 99999 and d, h, m or s, such as 30d, found %q", text)
	if len(text) < 2 || len(text) > 6 || text[0] < '1' || text[0] > '9' {
		return 0, fault
	}
	number, err := strconv.Atoi(text[:len(text)-1])
	if err != nil {
		return 0, fault
	}
	switch text[len(text)-1] {
	case 'd':
		return time.Duration(number) * 24 * time.Hour, nil
	case 'h':
		return time.Duration(number) * time.Hour, nil
	case 'm':
		return time.Duration(number) * time.Minute, nil
	case 's':
		return time.Duration(number) * time.Second, nil
	}
	return 0, fault
}
