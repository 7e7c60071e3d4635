// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

package gpusim_test

import (
	"debug/elf"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/testbed/gpusim"
)

var update = flag.Bool("update", false, "write the golden files anew; the test fails all the same")

// busy is what every board of the golden files does. The clock stands still, so that all readings are the same each time.
const busy = `epoch 1763850000
clock fixed 100
gpu * load sine period=60 low=0.2 high=0.95
gpu * memory 1GiB-8GiB
process gpu=* pid=5000 memory=4GiB sm=0.8 dec=0.1 name=/usr/bin/worker
process gpu=* pid=5001 type=graphics memory=512MiB sm=0.1
process gpu=* pid=5002 type=mps memory=1GiB sm=0.1
at 95 throttle gpu=* reason=sw_power_cap for=10
at 50 throttle gpu=* reason=hw_thermal for=3
`

func TestBoards(t *testing.T) {
	for name, test := range map[string]struct{ old, more string }{
		"H100-SXM5-80GB": {more: "at 40 ecc gpu=0 kind=sbe count=3\nat 41 ecc gpu=0 kind=dbe count=1 location=sram\n" +
			"at 41 remap gpu=0 kind=unc count=2 pending=yes\nat 60 nvlink_error gpu=0 link=5 kind=replay count=4\n" +
			"at 90 link_down gpu=0 link=17 for=20\nat 60 pcie_replay gpu=0 count=9\nat 90 recovery gpu=0 action=drain_reset for=99\n"},
		"A100-SXM4-80GB": {},
		"A100-PCIE-40GB": {more: "gpu 0 nvlink active=4\n"},
		"L4":             {more: "process gpu=0 pid=5003 enc=0.25\n"},
		"RTX-4090":       {},
		"RTX-A6000":      {},
		"T4":             {more: "at 40 retire gpu=0 kind=dbe count=2 pending=yes\n"},
		"V100":           {more: "at 40 ecc gpu=0 kind=sbe count=3\n"},
		"P100":           {},
		"B200":           {more: "at 60 nvlink_error gpu=0 link=1 kind=recovery count=4\n"},
		"A100D-40C-vGPU": {},
		"RTX-4090-WSL2":  {},
	} {
		t.Run(name, func(t *testing.T) {
			scenario := gpusim.New(t, fmt.Sprintf("gpu 0 board %s\n%s%s", name, busy, test.more))
			compare(t, name, readAll(t, gpusim.Library(t), scenario.Env()))
		})
	}
}

func TestMIG(t *testing.T) {
	scenario := gpusim.New(t, `epoch 1763850000
clock fixed 100
gpu 0 board H100-SXM5-80GB
gpu 0 mig 1g.10gb*4,3g.40gb
gpu 0 load constant level=0.5
gpu 0/0 load constant level=0.9
process gpu=0 pid=5000 memory=4GiB sm=1 mig=0
process gpu=0 pid=5001 memory=30GiB sm=1 mig=4
`)
	compare(t, "mig", readAll(t, gpusim.Library(t), scenario.Env()))
}

func TestOldDriver(t *testing.T) {
	// The 450 branch knows neither the L4 nor what came after it.
	scenario := gpusim.New(t, "gpu 0 board L4\ngpu 1 board V100\n"+busy)
	compare(t, "old-V100", readAll(t, gpusim.OldLibrary(t), scenario.Env()))
}

func TestReadyScenarios(t *testing.T) {
	for name, library := range map[string]func(testing.TB) string{
		"demo": gpusim.Library, "boards": gpusim.Library, "sixteen": gpusim.Library, "old": gpusim.OldLibrary,
	} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(gpusim.ScenarioFile(t, name))
			require.NoError(t, err)
			read := readAll(t, library(t), gpusim.New(t, string(text)).Env())
			declared := regexp.MustCompile(`(?m)^== GPU `).FindAllString(read, -1)
			assert.NotEmpty(t, declared)
			assert.NotContains(t, read, "Unknown Error")
		})
	}
}

// TestEveryExportIsRead fails when the library exports a call that the golden files do not show.
func TestEveryExportIsRead(t *testing.T) {
	scenario := gpusim.New(t, "gpu 0 board H100-SXM5-80GB\ngpu 1 board H100-SXM5-80GB\ngpu 1 mig 7g.80gb\n"+busy)
	used := regexp.MustCompile(`(?m)^used (\w+)$`).FindAllStringSubmatch(readAll(t, gpusim.Library(t), scenario.Env()), -1)
	read := map[string]bool{}
	for _, match := range used {
		read[match[1]] = true
	}
	// go-nvml takes the newest of several versions.
	for _, symbol := range []string{"nvmlInit", "nvmlInitWithFlags", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex"} {
		read[symbol] = true
	}
	file, err := elf.Open(gpusim.Library(t))
	require.NoError(t, err)
	defer file.Close()
	symbols, err := file.DynamicSymbols()
	require.NoError(t, err)
	for _, symbol := range symbols {
		if symbol.Section != elf.SHN_UNDEF && strings.HasPrefix(symbol.Name, "nvml") {
			assert.True(t, read[symbol.Name], "%s is never called", symbol.Name)
		}
	}
}

// compare leaves out the list of symbols.
func compare(t *testing.T, name, got string) {
	t.Helper()
	got = regexp.MustCompile(`(?m)^used \w+\n`).ReplaceAllString(got, "")
	path := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
		t.Errorf("%s is written anew", path)
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
