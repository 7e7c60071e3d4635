// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package elasticsearch

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseRetention(t *testing.T) {
	for _, tt := range []struct {
		name   string
		values []string
		want   Retention
	}{
		{"none", nil, Retention{}},
		{"one class only", []string{"audit=730d"}, Retention{"audit": "730d"}},
		{
			"audit and security keep a year",
			[]string{"30d"},
			Retention{"request": "30d", "system": "30d", "security": "365d", "audit": "365d", "generic": "30d", "traces": "30d", "metrics": "30d"},
		},
		{
			"more than a year holds for all",
			[]string{"9000h"},
			Retention{"request": "9000h", "system": "9000h", "security": "9000h", "audit": "9000h", "generic": "9000h", "traces": "9000h", "metrics": "9000h"},
		},
		{
			"a class counts before the rest, whatever the order",
			[]string{"audit=1d", "30d", "request=7d"},
			Retention{"request": "7d", "system": "30d", "security": "365d", "audit": "1d", "generic": "30d", "traces": "30d", "metrics": "30d"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParseRetention(tt.values)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseRetentionFaults(t *testing.T) {
	_, err := ParseRetention([]string{"30d", "40d", "0d", "d", "-1d", "1.5d", "100000d", "30", "audit=", "tape=3d", "audit=1d", "audit=2d"})
	want := `retention "40d": a retention for every class is given already: "30d"
retention "0d": the duration must be a number from 1 to 99999 and d, h, m or s, such as 30d, found "0d"
retention "d": the duration must be a number from 1 to 99999 and d, h, m or s, such as 30d, found "d"
retention "-1d": the duration must be a number from 1 to 99999 and d, h, m or s, such as 30d, found "-1d"
retention "1.5d": the duration must be a number from 1 to 99999 and d, h, m or s, such as 30d, found "1.5d"
retention "100000d": the duration must be a number from 1 to 99999 and d, h, m or s, such as 30d, found "100000d"
retention "30": the duration must be a number from 1 to 99999 and d, h, m or s, such as 30d, found "30"
retention "audit=": the duration must be a number from 1 to 99999 and d, h, m or s, such as 30d, found ""
retention "tape=3d": the class must be one of request, system, security, audit, generic, traces, metrics, found "tape"
retention "audit=2d": class "audit" has one already: "1d"`
	assert.EqualError(t, err, want)
}
