// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "devices.h"

#include <stdint.h>

enum { PLACES = MAX_SLICES + 1 };

// Only the addresses matter.
static char devices[MAX_GPUS * PLACES], instances[MAX_GPUS * PLACES];

nvmlDevice_t device_handle(int gpu, int slice) {
    return (nvmlDevice_t)(void *)&devices[gpu * PLACES + slice + 1];
}

nvmlGpuInstance_t instance_handle(int gpu, int slice) {
    return (nvmlGpuInstance_t)(void *)&instances[gpu * PLACES + slice + 1];
}

static bool parse(const void *handle, const char *table, int *gpu, int *slice) {
    uintptr_t place = (uintptr_t)handle - (uintptr_t)table;
    if (place >= sizeof devices) {
        return false;
    }
    *gpu = (int)(place / PLACES);
    *slice = (int)(place % PLACES) - 1;
    return true;
}

bool device_parse(nvmlDevice_t handle, int *gpu, int *slice) {
    return parse(handle, devices, gpu, slice);
}

bool instance_parse(nvmlGpuInstance_t handle, int *gpu, int *slice) {
    return parse(handle, instances, gpu, slice) && *slice >= 0;
}
