// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpufaults

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// series is one metric with one set of attributes.
type series struct {
	metric     string
	attributes map[string]string
	key        string
}

func (s *series) String() string { return s.key }

func newSeries(metric string, attributes pcommon.Map) series {
	s := series{metric: metric, attributes: map[string]string{}}
	pairs := make([]string, 0, attributes.Len())
	for name, value := range attributes.All() {
		s.attributes[name] = value.AsString()
		pairs = append(pairs, name+"="+value.AsString())
	}
	slices.Sort(pairs)
	s.key = metric + "{" + strings.Join(pairs, ",") + "}"
	return s
}

// of tells whether a series is about this GPU, or about a slice of it.
func (s *series) of(gpu string) bool {
	return s.attributes["hw.id"] == gpu || s.attributes["hw.parent"] == gpu
}

// point is a value of a series.
type point struct {
	value       float64
	start, time time.Time
	counter     bool
}

// collection is what one export brought: the points of every series by its key, in order.
type collection struct {
	time   time.Time // of its newest point
	came   time.Time
	points map[string][]point
	series map[string]series
}

// has tells whether there is a point of this series.
func (c *collection) has(key string) bool { return len(c.points[key]) > 0 }

// value is the newest point of the first series of the metric that has these attributes, given as name, value, name, value.
func (c *collection) value(metric string, attributes ...string) (float64, bool) {
	for key, s := range c.series {
		if s.metric != metric || !s.carries(attributes) {
			continue
		}
		points := c.points[key]
		return points[len(points)-1].value, true
	}
	return 0, false
}

func (s *series) carries(attributes []string) bool {
	for i := 0; i < len(attributes); i += 2 {
		if s.attributes[attributes[i]] != attributes[i+1] {
			return false
		}
	}
	return true
}

func newCollection(md pmetric.Metrics, came time.Time) collection {
	c := collection{came: came, points: map[string][]point{}, series: map[string]series{}}
	for _, resource := range md.ResourceMetrics().All() {
		for _, scope := range resource.ScopeMetrics().All() {
			for _, m := range scope.Metrics().All() {
				c.take(m)
			}
		}
	}
	return c
}

func (c *collection) take(m pmetric.Metric) {
	var points pmetric.NumberDataPointSlice
	counter := false
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		points = m.Gauge().DataPoints()
	case pmetric.MetricTypeSum:
		points, counter = m.Sum().DataPoints(), m.Sum().IsMonotonic()
	default:
		panic(fmt.Sprintf("%s is a %v, which the receiver does not make", m.Name(), m.Type()))
	}
	for _, p := range points.All() {
		s := newSeries(m.Name(), p.Attributes())
		value := p.DoubleValue()
		if p.ValueType() == pmetric.NumberDataPointValueTypeInt {
			value = float64(p.IntValue())
		}
		at := p.Timestamp().AsTime()
		c.series[s.key] = s
		c.points[s.key] = append(c.points[s.key], point{value: value, start: p.StartTimestamp().AsTime(), time: at, counter: counter})
		if at.After(c.time) {
			c.time = at
		}
	}
}
