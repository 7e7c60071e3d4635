// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// PCIe and NVLink.
#include <math.h>

#include "call.h"
#include "counts.h"

#define NEED_LINK()                                  \
    do {                                             \
        NEED_WHOLE_GPU();                            \
        NEED_SUPPORT(c.b->nvlink.links > 0);         \
        NEED(link < c.b->nvlink.links);              \
    } while (0)

// Idle boards that change their performance state fall back to the first generation.
EXPORT nvmlReturn_t nvmlDeviceGetCurrPcieLinkGeneration(nvmlDevice_t device, unsigned *out) {
    BEGIN_DEVICE(CALL_DeviceGetCurrPcieLinkGeneration, device);
    NEED(out != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(!board_is_vgpu(c.b));
    *out = gpu_pstate(c.s, c.gpu, c.t) == 0 ? c.b->pcie.generation : 1;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, unsigned direction, unsigned *kib_per_second) {
    BEGIN_DEVICE(CALL_DeviceGetPcieThroughput, device);
    NEED(kib_per_second != NULL && direction <= RX);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(!board_is_vgpu(c.b));
    // Measured over the last 20 ms.
    double bytes = c.g->pcie_rate[direction] * gpu_activity_area(c.s, c.gpu, c.t - 0.02, c.t) / 0.02;
    *kib_per_second = (c.garbage & GARBAGE_FIELDS) != 0 ? 0xFFFFFFFF : (unsigned)(bytes / 1024);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetPcieReplayCounter(nvmlDevice_t device, unsigned *out) {
    BEGIN_DEVICE(CALL_DeviceGetPcieReplayCounter, device);
    NEED(out != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(c.b->platform == PLATFORM_BARE);
    *out = (c.garbage & GARBAGE_FIELDS) != 0 ? 0xFFFFFFFF : (unsigned)pcie_replays(c.s, c.gpu, c.t);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned link, unsigned *active) {
    BEGIN_DEVICE(CALL_DeviceGetNvLinkState, device);
    NEED(active != NULL);
    NEED_LINK();
    *active = link_active(c.s, c.gpu, link, c.t);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned link, unsigned *version) {
    BEGIN_DEVICE(CALL_DeviceGetNvLinkVersion, device);
    NEED(version != NULL);
    NEED_LINK();
    *version = c.b->nvlink.version;
    return NVML_SUCCESS;
}

enum { CAP_P2P, CAP_SYSMEM, CAP_P2P_ATOMICS, CAP_SYSMEM_ATOMICS, CAP_SLI_BRIDGE, CAP_VALID, CAP_COUNT };

// Between GPUs all of these boards can do the same; none of them reaches system memory by NVLink.
EXPORT nvmlReturn_t nvmlDeviceGetNvLinkCapability(nvmlDevice_t device, unsigned link, unsigned capability, unsigned *out) {
    BEGIN_DEVICE(CALL_DeviceGetNvLinkCapability, device);
    NEED(out != NULL && capability < CAP_COUNT);
    NEED_LINK();
    *out = capability == CAP_P2P || capability == CAP_P2P_ATOMICS || capability == CAP_VALID;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device, unsigned link, unsigned counter, unsigned long long *out) {
    BEGIN_DEVICE(CALL_DeviceGetNvLinkErrorCounter, device);
    NEED(out != NULL && counter < LINK_ERRORS);
    NEED_LINK();
    NEED_SUPPORT(counter != LINK_ECC || c.b->nvlink.version >= 3);
    *out = (c.garbage & GARBAGE_ECC) != 0 ? ~0ULL : link_errors(c.s, c.gpu, link, (enum link_error)counter, c.t);
    return NVML_SUCCESS;
}
