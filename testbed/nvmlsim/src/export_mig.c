// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// MIG: modes, devices, instances, profiles.
#include <string.h>

#include "call.h"
#include "faults.h"
#include "identity.h"
#include "library.h"

EXPORT nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned *current, unsigned *pending) {
    BEGIN_DEVICE(CALL_DeviceGetMigMode, device);
    NEED(current != NULL && pending != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(c.b->mig != NULL);
    *current = *pending = c.layout->count > 0;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned *count) {
    BEGIN_DEVICE(CALL_DeviceGetMaxMigDeviceCount, device);
    NEED(count != NULL);
    NEED_WHOLE_GPU();
    *count = c.layout->count > 0 ? MAX_SLICES : 0;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned index, nvmlDevice_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetMigDeviceHandleByIndex, device);
    NEED(out != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(c.b->mig != NULL && c.layout->count > 0);
    NEED(index < MAX_SLICES);
    if (index >= (unsigned)c.layout->count) {
        return NVML_ERROR_NOT_FOUND;
    }
    *out = device_handle(c.gpu, (int)index);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned *out) {
    BEGIN_DEVICE(CALL_DeviceIsMigDeviceHandle, device);
    NEED(out != NULL);
    *out = c.slice != WHOLE_GPU;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t device, nvmlDevice_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetDeviceHandleFromMigDeviceHandle, device);
    NEED(out != NULL && c.slice != WHOLE_GPU);
    *out = device_handle(c.gpu, WHOLE_GPU);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned *id) {
    BEGIN_DEVICE(CALL_DeviceGetGpuInstanceId, device);
    NEED(id != NULL);
    NEED_SUPPORT(c.slice != WHOLE_GPU);
    *id = gpu_instance_id(c.layout, c.slice);
    return NVML_SUCCESS;
}

// Each instance is one compute instance.
EXPORT nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned *id) {
    BEGIN_DEVICE(CALL_DeviceGetComputeInstanceId, device);
    NEED(id != NULL);
    NEED_SUPPORT(c.slice != WHOLE_GPU);
    *id = 0;
    return NVML_SUCCESS;
}

static nvmlReturn_t attributes(enum call_id id, nvmlDevice_t device, void *out, size_t size) {
    BEGIN_DEVICE(id, device);
    NEED(out != NULL);
    NEED_SUPPORT(c.slice != WHOLE_GPU);
    const struct mig_profile *p = c.layout->profile[c.slice];
    nvmlDeviceAttributes_t all = {
        .multiprocessorCount = p->multiprocessors, .sharedCopyEngineCount = p->copy_engines, .sharedDecoderCount = p->decoders,
        .sharedJpegCount = p->jpegs, .sharedOfaCount = p->ofas, .gpuInstanceSliceCount = p->slices,
        .computeInstanceSliceCount = p->slices, .memorySizeMB = p->memory_mib};
    memcpy(out, &all, size);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetAttributes(nvmlDevice_t device, void *out) {
    return attributes(CALL_DeviceGetAttributes, device, out, ATTRIBUTES_V1_SIZE);
}

LATER nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *out) {
    return attributes(CALL_DeviceGetAttributes_v2, device, out, sizeof *out);
}

EXPORT nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t device, unsigned profile, nvmlGpuInstanceProfileInfo_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetGpuInstanceProfileInfo, device);
    NEED(out != NULL);
    NEED_WHOLE_GPU();
    for (int i = 0; c.b->mig != NULL && i < c.b->mig->count; i++) {
        const struct mig_profile *p = &c.b->mig->profile[i];
        if (p->index == profile) {
            *out = (nvmlGpuInstanceProfileInfo_t){
                .id = p->id, .isP2pSupported = 0, .sliceCount = p->slices, .instanceCount = p->max_instances,
                .multiprocessorCount = p->multiprocessors, .copyEngineCount = p->copy_engines, .decoderCount = p->decoders,
                .jpegCount = p->jpegs, .ofaCount = p->ofas, .memorySizeMB = p->memory_mib};
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_NOT_SUPPORTED;
}

// The array has room for all instances that the profile allows; go-nvml passes that as the count.
EXPORT nvmlReturn_t nvmlDeviceGetGpuInstances(nvmlDevice_t device, unsigned profile_id, nvmlGpuInstance_t *out, unsigned *count) {
    BEGIN_DEVICE(CALL_DeviceGetGpuInstances, device);
    NEED(out != NULL && count != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(c.layout->count > 0);
    *count = 0;
    for (int slice = 0; slice < c.layout->count; slice++) {
        if (c.layout->profile[slice]->id == profile_id) {
            out[(*count)++] = instance_handle(c.gpu, slice);
        }
    }
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetGpuInstanceById(nvmlDevice_t device, unsigned id, nvmlGpuInstance_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetGpuInstanceById, device);
    NEED(out != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(c.layout->count > 0);
    for (int slice = 0; slice < c.layout->count; slice++) {
        if (gpu_instance_id(c.layout, slice) == id) {
            *out = instance_handle(c.gpu, slice);
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_NOT_FOUND;
}

// Where the instance lies among the memory slices: one behind the other.
static unsigned placement_start(const struct layout *layout, int slice) {
    unsigned start = 0;
    for (int i = 0; i < slice; i++) {
        start += layout->profile[i]->memory_slices;
    }
    return start;
}

EXPORT nvmlReturn_t nvmlGpuInstanceGetInfo(nvmlGpuInstance_t instance, nvmlGpuInstanceInfo_t *out) {
    int gpu, slice;
    if (!library_initialized()) {
        return NVML_ERROR_UNINITIALIZED;
    }
    NEED(out != NULL && instance_parse(instance, &gpu, &slice));
    BEGIN_DEVICE(CALL_GpuInstanceGetInfo, device_handle(gpu, slice));
    const struct mig_profile *p = c.layout->profile[slice];
    *out = (nvmlGpuInstanceInfo_t){.device = device_handle(gpu, WHOLE_GPU), .id = gpu_instance_id(c.layout, slice), .profileId = p->id};
    out->placement.start = placement_start(c.layout, slice);
    out->placement.size = p->memory_slices;
    return NVML_SUCCESS;
}
