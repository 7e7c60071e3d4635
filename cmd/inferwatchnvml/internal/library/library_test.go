//go:build linux && cgo

package library_test

import (
	"strings"
	"testing"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/inferwatch/inferwatch/cmd/inferwatchnvml/internal/library"
)

func TestProbeFindsTheVersionThatGoNVMLBinds(t *testing.T) {
	s := library.Probe(func(name string) bool { return !strings.HasSuffix(name, "_v3") && name != "nvmlDeviceGetMemoryInfo_v2" })
	assert.Empty(t, s.Indispensable())
	assert.Equal(t, "nvmlDeviceGetComputeRunningProcesses_v2", s.Name(library.CallComputeProcesses))
	assert.True(t, s.Has(library.CallMemory))
	assert.False(t, s.Has(library.CallMemoryV2))
	assert.Equal(t, []string{"nvmlDeviceGetMemoryInfo_v2"}, s.Missing())
}

func TestNothingIsCallableWithoutSymbols(t *testing.T) {
	s := library.Probe(func(string) bool { return false })
	assert.Equal(t, []string{"nvmlInit_v2", "nvmlShutdown", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetUUID"}, s.Indispensable())
	assert.Len(t, s.Missing(), library.CallTotal-1)
	for call := library.CallNone + 1; int(call) < library.CallTotal; call++ {
		assert.False(t, s.Has(call))
		assert.True(t, strings.HasPrefix(s.Name(call), "nvml"), "call %d has no name", call)
	}
}

func TestLoadSaysWhyNot(t *testing.T) {
	_, err := library.Load("/nowhere/libnvidia-ml.so.1")
	require.ErrorContains(t, err, "/nowhere/libnvidia-ml.so.1")
}

func TestCodeNames(t *testing.T) {
	for code, want := range map[nvml.Return]string{
		nvml.SUCCESS: "NVML_SUCCESS", nvml.ERROR_GPU_IS_LOST: "NVML_ERROR_GPU_IS_LOST", nvml.ERROR_LIB_RM_VERSION_MISMATCH: "NVML_ERROR_LIB_RM_VERSION_MISMATCH",
		nvml.ERROR_UNKNOWN: "NVML_ERROR_UNKNOWN", nvml.ERROR_DEPRECATED: "NVML_ERROR_DEPRECATED", nvml.ERROR_NO_DATA: "NVML_ERROR_NO_DATA",
		nvml.ERROR_INVALID_STATE: "NVML_ERROR_INVALID_STATE", 777: "NVML return code 777",
	} {
		assert.Equal(t, want, library.CodeName(int32(code)))
	}
}

func TestClasses(t *testing.T) {
	for code, want := range map[nvml.Return]library.Class{
		nvml.SUCCESS: library.ClassOK, nvml.ERROR_NOT_SUPPORTED: library.ClassUnsupported, nvml.ERROR_TIMEOUT: library.ClassTransient,
		nvml.ERROR_IN_USE: library.ClassTransient, nvml.ERROR_NO_DATA: library.ClassTransient, nvml.ERROR_GPU_IS_LOST: library.ClassLost,
		nvml.ERROR_RESET_REQUIRED: library.ClassReset, nvml.ERROR_UNKNOWN: library.ClassUnknown, nvml.ERROR_UNINITIALIZED: library.ClassLibrary,
		nvml.ERROR_LIB_RM_VERSION_MISMATCH: library.ClassLibrary,
	} {
		assert.Equal(t, want, library.ClassOf(code), library.CodeName(int32(code)))
	}
}

func TestText(t *testing.T) {
	assert.Equal(t, "NVIDIA H100", library.Text("NVIDIA H100", nvml.SUCCESS))
	assert.Empty(t, library.Text("NVIDIA H100", nvml.ERROR_UNKNOWN))
	assert.Empty(t, library.Text("\xff\xff\xff", nvml.SUCCESS), "a buffer without its end")
}

func TestMeterSeesACallFromAnotherThread(t *testing.T) {
	var counts library.Counts
	m := library.NewMeter(library.Probe(func(string) bool { return true }), &counts)
	call, _ := m.Present()
	assert.Equal(t, library.CallNone, call)
	m.Begin(library.CallTemperature)
	time.Sleep(time.Millisecond)
	call, since := m.Present()
	assert.Equal(t, library.CallTemperature, call)
	assert.GreaterOrEqual(t, since, time.Millisecond)
	assert.Equal(t, nvml.ERROR_UNKNOWN, m.End(nvml.ERROR_UNKNOWN))
	call, _ = m.Present()
	assert.Equal(t, library.CallNone, call)
	for _, ret := range []nvml.Return{nvml.SUCCESS, nvml.ERROR_NOT_SUPPORTED, nvml.ERROR_NOT_FOUND} {
		m.Begin(library.CallSamples)
		_ = m.End(ret)
	}
	m.Begin(library.CallEventSetWait)
	_ = m.End(nvml.ERROR_TIMEOUT)
	assert.Equal(t, uint64(5), counts.Calls.Load())
	assert.Equal(t, uint64(1), counts.Errors.Load(), "neither not supported, nor none, nor an idle wait is an error")
}
