// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package collector

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	metricsTimeout = 5 * time.Second
	metricsPause   = 200 * time.Millisecond
)

// Metric sums the collector's own series of that name that carry these labels, others aside. Names are as on the page, so of a
// histogram x there are x_count, x_sum and x_bucket. False: there is no such series, or the page cannot be had.
func (c *Collector) Metric(name string, labels map[string]string) (float64, bool) {
	page, err := c.metricsPage()
	if err != nil {
		return 0, false
	}
	return sum(page, name, labels)
}

// WaitMetric waits until want accepts what Metric says, and returns that. After timeout the test fails.
func (c *Collector) WaitMetric(timeout time.Duration, name string, labels map[string]string, want func(float64) bool) float64 {
	c.tb.Helper()
	for end := time.Now().Add(timeout); ; time.Sleep(metricsPause) {
		value, found := c.Metric(name, labels)
		if found && want(value) {
			return value
		}
		if time.Now().After(end) {
			c.tb.Fatalf("%s: after %v the metric %s%v is still %v (series found: %t)", c.Name(), timeout, name, labels, value, found)
		}
	}
}

func (c *Collector) metricsPage() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), metricsTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.MetricsURL, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", c.MetricsURL, response.Status)
	}
	page, err := io.ReadAll(response.Body)
	return string(page), err
}

// sum adds up the values of the page's series of that name that carry these labels.
func sum(page, name string, labels map[string]string) (total float64, found bool) {
	for line := range strings.Lines(page) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), name)
		if !ok || rest == "" || (rest[0] != '{' && rest[0] != ' ') {
			continue
		}
		has, rest := parseLabels(rest)
		if !carries(has, labels) {
			continue
		}
		fields := strings.Fields(rest) // the value, and perhaps a time
		if len(fields) == 0 {
			continue
		}
		if value, err := strconv.ParseFloat(fields[0], 64); err == nil {
			total += value
			found = true
		}
	}
	return total, found
}

// parseLabels reads {name="value",...} if it stands at the beginning of text, and returns what follows.
func parseLabels(text string) (labels map[string]string, rest string) {
	labels = map[string]string{}
	text, ok := strings.CutPrefix(text, "{")
	if !ok {
		return labels, text
	}
	for {
		text = strings.TrimLeft(text, ", ")
		if after, ok := strings.CutPrefix(text, "}"); ok {
			return labels, after
		}
		name, after, ok := strings.Cut(text, "=")
		if !ok {
			return labels, ""
		}
		quoted, err := strconv.QuotedPrefix(after)
		if err != nil {
			return labels, ""
		}
		// The format's escapes (\\, \" and \n) are some of Go's.
		labels[name], _ = strconv.Unquote(quoted)
		text = after[len(quoted):]
	}
}

func carries(has, wanted map[string]string) bool {
	for name, value := range wanted {
		if has[name] != value {
			return false
		}
	}
	return true
}
