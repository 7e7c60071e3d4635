// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Power, its limits, energy.
#include <math.h>

#include "call.h"
#include "physics.h"

#define NEED_POWER()                          \
    do {                                      \
        NEED_WHOLE_GPU();                     \
        NEED_SUPPORT(!board_is_vgpu(c.b));    \
    } while (0)

EXPORT nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned *milliwatts) {
    BEGIN_DEVICE(CALL_DeviceGetPowerUsage, device);
    NEED(milliwatts != NULL);
    NEED_POWER();
    *milliwatts = (c.garbage & GARBAGE_POWER) != 0 ? 0xFFFFFFFF : (unsigned)lround(1000 * gpu_power_w(c.s, c.gpu, c.t));
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *millijoules) {
    BEGIN_DEVICE(CALL_DeviceGetTotalEnergyConsumption, device);
    NEED(millijoules != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(board_has_energy(c.b));
    double energy = gpu_energy_mj(c.s, c.gpu, c.t);
    *millijoules = (unsigned long long)((c.garbage & GARBAGE_ENERGY) != 0 ? fmax(0, 1e18 - energy) : energy);
    return NVML_SUCCESS;
}

static nvmlReturn_t limit(enum call_id id, nvmlDevice_t device, unsigned *milliwatts) {
    BEGIN_DEVICE(id, device);
    NEED(milliwatts != NULL);
    NEED_POWER();
    *milliwatts = 1000 * c.g->limit_w;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned *milliwatts) {
    return limit(CALL_DeviceGetEnforcedPowerLimit, device, milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t device, unsigned *milliwatts) {
    return limit(CALL_DeviceGetPowerManagementLimit, device, milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t device, unsigned *milliwatts) {
    BEGIN_DEVICE(CALL_DeviceGetPowerManagementDefaultLimit, device);
    NEED(milliwatts != NULL);
    NEED_POWER();
    *milliwatts = 1000 * c.b->power.standard;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device, unsigned *min, unsigned *max) {
    BEGIN_DEVICE(CALL_DeviceGetPowerManagementLimitConstraints, device);
    NEED(min != NULL && max != NULL);
    NEED_POWER();
    *min = 1000 * c.b->power.min;
    *max = 1000 * c.b->power.max;
    return NVML_SUCCESS;
}
