// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package query

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/inferwatch/inferwatch/testbed/load"
)

// Prometheus is a Prometheus, or whatever has its HTTP API, at URL.
type Prometheus struct{ URL string }

// Sample is a value at a time.
type Sample struct {
	Time  time.Time
	Value float64
}

// Series is the samples with the same labels; an instant query's series have one. Samples of native histograms are left out.
type Series struct {
	Labels  map[string]string
	Samples []Sample
}

// Exemplar is one exemplar and the labels of its series.
type Exemplar struct {
	Series, Labels map[string]string
	Sample
}

// Query evaluates promQL now. A scalar comes as one series without labels.
func (p Prometheus) Query(ctx context.Context, promQL string) ([]Series, error) {
	return p.series(ctx, "query", url.Values{"query": {promQL}})
}

// QueryRange evaluates promQL at each step from start to end.
func (p Prometheus) QueryRange(ctx context.Context, promQL string, start, end time.Time, step time.Duration) ([]Series, error) {
	return p.series(ctx, "query_range", url.Values{
		"query": {promQL},
		"start": {seconds(start)},
		"end":   {seconds(end)},
		"step":  {strconv.FormatFloat(step.Seconds(), 'f', -1, 64)},
	})
}

// Exemplars returns the exemplars of all series that promQL selects, with times from start to end.
func (p Prometheus) Exemplars(ctx context.Context, promQL string, start, end time.Time) ([]Exemplar, error) {
	var found []struct {
		SeriesLabels map[string]string `json:"seriesLabels"`
		Exemplars    []struct {
			Labels    map[string]string `json:"labels"`
			Value     string            `json:"value"`
			Timestamp float64           `json:"timestamp"`
		} `json:"exemplars"`
	}
	parameters := url.Values{"query": {promQL}, "start": {seconds(start)}, "end": {seconds(end)}}
	if err := p.get(ctx, "query_exemplars", parameters, &found); err != nil {
		return nil, err
	}
	var exemplars []Exemplar
	for _, series := range found {
		for _, e := range series.Exemplars {
			value, err := strconv.ParseFloat(e.Value, 64)
			if err != nil {
				return nil, err
			}
			at := Sample{Time: timeOf(e.Timestamp), Value: value}
			exemplars = append(exemplars, Exemplar{Series: series.SeriesLabels, Labels: e.Labels, Sample: at})
		}
	}
	return exemplars, nil
}

// ItemNumbers counts the samples of each item of the run with times after start and up to end, as they are stored.
func (p Prometheus) ItemNumbers(ctx context.Context, run string, start, end time.Time) (map[int]int, error) {
	promQL := fmt.Sprintf("%s{run=%q}[%dms]", load.MetricName, run, end.Sub(start).Milliseconds())
	found, err := p.series(ctx, "query", url.Values{"query": {promQL}, "time": {seconds(end)}})
	if err != nil {
		return nil, err
	}
	numbers := map[int]int{}
	for _, series := range found {
		for _, sample := range series.Samples {
			numbers[int(sample.Value)]++
		}
	}
	return numbers, nil
}

func (p Prometheus) series(ctx context.Context, api string, parameters url.Values) ([]Series, error) {
	var answer struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	}
	if err := p.get(ctx, api, parameters, &answer); err != nil {
		return nil, err
	}
	if answer.ResultType == "scalar" {
		var value sample
		err := json.Unmarshal(answer.Result, &value)
		return []Series{{Samples: []Sample{Sample(value)}}}, err
	}
	var result []struct {
		Metric map[string]string `json:"metric"`
		Value  *sample           `json:"value"`
		Values []sample          `json:"values"`
	}
	if err := json.Unmarshal(answer.Result, &result); err != nil {
		return nil, err
	}
	all := make([]Series, len(result))
	for i, one := range result {
		all[i].Labels = maps.Clone(one.Metric)
		if one.Value != nil {
			one.Values = append(one.Values, *one.Value)
		}
		for _, value := range one.Values {
			all[i].Samples = append(all[i].Samples, Sample(value))
		}
	}
	return all, nil
}

func (p Prometheus) get(ctx context.Context, api string, parameters url.Values, out any) error {
	answer := struct {
		Data any `json:"data"`
	}{Data: out}
	return askJSON(ctx, http.MethodGet, p.URL+"/api/v1/"+api+"?"+parameters.Encode(), nil, &answer)
}

// sample is a Sample as the API writes it: [seconds, "value"].
type sample Sample

func (s *sample) UnmarshalJSON(text []byte) error {
	var at float64
	var value string
	if err := json.Unmarshal(text, &[]any{&at, &value}); err != nil {
		return err
	}
	number, err := strconv.ParseFloat(value, 64)
	*s = sample{Time: timeOf(at), Value: number}
	return err
}

func timeOf(seconds float64) time.Time { return time.UnixMilli(int64(seconds*1000 + 0.5)) }

func seconds(at time.Time) string {
	return strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)
}
