// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Temperatures, their limits, fans.
#include <math.h>

#include "call.h"
#include "physics.h"

#define NEED_SENSORS()                        \
    do {                                      \
        NEED_WHOLE_GPU();                     \
        NEED_SUPPORT(!board_is_vgpu(c.b));    \
    } while (0)

EXPORT nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned sensor, unsigned *celsius) {
    BEGIN_DEVICE(CALL_DeviceGetTemperature, device);
    NEED(celsius != NULL && sensor == 0);
    NEED_SENSORS();
    *celsius = (c.garbage & GARBAGE_TEMPERATURE) != 0 ? 0x80000000 : (unsigned)lround(gpu_celsius(c.s, c.gpu, c.t));
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_v1_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetTemperatureV, device);
    NEED(out != NULL);
    if (out->version != VERSION_OF(nvmlTemperature_v1_t, 1)) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    NEED(out->sensorType == 0);
    NEED_SENSORS();
    out->temperature = (c.garbage & GARBAGE_TEMPERATURE) != 0 ? (int)0x80000000 : (int)lround(gpu_celsius(c.s, c.gpu, c.t));
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, unsigned type, unsigned *celsius) {
    BEGIN_DEVICE(CALL_DeviceGetTemperatureThreshold, device);
    NEED(celsius != NULL && type < NVML_THRESHOLD_COUNT);
    NEED_SENSORS();
    const unsigned limits[NVML_THRESHOLD_COUNT] = {
        [NVML_THRESHOLD_SHUTDOWN] = c.b->celsius.shutdown, [NVML_THRESHOLD_SLOWDOWN] = c.b->celsius.slowdown,
        [NVML_THRESHOLD_MEM_MAX] = c.b->celsius.memory_max, [NVML_THRESHOLD_GPU_MAX] = c.b->celsius.gpu_max};
    NEED_SUPPORT(limits[type] != 0);
    *celsius = limits[type];
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device, nvmlMarginTemperature_v1_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetMarginTemperature, device);
    NEED(out != NULL);
    if (out->version != VERSION_OF(nvmlMarginTemperature_v1_t, 1)) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    NEED_WHOLE_GPU();
    NEED_SUPPORT(board_has_tlimit(c.b));
    out->marginTemperature = (int)c.b->celsius.gpu_max - (int)lround(gpu_celsius(c.s, c.gpu, c.t));
    return NVML_SUCCESS;
}

static nvmlReturn_t fan_speed(enum call_id id, nvmlDevice_t device, unsigned fan, unsigned *percent) {
    BEGIN_DEVICE(id, device);
    NEED(percent != NULL);
    NEED_SENSORS();
    NEED_SUPPORT(c.b->fans > 0);
    NEED(fan < c.b->fans);
    *percent = gpu_fan_percent(c.s, c.gpu, c.t);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetFanSpeed(nvmlDevice_t device, unsigned *percent) {
    return fan_speed(CALL_DeviceGetFanSpeed, device, 0, percent);
}

EXPORT nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned fan, unsigned *percent) {
    return fan_speed(CALL_DeviceGetFanSpeed_v2, device, fan, percent);
}
