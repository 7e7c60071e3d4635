// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Utilisation, its samples, memory.
#include <math.h>
#include <string.h>

#include "call.h"
#include "physics.h"

enum { SAMPLES_KEPT = 120 };

// With MIG on, the utilisation of the whole board cannot be read.
#define NEED_UTILIZATION()                        \
    do {                                          \
        NEED_WHOLE_GPU();                         \
        NEED_SUPPORT(c.layout->count == 0);       \
    } while (0)

#define GARBAGE_PERCENT 4000000000U

static bool garbage_utilization(const struct call *c) {
    return (c->garbage & GARBAGE_UTILIZATION) != 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetUtilizationRates, device);
    NEED(out != NULL);
    NEED_UTILIZATION();
    out->gpu = utilization_percent(c.g, &c.g->load, sample_end(c.b, c.t));
    out->memory = memory_busy_percent(out->gpu);
    if (garbage_utilization(&c)) {
        out->gpu = out->memory = GARBAGE_PERCENT;
    }
    return NVML_SUCCESS;
}

typedef unsigned (*percent_of)(const struct scenario *, int gpu, int slice, double t);

static nvmlReturn_t engine(enum call_id id, nvmlDevice_t device, percent_of percent, unsigned *out, unsigned *period_us) {
    BEGIN_DEVICE(id, device);
    NEED(out != NULL && period_us != NULL);
    NEED_UTILIZATION();
    *out = garbage_utilization(&c) ? GARBAGE_PERCENT : percent(c.s, c.gpu, WHOLE_GPU, sample_end(c.b, c.t));
    *period_us = c.b->sample_us;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetEncoderUtilization(nvmlDevice_t device, unsigned *out, unsigned *period_us) {
    return engine(CALL_DeviceGetEncoderUtilization, device, encoder_percent, out, period_us);
}

EXPORT nvmlReturn_t nvmlDeviceGetDecoderUtilization(nvmlDevice_t device, unsigned *out, unsigned *period_us) {
    return engine(CALL_DeviceGetDecoderUtilization, device, decoder_percent, out, period_us);
}

// Nothing in a scenario uses these engines, but boards from Turing on have them.
static nvmlReturn_t unused_engine(enum call_id id, nvmlDevice_t device, unsigned *out, unsigned *period_us) {
    BEGIN_DEVICE(id, device);
    NEED(out != NULL && period_us != NULL);
    NEED_UTILIZATION();
    NEED_SUPPORT(id == CALL_DeviceGetOfaUtilization ? c.b->ofas > 0 : c.b->jpegs > 0);
    *out = garbage_utilization(&c) ? GARBAGE_PERCENT : 0;
    *period_us = c.b->sample_us;
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlDeviceGetJpgUtilization(nvmlDevice_t device, unsigned *out, unsigned *period_us) {
    return unused_engine(CALL_DeviceGetJpgUtilization, device, out, period_us);
}

LATER nvmlReturn_t nvmlDeviceGetOfaUtilization(nvmlDevice_t device, unsigned *out, unsigned *period_us) {
    return unused_engine(CALL_DeviceGetOfaUtilization, device, out, period_us);
}

static unsigned sample_value(const struct call *c, unsigned type, double end) {
    unsigned busy;
    switch (type) {
    case NVML_SAMPLES_POWER:
        return (unsigned)lround(1000 * gpu_power_w(c->s, c->gpu, end));
    case NVML_SAMPLES_ENC:
        return encoder_percent(c->s, c->gpu, WHOLE_GPU, end);
    case NVML_SAMPLES_DEC:
        return decoder_percent(c->s, c->gpu, WHOLE_GPU, end);
    case NVML_SAMPLES_PROCESSOR_CLOCK:
        return gpu_clock(c->s, c->gpu, NVML_CLOCK_SM, end);
    case NVML_SAMPLES_MEMORY_CLOCK:
        return gpu_clock(c->s, c->gpu, NVML_CLOCK_MEM, end);
    default:
        busy = utilization_percent(c->g, &c->g->load, end);
        return type == NVML_SAMPLES_MEMORY ? memory_busy_percent(busy) : busy;
    }
}

static bool samples_supported(const struct call *c, unsigned type) {
    bool utilization = type == NVML_SAMPLES_GPU || type == NVML_SAMPLES_MEMORY || type == NVML_SAMPLES_ENC || type == NVML_SAMPLES_DEC;
    if (c->b->platform == PLATFORM_WSL || type > NVML_SAMPLES_MEMORY_CLOCK) {
        return false;
    }
    return utilization ? c->layout->count == 0 : !board_is_vgpu(c->b);
}

// Microseconds since 1970 of the end of the k-th sample since the epoch.
static unsigned long long sample_us(const struct call *c, double k) {
    return (unsigned long long)llround(c->s->epoch * 1e6) + (unsigned long long)llround(k * c->b->sample_us);
}

static bool idle_buffer(const struct call *c, double newest) {
    double period = c->b->sample_us * 1e-6;
    return c->g->samples_empty_when_idle && history_area(&c->g->load, fmax(0, newest - SAMPLES_KEPT * period), newest) == 0;
}

EXPORT nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t device, unsigned type, unsigned long long last_seen, unsigned *value_type,
                                         unsigned *count, nvmlSample_t *samples) {
    BEGIN_DEVICE(CALL_DeviceGetSamples, device);
    NEED(value_type != NULL && count != NULL && type < NVML_SAMPLES_COUNT && (samples == NULL || *count > 0));
    NEED_WHOLE_GPU();
    NEED_SUPPORT(samples_supported(&c, type));
    double period = c.b->sample_us * 1e-6, newest = floor(c.t / period);
    *value_type = NVML_VALUE_TYPE_UNSIGNED_INT;
    if (idle_buffer(&c, newest * period)) {
        return NVML_ERROR_NOT_FOUND;
    }
    if (samples == NULL) {
        *count = SAMPLES_KEPT;
        return NVML_SUCCESS;
    }
    unsigned given = 0;
    for (double k = fmax(1, newest - SAMPLES_KEPT + 1); k <= newest && given < *count; k++) {
        if (sample_us(&c, k) <= last_seen) {
            continue;
        }
        bool garbage = (c.garbage & GARBAGE_SAMPLES) != 0;
        samples[given].timeStamp = garbage ? ~0ULL : sample_us(&c, k);
        samples[given].sampleValue.ullVal = garbage ? ~0ULL : sample_value(&c, type, k * period);
        given++;
    }
    *count = given;
    return given > 0 ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

static uint64_t memory_total(const struct call *c) {
    unsigned mib = c->slice == WHOLE_GPU ? c->b->memory_mib : c->layout->profile[c->slice]->memory_mib;
    return (uint64_t)mib << 20;
}

static uint64_t memory_reserved(const struct call *c) {
    return c->slice == WHOLE_GPU ? (uint64_t)c->b->reserved_mib << 20 : 0;
}

static uint64_t used(const struct call *c) {
    return memory_used(c->s, c->gpu, c->slice, memory_total(c) - memory_reserved(c), c->t);
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetMemoryInfo, device);
    NEED(out != NULL);
    out->total = memory_total(&c);
    out->used = used(&c) + memory_reserved(&c); // v1 counts the driver's own as used
    out->free = out->total - out->used;
    if ((c.garbage & GARBAGE_MEMORY) != 0) {
        out->used = out->total * 3;
    }
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetMemoryInfo_v2, device);
    NEED(out != NULL);
    if (out->version != VERSION_OF(nvmlMemory_v2_t, 2)) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    out->total = memory_total(&c);
    out->reserved = memory_reserved(&c);
    out->used = used(&c);
    out->free = out->total - out->reserved - out->used;
    if ((c.garbage & GARBAGE_MEMORY) != 0) {
        out->used = out->total * 3;
    }
    return NVML_SUCCESS;
}

// The window maps some of every process.
EXPORT nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetBAR1MemoryInfo, device);
    NEED(out != NULL);
    NEED_WHOLE_GPU();
    uint64_t used = 1 << 20;
    for (int i = 0; i < c.s->processes; i++) {
        const struct process *p = &c.s->process[i];
        used += p->gpu == c.gpu && window_active(&p->when, c.t) ? 2 << 20 : 0;
    }
    out->bar1Total = (uint64_t)c.b->bar1_mib << 20;
    out->bar1Used = used < out->bar1Total ? used : out->bar1Total;
    out->bar1Free = out->bar1Total - out->bar1Used;
    return NVML_SUCCESS;
}
