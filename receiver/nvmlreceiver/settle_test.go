// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package nvmlreceiver

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/inferwatch/inferwatch/receiver/nvmlreceiver/internal/attribution"
)

func TestSettler(t *testing.T) {
	unknown := attribution.ProcessResult{}
	host := attribution.ProcessResult{Visible: true, Executable: "python3"}
	inPod := attribution.ProcessResult{Visible: true, PodUID: "u"}
	named := attribution.ProcessResult{Visible: true, PodUID: "u", Pod: "vllm-0"}
	for _, tt := range []struct {
		name  string
		pods  bool
		seen  []attribution.ProcessResult
		holds []bool
	}{
		{"known at once", true, []attribution.ProcessResult{host, host}, []bool{false, false}},
		{"known a collection later", true, []attribution.ProcessResult{unknown, host, host}, []bool{true, false, false}},
		{"never known", true, []attribution.ProcessResult{unknown, unknown, unknown, unknown}, []bool{true, true, false, false}},
		{"its pod's name comes late", true, []attribution.ProcessResult{inPod, named}, []bool{true, false}},
		{"nobody asks for pods", false, []attribution.ProcessResult{inPod, inPod}, []bool{false, false}},
		{"forgotten once", true, []attribution.ProcessResult{host, unknown, unknown}, []bool{false, false, false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSettler(tt.pods)
			for i := range tt.seen {
				s.next()
				assert.Equal(t, tt.holds[i], s.holds(7, &tt.seen[i]), "collection %d", i)
				assert.Equal(t, tt.holds[i], s.holds(7, &tt.seen[i]), "collection %d, on a second GPU", i)
			}
			s.next()
			s.next()
			assert.Empty(t, s.before, "a process that ended is forgotten")
		})
	}
}
