// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch // import "github.com/inferwatch/inferwatch/internal/elasticsearch"

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Elasticsearch 8.16 is the first to know the priority of passthrough objects, on which the OpenTelemetry mapping rests.
const (
	minMajor = 8
	minMinor = 16
)

// Cluster is what a cluster says about itself.
type Cluster struct {
	URL     string `json:"url"`
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Info asks the cluster what it is. It fails when that is not Elasticsearch, or one too old for the templates.
func (c *Client) Info(ctx context.Context) (Cluster, error) {
	cluster := Cluster{URL: c.URL()}
	resp, err := c.send(ctx, http.MethodGet, "/", "", nil)
	if err != nil {
		return cluster, err
	}
	defer resp.Body.Close()
	body := io.LimitReader(resp.Body, maxAnswer)
	genuine := resp.Header.Get("X-Elastic-Product") == "Elasticsearch"
	if resp.StatusCode > 299 {
		refused := newStatusError(http.MethodGet, c.base.JoinPath("/").String(), resp.StatusCode, body)
		if genuine || refused.Type != "" || IsStatus(refused, http.StatusUnauthorized, http.StatusForbidden) {
			return cluster, refused
		}
		return cluster, fmt.Errorf("%s is not Elasticsearch: it answered %d to GET /", c.URL(), resp.StatusCode)
	}
	// The exporter looks at the same header and refuses to send to anything else.
	if !genuine {
		return cluster, fmt.Errorf("%s is not Elasticsearch: its answer has no header X-Elastic-Product: Elasticsearch", c.URL())
	}
	var answer struct {
		ClusterName string `json:"cluster_name"`
		Version     struct {
			Number      string `json:"number"`
			BuildFlavor string `json:"build_flavor"`
		} `json:"version"`
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return cluster, fmt.Errorf("GET %s: the answer is not the JSON of Elasticsearch: %w", c.URL(), err)
	}
	cluster.Name, cluster.Version = answer.ClusterName, answer.Version.Number
	if answer.Version.BuildFlavor != "serverless" && olderThan(cluster.Version, minMajor, minMinor) {
		return cluster, fmt.Errorf("%s is Elasticsearch %s: the mapping for OpenTelemetry needs %d.%d or later", c.URL(), cluster.Version, minMajor, minMinor)
	}
	return cluster, nil
}

// olderThan compares the first two numbers of a version; one that cannot be read counts as new enough.
func olderThan(version string, major, minor int) bool {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return false
	}
	haveMajor, err1 := strconv.Atoi(parts[0])
	haveMinor, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return false
	}
	return haveMajor < major || (haveMajor == major && haveMinor < minor)
}

// hasFieldType tells whether the cluster knows a field type, by a simulated template: nothing is stored.
func (c *Client) hasFieldType(ctx context.Context, fieldType string) (bool, error) {
	field := map[string]any{"type": fieldType}
	if fieldType == typeAggregateMetricDouble {
		field["metrics"] = []string{"value_count"}
		field["default_metric"] = "value_count"
	}
	probe := map[string]any{
		"index_patterns": []string{"inferwatch-probe-*"},
		"priority":       priorityWritten,
		"template":       map[string]any{"mappings": map[string]any{"properties": map[string]any{"probe": field}}},
	}
	err := c.do(ctx, http.MethodPost, TemplatesPath+"/_simulate", "", probe, nil)
	var refused *StatusError
	if errors.As(err, &refused) && refused.Status == http.StatusBadRequest && strings.Contains(refused.Reason, "mapper type ["+fieldType+"]") {
		return false, nil
	}
	return err == nil, err
}

// hasLifecycle tells whether the cluster has the part that acts on data stream lifecycles; a template with one is stored
// either way.
func (c *Client) hasLifecycle(ctx context.Context) (bool, error) {
	err := c.do(ctx, http.MethodGet, "/_data_stream/*/_lifecycle", "", nil, nil)
	if IsStatus(err, http.StatusBadRequest, http.StatusMethodNotAllowed) {
		return false, nil
	}
	return err == nil, err
}
