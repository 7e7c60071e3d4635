//go:build linux && cgo

package check

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/internal/nvmlwire"
)

func TestCompare(t *testing.T) {
	power := &known{absolute: 10, relative: 0.1}
	cases := map[string]struct {
		k             *known
		before, after float64
		said          string
		want          Verdict
	}{
		"equal":                       {power, 300, 300, "300.00", Agrees},
		"between the two readings":    {power, 200, 500, "350.00", Agrees},
		"within the tolerance":        {power, 300, 300, "330.00", Agrees},
		"beyond it":                   {power, 300, 300, "500.00", Disagrees},
		"exact":                       {&known{}, 5, 5, "5", Agrees},
		"exactly not":                 {&known{}, 5, 5, "4", Disagrees},
		"a flag":                      {&known{}, 1, 1, "Active", Agrees},
		"another flag":                {&known{}, 1, 1, "Not Active", Disagrees},
		"a performance state":         {&known{}, 8, 8, "P8", Agrees},
		"nvidia-smi has none":         {power, 300, 300, "[N/A]", NotCompared},
		"nvidia-smi does not know it": {power, 300, 300, "[Unknown Error]", NotCompared},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, got := compare(tc.k, tc.before, tc.after, tc.said)
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestEveryReadingIsKnown(t *testing.T) {
	for id := nvmlwire.UtilizationGPU; int(id) < nvmlwire.ReadingCount; id++ {
		assert.NotContains(t, nameOf(id), "reading ", "reading %d has no name", id)
	}
	assert.Equal(t, "fan 3", knownOf(nvmlwire.FanSpeed, 3).name)
	assert.Equal(t, "NVLink up, link 17", knownOf(nvmlwire.NVLinkState, 17).name)
}

func TestAbsences(t *testing.T) {
	got := absentOf(&nvmlwire.Device{Absent: []nvmlwire.Absence{
		{ID: nvmlwire.FanSpeed, Code: 3, Detail: "nvmlDeviceGetNumFans"},
		{ID: nvmlwire.MemoryReserved, Detail: "nvmlDeviceGetMemoryInfo_v2"},
		{ID: nvmlwire.Clock, Code: nvmlwire.CodeImplausible, Detail: "nvmlDeviceGetClockInfo"},
	}})
	assert.Equal(t, []Absent{
		{"fan", "nvmlDeviceGetNumFans gave NVML_ERROR_NOT_SUPPORTED"},
		{"memory reserved", "the library has no nvmlDeviceGetMemoryInfo_v2"},
		{"clock graphics", "nvmlDeviceGetClockInfo gave a value that cannot be"},
	}, got)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("GPU-1, 45.30, Not Active, [N/A]\nGPU-2, 1, P0, \"x\"\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		rows, err := parse(out)
		if err != nil {
			return
		}
		for _, row := range rows {
			require.NotEmpty(t, row)
			for _, text := range row {
				_, _ = number(text)
			}
		}
	})
}
