// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package collector

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

const page = `# HELP queue_size Size.
# TYPE queue_size gauge
queue_size{exporter="a",data_type="logs"} 3
queue_size{exporter="a",data_type="traces"} 4 1700000000000
queue_size{exporter="b",data_type="logs",} 1e2
queue_size_limit{exporter="a"} 1000
path{file="C:\\x \"y\"",note="{}, \n"} 5
plain 6
broken{exporter="a" 7
`

func TestSum(t *testing.T) {
	for _, c := range []struct {
		name   string
		labels map[string]string
		want   float64
		found  bool
	}{
		{"queue_size", nil, 107, true},
		{"queue_size", map[string]string{"exporter": "a"}, 7, true},
		{"queue_size", map[string]string{"exporter": "a", "data_type": "traces"}, 4, true},
		{"queue_size", map[string]string{"exporter": "c"}, 0, false},
		{"queue_size", map[string]string{"nolabel": "x"}, 0, false},
		{"queue", nil, 0, false},
		{"path", map[string]string{"file": `C:\x "y"`, "note": "{}, \n"}, 5, true},
		{"plain", nil, 6, true},
		{"plain", map[string]string{"exporter": "a"}, 0, false},
		{"broken", nil, 0, false},
	} {
		got, found := sum(page, c.name, c.labels)
		assert.Equal(t, c.found, found, "%s %v", c.name, c.labels)
		assert.Equal(t, c.want, got, "%s %v", c.name, c.labels)
	}
}
