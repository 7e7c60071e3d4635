// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"io"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// sample is one series of a page. Names are canonical.
type sample struct {
	metric string
	labels map[string]string
	value  float64
	// at is the time of the reading; zero where the page does not tell (`send_timestamps` of the exporter).
	at time.Time
}

// parsePage reads a page in the Prometheus text format, and keeps the metrics for which keep is true.
func parsePage(r io.Reader, keep func(metric string) bool) ([]sample, error) {
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(r)
	if err != nil {
		return nil, fmt.Errorf("it is no page in the Prometheus text format: %s", strings.TrimPrefix(err.Error(), "text format parsing error in "))
	}
	var samples []sample
	for name, family := range families {
		metric := canonical(name)
		if !keep(metric) {
			continue
		}
		for _, m := range family.GetMetric() {
			if value, ok := valueOf(m); ok {
				samples = append(samples, sample{metric: metric, labels: labelsOf(m), value: value, at: timeOf(m)})
			}
		}
	}
	return samples, nil
}

func valueOf(m *dto.Metric) (float64, bool) {
	switch {
	case m.Gauge != nil:
		return m.Gauge.GetValue(), true
	case m.Counter != nil:
		return m.Counter.GetValue(), true
	case m.Untyped != nil:
		return m.Untyped.GetValue(), true
	}
	return 0, false
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := make(map[string]string, len(m.GetLabel()))
	for _, pair := range m.GetLabel() {
		labels[canonicalLabel(pair.GetName())] = printable(pair.GetValue())
	}
	return labels
}

func timeOf(m *dto.Metric) time.Time {
	if m.TimestampMs == nil {
		return time.Time{}
	}
	return time.UnixMilli(m.GetTimestampMs())
}
