// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Counting and finding devices, and what they are.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "call.h"
#include "faults.h"
#include "identity.h"

// The GPU that has this index now; -1: none. GPUs that are not there do not count.
static int gpu_of_index(const struct call *c, unsigned index) {
    for (int i = 0; i < c->s->gpus; i++) {
        if (gpu_is_present(c->s, i, c->now) && index-- == 0) {
            return i;
        }
    }
    return -1;
}

static nvmlReturn_t count(enum call_id id, unsigned *out) {
    BEGIN(id);
    NEED(out != NULL);
    *out = 0;
    for (int i = 0; i < c.s->gpus; i++) {
        *out += gpu_is_present(c.s, i, c.now);
    }
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetCount(unsigned *out) {
    return count(CALL_DeviceGetCount, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *out) {
    return count(CALL_DeviceGetCount_v2, out);
}

// Gives the handle unless the GPU is lost or a fault hits the call on it.
static nvmlReturn_t give(struct call *c, int gpu, int slice, nvmlDevice_t *out) {
    nvmlReturn_t result = call_about(c, gpu);
    if (result == NVML_SUCCESS) {
        *out = device_handle(gpu, slice);
    }
    return result;
}

static nvmlReturn_t by_index(enum call_id id, unsigned index, nvmlDevice_t *out) {
    BEGIN(id);
    int gpu = gpu_of_index(&c, index);
    NEED(out != NULL && gpu >= 0);
    return give(&c, gpu, WHOLE_GPU, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned index, nvmlDevice_t *out) {
    return by_index(CALL_DeviceGetHandleByIndex, index, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *out) {
    return by_index(CALL_DeviceGetHandleByIndex_v2, index, out);
}

// The MIG device of the GPU that has this UUID; WHOLE_GPU: none.
static int slice_of_uuid(const struct call *c, int gpu, const char *uuid) {
    char text[UUID_SIZE];
    const struct layout *layout = gpu_layout(c->s, gpu, c->now);
    for (int slice = 0; slice < layout->count; slice++) {
        mig_uuid(c->s, gpu, layout, slice, text);
        if (strcmp(text, uuid) == 0) {
            return slice;
        }
    }
    return WHOLE_GPU;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *out) {
    char text[UUID_SIZE];
    BEGIN(CALL_DeviceGetHandleByUUID);
    NEED(uuid != NULL && out != NULL);
    for (int i = 0; i < c.s->gpus; i++) {
        if (!gpu_is_present(c.s, i, c.now)) {
            continue;
        }
        int slice = slice_of_uuid(&c, i, uuid);
        gpu_uuid(c.s, i, text);
        if (slice != WHOLE_GPU || strcmp(text, uuid) == 0) {
            return give(&c, i, slice, out);
        }
    }
    return NVML_ERROR_NOT_FOUND;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *out) {
    char text[SERIAL_SIZE];
    BEGIN(CALL_DeviceGetHandleBySerial);
    NEED(serial != NULL && out != NULL);
    for (int i = 0; i < c.s->gpus; i++) {
        gpu_serial(c.s, i, text);
        if (gpu_is_present(c.s, i, c.now) && c.s->gpu[i].board->serial && strcmp(text, serial) == 0) {
            return give(&c, i, WHOLE_GPU, out);
        }
    }
    return NVML_ERROR_NOT_FOUND;
}

// Whether text means the address, with a domain of eight or four digits or without one.
static bool is_bus_id(const char *text, int gpu) {
    char full[BUS_ID_SIZE];
    gpu_bus_id(gpu, full);
    return strcasecmp(text, full) == 0 || strcasecmp(text, full + 4) == 0 || strcasecmp(text, full + 9) == 0;
}

static nvmlReturn_t by_bus_id(enum call_id id, const char *bus_id, nvmlDevice_t *out) {
    BEGIN(id);
    NEED(bus_id != NULL && out != NULL);
    for (int i = 0; i < c.s->gpus; i++) {
        if (gpu_is_present(c.s, i, c.now) && is_bus_id(bus_id, i)) {
            return give(&c, i, WHOLE_GPU, out);
        }
    }
    return NVML_ERROR_NOT_FOUND;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId(const char *bus_id, nvmlDevice_t *out) {
    return by_bus_id(CALL_DeviceGetHandleByPciBusId, bus_id, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *out) {
    return by_bus_id(CALL_DeviceGetHandleByPciBusId_v2, bus_id, out);
}

EXPORT nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length) {
    char text[96];
    BEGIN_DEVICE(CALL_DeviceGetName, device);
    (void)snprintf(text, sizeof text, c.slice == WHOLE_GPU ? "%s" : "%s MIG %s", c.b->product,
                   c.slice == WHOLE_GPU ? "" : c.layout->profile[c.slice]->name);
    return call_text(&c, name, length, text);
}

EXPORT nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned length) {
    char text[UUID_SIZE];
    BEGIN_DEVICE(CALL_DeviceGetUUID, device);
    if (c.slice == WHOLE_GPU) {
        gpu_uuid(c.s, c.gpu, text);
    } else {
        mig_uuid(c.s, c.gpu, c.layout, c.slice, text);
    }
    return call_text(&c, uuid, length, text);
}

EXPORT nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned *out) {
    BEGIN_DEVICE(CALL_DeviceGetIndex, device);
    NEED(out != NULL);
    *out = 0;
    for (int i = 0; i < c.gpu; i++) {
        *out += gpu_is_present(c.s, i, c.now);
    }
    if (c.slice != WHOLE_GPU) {
        *out = (unsigned)c.slice;
    }
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t device, char *serial, unsigned length) {
    char text[SERIAL_SIZE];
    BEGIN_DEVICE(CALL_DeviceGetSerial, device);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(c.b->serial);
    gpu_serial(c.s, c.gpu, text);
    return call_text(&c, serial, length, text);
}

EXPORT nvmlReturn_t nvmlDeviceGetVbiosVersion(nvmlDevice_t device, char *version, unsigned length) {
    BEGIN_DEVICE(CALL_DeviceGetVbiosVersion, device);
    NEED_WHOLE_GPU();
    return call_text(&c, version, length, c.b->vbios);
}

static nvmlReturn_t pci_info(enum call_id id, nvmlDevice_t device, void *out, size_t size) {
    nvmlPciInfo_t info = {0};
    BEGIN_DEVICE(id, device);
    NEED(out != NULL);
    NEED_WHOLE_GPU();
    info.bus = gpu_bus(c.gpu);
    info.pciDeviceId = c.b->pci_device;
    info.pciSubSystemId = c.b->pci_subsystem;
    gpu_bus_id(c.gpu, info.busId);
    memcpy(info.busIdLegacy, info.busId + 4, strlen(info.busId + 4) + 1);
    if (size < sizeof info) {
        memset(info.busId, 0, sizeof info.busId); // reserved there
    }
    memcpy(out, &info, size);
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo(nvmlDevice_t device, void *out) {
    return pci_info(CALL_DeviceGetPciInfo, device, out, PCI_INFO_V1_SIZE);
}

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v2(nvmlDevice_t device, void *out) {
    return pci_info(CALL_DeviceGetPciInfo_v2, device, out, PCI_INFO_V2_SIZE);
}

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *out) {
    return pci_info(CALL_DeviceGetPciInfo_v3, device, out, sizeof *out);
}
