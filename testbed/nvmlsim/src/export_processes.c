// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Processes on a GPU or a MIG device.
#include <math.h>
#include <string.h>

#include "call.h"
#include "identity.h"
#include "physics.h"

// Whether the process is on the device now. It is on a MIG device only while there is one in its place.
static bool is_on(const struct call *c, const struct process *p) {
    bool placed = p->mig < 0 ? c->layout->count == 0 : p->mig < c->layout->count;
    bool device = c->slice == WHOLE_GPU || p->mig == c->slice;
    return p->gpu == c->gpu && device && placed && window_active(&p->when, c->t);
}

static bool is_listed(const struct call *c, const struct process *p, unsigned type) {
    return (unsigned)p->type == type && is_on(c, p);
}

static nvmlProcessInfo_v2_t info_of(const struct call *c, const struct process *p) {
    nvmlProcessInfo_v2_t info = {.pid = p->pid, .usedGpuMemory = p->memory};
    bool in_mig = p->mig >= 0;
    info.gpuInstanceId = in_mig ? gpu_instance_id(c->layout, p->mig) : NVML_NO_INSTANCE;
    info.computeInstanceId = in_mig ? 0 : NVML_NO_INSTANCE;
    if ((c->garbage & GARBAGE_PROCESSES) != 0 || c->b->platform == PLATFORM_WSL) {
        info.usedGpuMemory = NVML_VALUE_NOT_AVAILABLE_64;
    }
    return info;
}

// Without a suffix the entries have no instance ids, and are smaller.
static nvmlReturn_t list(enum call_id id, nvmlDevice_t device, unsigned type, unsigned *count, void *out, size_t entry) {
    BEGIN_DEVICE(id, device);
    NEED(count != NULL);
    unsigned room = *count, found = 0;
    for (int i = 0; i < c.s->processes; i++) {
        found += is_listed(&c, &c.s->process[i], type);
    }
    *count = found;
    if (found > room) {
        return NVML_ERROR_INSUFFICIENT_SIZE;
    }
    NEED(out != NULL || found == 0);
    char *next = out;
    for (int i = 0; i < c.s->processes; i++) {
        if (is_listed(&c, &c.s->process[i], type)) {
            nvmlProcessInfo_v2_t info = info_of(&c, &c.s->process[i]);
            memcpy(next, &info, entry);
            next += entry;
        }
    }
    return NVML_SUCCESS;
}

#define LIST(attribute, call, type, entry)                                                                     \
    attribute nvmlReturn_t nvml##call(nvmlDevice_t device, unsigned *count, entry *out) {                      \
        return list(CALL_##call, device, type, count, out, sizeof(entry));                                     \
    }

LIST(EXPORT, DeviceGetComputeRunningProcesses, PROCESS_COMPUTE, nvmlProcessInfo_v1_t)
LIST(LATER, DeviceGetComputeRunningProcesses_v2, PROCESS_COMPUTE, nvmlProcessInfo_v2_t)
LIST(LATER, DeviceGetComputeRunningProcesses_v3, PROCESS_COMPUTE, nvmlProcessInfo_v2_t)
LIST(EXPORT, DeviceGetGraphicsRunningProcesses, PROCESS_GRAPHICS, nvmlProcessInfo_v1_t)
LIST(LATER, DeviceGetGraphicsRunningProcesses_v2, PROCESS_GRAPHICS, nvmlProcessInfo_v2_t)
LIST(LATER, DeviceGetGraphicsRunningProcesses_v3, PROCESS_GRAPHICS, nvmlProcessInfo_v2_t)
LIST(LATER, DeviceGetMPSComputeRunningProcesses, PROCESS_MPS, nvmlProcessInfo_v1_t)
LIST(LATER, DeviceGetMPSComputeRunningProcesses_v2, PROCESS_MPS, nvmlProcessInfo_v2_t)
LIST(LATER, DeviceGetMPSComputeRunningProcesses_v3, PROCESS_MPS, nvmlProcessInfo_v2_t)

static nvmlProcessUtilizationSample_t sample_of(const struct call *c, const struct process *p, double end) {
    double busy = utilization_percent(c->g, &c->g->load, end);
    nvmlProcessUtilizationSample_t sample = {.pid = p->pid};
    sample.timeStamp = (unsigned long long)llround((c->s->epoch + end) * 1e6);
    sample.smUtil = (unsigned)lround(busy * p->sm);
    sample.memUtil = memory_busy_percent(sample.smUtil);
    sample.encUtil = (unsigned)lround(100 * p->enc);
    sample.decUtil = (unsigned)lround(100 * p->dec);
    if ((c->garbage & GARBAGE_PROCESSES) != 0) {
        sample.smUtil = sample.memUtil = sample.encUtil = sample.decUtil = 4000000000U;
    }
    return sample;
}

// One sample for each process that did something in the last period.
EXPORT nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device, nvmlProcessUtilizationSample_t *out, unsigned *count,
                                                    unsigned long long last_seen) {
    BEGIN_DEVICE(CALL_DeviceGetProcessUtilization, device);
    NEED(count != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(c.layout->count == 0 && c.b->platform != PLATFORM_WSL);
    unsigned room = out == NULL ? 0 : *count, found = 0, on = 0;
    double end = sample_end(c.b, c.t);
    for (int i = 0; i < c.s->processes; i++) {
        const struct process *p = &c.s->process[i];
        nvmlProcessUtilizationSample_t sample = sample_of(&c, p, end);
        on += is_on(&c, p);
        if (!is_on(&c, p) || sample.smUtil + sample.encUtil + sample.decUtil == 0 || sample.timeStamp <= last_seen) {
            continue;
        }
        if (found < room) {
            out[found] = sample;
        }
        found++;
    }
    // Asked for the size, NVML says how many processes there are, and never 0.
    *count = out != NULL ? found : on > 0 ? on : 1;
    if (out == NULL || found > room) {
        return NVML_ERROR_INSUFFICIENT_SIZE;
    }
    return found > 0 ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}
