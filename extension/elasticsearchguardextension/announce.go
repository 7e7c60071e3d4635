// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearchguardextension // import "github.com/inferwatch/inferwatch/extension/elasticsearchguardextension"

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.uber.org/zap"
)

// announce tells of a verdict: by the metric always, by log and status when it is another than before.
func (t *target) announce(before, next verdict) {
	t.measure(before, next)
	if before.text == next.text {
		return
	}
	fields := []zap.Field{zap.String("url", t.url)}
	if len(next.missing) > 0 {
		fields = append(fields, zap.Strings("data_streams", next.missing))
	}
	switch logger := t.guard.logger; {
	case next.text == "":
		logger.Info("Elasticsearch has the index templates that it needs; data is sent", fields...)
	case next.hold == reasonCheckFailed || len(next.missing) == 0:
		logger.Warn(next.text, fields...)
	default:
		logger.Error(next.text, fields...)
	}
	t.guard.report()
}

func (t *target) measure(before, next verdict) {
	if next.hold == reasonCheckFailed {
		return
	}
	names := slices.Concat(t.guard.cfg.DataStreams, before.missing, next.missing)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		missing := slices.Contains(next.missing, name)
		// Where we may not look, only what an answer said is known.
		if next.unchecked && !missing && !slices.Contains(before.missing, name) {
			continue
		}
		value := int64(0)
		if missing {
			value = 1
		}
		t.guard.telemetry.ExtensionElasticsearchGuardMissingTemplates.Record(context.Background(), value,
			metric.WithAttributes(attribute.String("data_stream", name), t.addressAttribute()))
	}
}

func (t *target) addressAttribute() attribute.KeyValue {
	return attribute.String("server.address", t.address)
}

func (t *target) missingText(v verdict) string {
	consequence := "requests with documents for it are sent again and again until there is one"
	if v.hold != "" {
		consequence = "all that is meant for it is held until there is one"
	}
	return fmt.Sprintf("Elasticsearch at %s has no index template for data stream %s; %s: run \"inferwatchctl es install --url %s\"",
		t.url, strings.Join(v.missing, ", "), consequence, t.url)
}

func (t *target) failedText(found listing) string {
	return fmt.Sprintf("Elasticsearch at %s could not say whether it has the index templates: %s; all that is meant for it is held until it can", t.url, found.failure)
}

func (t *target) uncheckedText(found listing) string {
	return fmt.Sprintf("Elasticsearch at %s does not say whether it has the index templates: %s; data is sent unchecked, "+
		"and what is refused for want of a template is sent again", t.url, found.refusal)
}
