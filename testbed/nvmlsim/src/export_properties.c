// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Properties and modes of a board: small numbers that do not change.
#include "call.h"
#include "identity.h"

// A getter of one number of the whole board.
#define GETTER(attribute, call, type, supported, value)                    \
    attribute nvmlReturn_t nvml##call(nvmlDevice_t device, type *out) {    \
        BEGIN_DEVICE(CALL_##call, device);                                 \
        NEED(out != NULL);                                                 \
        NEED_WHOLE_GPU();                                                  \
        NEED_SUPPORT(supported);                                           \
        *out = (type)(value);                                              \
        return NVML_SUCCESS;                                               \
    }

enum { VIRTUALIZATION_NONE, VIRTUALIZATION_PASSTHROUGH, VIRTUALIZATION_VGPU };

GETTER(EXPORT, DeviceGetBrand, unsigned, true, c.b->brand)
GETTER(EXPORT, DeviceGetArchitecture, unsigned, true, c.b->arch)
GETTER(EXPORT, DeviceGetMinorNumber, unsigned, c.b->platform != PLATFORM_WSL, c.gpu)
GETTER(EXPORT, DeviceGetBoardId, unsigned, true, gpu_bus(c.gpu) << 8)
GETTER(EXPORT, DeviceGetPersistenceMode, unsigned, c.b->platform != PLATFORM_WSL, 1)
GETTER(EXPORT, DeviceGetVirtualizationMode, unsigned, true, board_is_vgpu(c.b) ? VIRTUALIZATION_VGPU : VIRTUALIZATION_NONE)
GETTER(LATER, DeviceGetNumGpuCores, unsigned, c.layout->count == 0, c.b->cores)
GETTER(LATER, DeviceGetMemoryBusWidth, unsigned, true, c.b->bus_width)
GETTER(EXPORT, DeviceGetMaxPcieLinkGeneration, unsigned, !board_is_vgpu(c.b), c.b->pcie.generation)
GETTER(EXPORT, DeviceGetMaxPcieLinkWidth, unsigned, !board_is_vgpu(c.b), c.b->pcie.width)
GETTER(EXPORT, DeviceGetCurrPcieLinkWidth, unsigned, !board_is_vgpu(c.b), c.b->pcie.width)
GETTER(EXPORT, DeviceGetPowerManagementMode, unsigned, !board_is_vgpu(c.b), 1)
GETTER(LATER, DeviceGetNumFans, unsigned, !board_is_vgpu(c.b), c.b->fans)

EXPORT nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major, int *minor) {
    BEGIN_DEVICE(CALL_DeviceGetCudaComputeCapability, device);
    NEED(major != NULL && minor != NULL);
    *major = (int)c.b->compute_major;
    *minor = (int)c.b->compute_minor;
    return NVML_SUCCESS;
}

// With MIG on, the mode is one of the MIG devices.
EXPORT nvmlReturn_t nvmlDeviceGetComputeMode(nvmlDevice_t device, unsigned *mode) {
    BEGIN_DEVICE(CALL_DeviceGetComputeMode, device);
    NEED(mode != NULL);
    NEED_SUPPORT(c.b->platform != PLATFORM_WSL && (c.slice != WHOLE_GPU || c.layout->count == 0));
    *mode = 0;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, unsigned *current, unsigned *pending) {
    BEGIN_DEVICE(CALL_DeviceGetEccMode, device);
    NEED(current != NULL && pending != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(c.b->ecc != ECC_ABSENT);
    *current = *pending = c.g->ecc;
    return NVML_SUCCESS;
}
