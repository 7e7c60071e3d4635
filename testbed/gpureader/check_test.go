package gpureader

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// smi is an nvidia-smi that knows some properties, as a script: the real one refuses a query with a property that it does not know.
const smi = `#!/bin/sh
known=" uuid name temperature.gpu memory.total clocks.sm pstate clocks_event_reasons.gpu_idle power.max_limit fan.speed "
case "$1" in
--query-compute-apps=*) echo "UUID, 100, 4096"; exit 0;;
esac
out=""
for property in $(echo "${1#--query-gpu=}" | tr , ' '); do
  case "$known" in *" $property "*) ;; *) echo "Field \"$property\" is not a valid field to query."; exit 2;; esac
  case $property in
  uuid) v=UUID;; name) v="NVIDIA H100 80GB HBM3";; temperature.gpu) v=TEMPERATURE;; memory.total) v=81559;; clocks.sm) v=1875;;
  pstate) v=P0;; clocks_event_reasons.gpu_idle) v="Not Active";; power.max_limit) v=700.00;; fan.speed) v="[N/A]";;
  esac
  out="$out${out:+, }$v"
done
echo "$out"
`

func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	scenario := filepath.Join(dir, "scenario")
	require.NoError(t, os.WriteFile(scenario, []byte("epoch 1700000000\nclock fixed 60\ngpu 0 board H100-SXM5-80GB\ngpu 0 load constant level=0.5\nprocess gpu=0 pid=100 memory=4GiB sm=1\n"), 0o600))
	const uuid = "GPU-802cf313-5dfc-03b1-e5b0-9279c914ce55"
	run := func(library, nvidiaSMI string) (string, int) {
		command := exec.CommandContext(context.Background(), programs.Helper, "check", "-library", library, "-nvidia-smi", nvidiaSMI, "-json")
		command.Env = append(os.Environ(), "NVMLSIM_SCENARIO="+scenario)
		out, err := command.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return string(out) + string(exit.Stderr), exit.ExitCode()
		}
		require.NoError(t, err)
		return string(out), 0
	}
	script := func(name, temperature string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(strings.NewReplacer("UUID", uuid, "TEMPERATURE", temperature).Replace(smi)), 0o700))
		return path
	}

	out, status := run(programs.Library, script("right", "51"))
	require.Zero(t, status, out)
	var report struct {
		Simulated           bool
		Compared, Disagreed int
		Verdict             string
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	assert.True(t, report.Simulated)
	assert.Equal(t, 8, report.Compared, "name, temperature, memory, clock, state, idle, limit and a process")
	assert.Zero(t, report.Disagreed)
	assert.Contains(t, report.Verdict, "simulated")

	out, status = run(programs.Library, script("wrong", "90"))
	assert.Equal(t, 1, status, out)
	assert.Contains(t, out, "1 of 8 readings that nvidia-smi has DISAGREE")

	out, status = run(programs.Library, "/nowhere/nvidia-smi")
	assert.Zero(t, status)
	assert.Contains(t, out, "nothing is compared")

	out, status = run("/nowhere/libnvidia-ml.so.1", "/nowhere/nvidia-smi")
	assert.Equal(t, 2, status)
	assert.Contains(t, out, "this machine has no NVML")
}
