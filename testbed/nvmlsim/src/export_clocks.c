// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Clocks, performance states, and what holds clocks down.
#include <math.h>

#include "call.h"
#include "physics.h"

EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, unsigned domain, unsigned *mhz) {
    BEGIN_DEVICE(CALL_DeviceGetClockInfo, device);
    NEED(mhz != NULL && domain < NVML_CLOCK_COUNT);
    NEED_WHOLE_GPU();
    *mhz = (c.garbage & GARBAGE_CLOCKS) != 0 ? 0xFFFFFFFF : gpu_clock(c.s, c.gpu, (int)domain, c.t);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, unsigned domain, unsigned *mhz) {
    BEGIN_DEVICE(CALL_DeviceGetMaxClockInfo, device);
    NEED(mhz != NULL && domain < NVML_CLOCK_COUNT);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(!board_is_vgpu(c.b));
    *mhz = gpu_max_clock(c.b, (int)domain);
    return NVML_SUCCESS;
}

static nvmlReturn_t pstate(enum call_id id, nvmlDevice_t device, unsigned *out) {
    BEGIN_DEVICE(id, device);
    NEED(out != NULL);
    NEED_WHOLE_GPU();
    *out = gpu_pstate(c.s, c.gpu, c.t);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetPerformanceState(nvmlDevice_t device, unsigned *out) {
    return pstate(CALL_DeviceGetPerformanceState, device, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerState(nvmlDevice_t device, unsigned *out) {
    return pstate(CALL_DeviceGetPowerState, device, out);
}

static nvmlReturn_t current_reasons(enum call_id id, nvmlDevice_t device, unsigned long long *bits) {
    BEGIN_DEVICE(id, device);
    NEED(bits != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(!board_is_vgpu(c.b));
    *bits = (c.garbage & GARBAGE_CLOCKS) != 0 ? ~0ULL : gpu_reasons(c.s, c.gpu, c.t);
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long *bits) {
    return current_reasons(CALL_DeviceGetCurrentClocksEventReasons, device, bits);
}

EXPORT nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device, unsigned long long *bits) {
    return current_reasons(CALL_DeviceGetCurrentClocksThrottleReasons, device, bits);
}

static nvmlReturn_t supported_reasons(enum call_id id, nvmlDevice_t device, unsigned long long *bits) {
    BEGIN_DEVICE(id, device);
    NEED(bits != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(!board_is_vgpu(c.b));
    *bits = NVML_REASON_GPU_IDLE | NVML_REASON_APPLICATION_CLOCKS | NVML_REASON_SW_POWER_CAP | NVML_REASON_HW_SLOWDOWN |
            NVML_REASON_SYNC_BOOST | NVML_REASON_SW_THERMAL | NVML_REASON_HW_THERMAL | NVML_REASON_HW_POWER_BRAKE |
            NVML_REASON_DISPLAY_CLOCKS;
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlDeviceGetSupportedClocksEventReasons(nvmlDevice_t device, unsigned long long *bits) {
    return supported_reasons(CALL_DeviceGetSupportedClocksEventReasons, device, bits);
}

EXPORT nvmlReturn_t nvmlDeviceGetSupportedClocksThrottleReasons(nvmlDevice_t device, unsigned long long *bits) {
    return supported_reasons(CALL_DeviceGetSupportedClocksThrottleReasons, device, bits);
}

enum { POLICY_POWER, POLICY_THERMAL, POLICY_SYNC_BOOST };

EXPORT nvmlReturn_t nvmlDeviceGetViolationStatus(nvmlDevice_t device, unsigned policy, nvmlViolationTime_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetViolationStatus, device);
    NEED(out != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(!board_is_vgpu(c.b) && policy <= POLICY_SYNC_BOOST);
    uint64_t ns;
    if (policy == POLICY_POWER) {
        ns = gpu_throttle_ns(c.s, c.gpu, REASON_SW_POWER_CAP, c.t);
    } else if (policy == POLICY_THERMAL) {
        ns = gpu_throttle_ns(c.s, c.gpu, REASON_SW_THERMAL, c.t) + gpu_throttle_ns(c.s, c.gpu, REASON_HW_THERMAL, c.t);
    } else {
        ns = gpu_throttle_ns(c.s, c.gpu, REASON_SYNC_BOOST, c.t);
    }
    out->violationTime = ns;
    out->referenceTime = (unsigned long long)llround((c.s->epoch + c.t) * 1e6);
    return NVML_SUCCESS;
}
