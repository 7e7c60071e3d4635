// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "fields.h"

#include <math.h>
#include <stdlib.h>

#include "counts.h"
#include "faults.h"
#include "tally.h"

// One more than the last field id that each driver branch knows: NVML_FI_MAX of the nvml.h that came with it.
static unsigned field_max(const char *driver) {
    static const struct { long branch; unsigned max; } branches[] = {
        {595, 303}, {590, 289}, {575, 274}, {570, 269}, {560, 230}, {555, 223}, {550, 200},
        {535, 197}, {530, 173}, {525, 170}, {520, 167}, {470, 161}, {455, 148}};
    long branch = strtol(driver, NULL, 10);
#ifdef NVMLSIM_OLD
    branch = 450;
#endif
    for (size_t i = 0; i < sizeof branches / sizeof branches[0]; i++) {
        if (branch >= branches[i].branch) {
            return branches[i].max;
        }
    }
    return 146;
}

enum {
    FIELD_POLICY_POWER = 74,
    FIELD_POLICY_THERMAL = 75,
    FIELD_POLICY_SYNC_BOOST = 76,
    FIELD_MEMORY_TEMP = 82,
    FIELD_TOTAL_ENERGY = 83,
    FIELD_PCIE_REPLAY = 94,
    FIELD_PCIE_REPLAY_ROLLOVER = 95,
    FIELD_PCIE_CORRECTABLE = 173,
    FIELD_PCIE_NAKS_RECEIVED = 174,
    FIELD_PCIE_LANE_ERROR = 183,
    FIELD_RESETLESS_MIG = 184,
    FIELD_POWER_AVERAGE = 185,
    FIELD_POWER_INSTANT = 186,
    FIELD_POWER_MIN = 187,
    FIELD_POWER_MAX = 188,
    FIELD_POWER_DEFAULT = 189,
    FIELD_POWER_CURRENT = 190,
    FIELD_ENERGY = 191,
    FIELD_POWER_REQUESTED = 192,
    FIELD_TLIMIT_SHUTDOWN = 193,
    FIELD_TLIMIT_SLOWDOWN = 194,
    FIELD_TLIMIT_MEMORY = 195,
    FIELD_TLIMIT_GPU = 196,
    FIELD_PCIE_TX = 197,
    FIELD_PCIE_RX = 198,
    FIELD_RECOVERY_ACTION = 230,
    FIELD_SW_THERMAL = 269,
    FIELD_HW_THERMAL = 270,
    FIELD_HW_POWER_BRAKE = 271,
};

static bool field_set(nvmlFieldValue_t *f, bool supported, nvmlValueType_t type) {
    f->nvmlReturn = supported ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
    f->valueType = type;
    f->value.ullVal = 0;
    return supported;
}

bool field_uint(nvmlFieldValue_t *f, bool supported, unsigned value) {
    if (field_set(f, supported, NVML_VALUE_TYPE_UNSIGNED_INT)) {
        f->value.uiVal = value;
    }
    return true;
}

bool field_int(nvmlFieldValue_t *f, bool supported, int value) {
    if (field_set(f, supported, NVML_VALUE_TYPE_SIGNED_INT)) {
        f->value.siVal = value;
    }
    return true;
}

bool field_ull(nvmlFieldValue_t *f, bool supported, uint64_t value) {
    if (field_set(f, supported, NVML_VALUE_TYPE_UNSIGNED_LONG_LONG)) {
        f->value.ullVal = value;
    }
    return true;
}

static bool throttle_time(const struct call *c, nvmlFieldValue_t *f, enum reason reason) {
    return field_ull(f, !board_is_vgpu(c->b), gpu_throttle_ns(c->s, c->gpu, reason, c->t));
}

static bool read_throttle(const struct call *c, nvmlFieldValue_t *f) {
    switch (f->fieldId) {
    case FIELD_POLICY_POWER:
        return throttle_time(c, f, REASON_SW_POWER_CAP);
    case FIELD_POLICY_THERMAL:
        return field_ull(f, !board_is_vgpu(c->b), gpu_throttle_ns(c->s, c->gpu, REASON_SW_THERMAL, c->t) +
                                                      gpu_throttle_ns(c->s, c->gpu, REASON_HW_THERMAL, c->t));
    case FIELD_POLICY_SYNC_BOOST:
        return throttle_time(c, f, REASON_SYNC_BOOST);
    case FIELD_SW_THERMAL:
        return throttle_time(c, f, REASON_SW_THERMAL);
    case FIELD_HW_THERMAL:
        return throttle_time(c, f, REASON_HW_THERMAL);
    case FIELD_HW_POWER_BRAKE:
        return throttle_time(c, f, REASON_HW_POWER_BRAKE);
    default:
        return false;
    }
}

// The average is kept from Ampere on, but not by the GA100.
static bool has_average_power(const struct board *b) {
    return b->arch >= ARCH_AMPERE && !(b->compute_major == 8 && b->compute_minor == 0);
}

static bool read_power(const struct call *c, nvmlFieldValue_t *f) {
    bool power = !board_is_vgpu(c->b);
    switch (f->fieldId) {
    case FIELD_TOTAL_ENERGY:
    case FIELD_ENERGY:
        return field_ull(f, board_has_energy(c->b), (uint64_t)gpu_energy_mj(c->s, c->gpu, c->t));
    case FIELD_POWER_AVERAGE:
        return field_uint(f, power && has_average_power(c->b), (unsigned)lround(1000 * gpu_average_power_w(c->s, c->gpu, c->t)));
    case FIELD_POWER_INSTANT:
        return field_uint(f, power, (unsigned)lround(1000 * gpu_power_w(c->s, c->gpu, c->t)));
    case FIELD_POWER_MIN:
        return field_uint(f, power, 1000 * c->b->power.min);
    case FIELD_POWER_MAX:
        return field_uint(f, power, 1000 * c->b->power.max);
    case FIELD_POWER_DEFAULT:
        return field_uint(f, power, 1000 * c->b->power.standard);
    case FIELD_POWER_CURRENT:
    case FIELD_POWER_REQUESTED:
        return field_uint(f, power, 1000 * c->g->limit_w);
    default:
        return false;
    }
}

static bool read_temperature(const struct call *c, nvmlFieldValue_t *f) {
    bool limits = board_has_tlimit(c->b);
    int most = (int)c->b->celsius.gpu_max;
    switch (f->fieldId) {
    case FIELD_MEMORY_TEMP:
        return field_uint(f, c->b->celsius.memory_max > 0, (unsigned)lround(gpu_memory_celsius(c->s, c->gpu, c->t)));
    case FIELD_TLIMIT_SHUTDOWN:
        return field_int(f, limits, most - (int)c->b->celsius.shutdown);
    case FIELD_TLIMIT_SLOWDOWN:
        return field_int(f, limits, most - (int)c->b->celsius.slowdown);
    case FIELD_TLIMIT_MEMORY:
        return field_int(f, limits && c->b->celsius.memory_max > 0, 0);
    case FIELD_TLIMIT_GPU:
        return field_int(f, limits, 0);
    default:
        return false;
    }
}

static bool read_pcie(const struct call *c, nvmlFieldValue_t *f) {
    bool bare = c->b->platform == PLATFORM_BARE, modern = bare && c->b->arch >= ARCH_AMPERE;
    uint64_t replays = pcie_replays(c->s, c->gpu, c->t);
    if (f->fieldId == FIELD_PCIE_TX || f->fieldId == FIELD_PCIE_RX) {
        uint64_t bytes = pcie_counter(c->s, c->gpu, f->fieldId == FIELD_PCIE_TX ? TX : RX, c->t);
        return c->g->pcie_bits > 32 ? field_ull(f, modern, bytes) : field_uint(f, modern, (unsigned)bytes);
    }
    if (f->fieldId == FIELD_PCIE_REPLAY) {
        return field_uint(f, bare, (unsigned)replays);
    }
    if (f->fieldId == FIELD_PCIE_REPLAY_ROLLOVER) {
        return field_uint(f, bare, (unsigned)(replays >> 32));
    }
    if (f->fieldId >= FIELD_PCIE_CORRECTABLE && f->fieldId <= FIELD_PCIE_LANE_ERROR) {
        // A replay answers a negative acknowledgement, and is a correctable error.
        bool of_replay = f->fieldId <= FIELD_PCIE_NAKS_RECEIVED;
        return field_uint(f, modern, of_replay ? (unsigned)replays : 0);
    }
    return false;
}

static bool read_health(const struct call *c, nvmlFieldValue_t *f) {
    unsigned action = 0;
    if (f->fieldId == FIELD_RESETLESS_MIG) {
        return field_uint(f, c->b->mig != NULL, c->b->arch >= ARCH_HOPPER);
    }
    if (f->fieldId != FIELD_RECOVERY_ACTION) {
        return false;
    }
    for (int i = 0; i < c->s->events; i++) {
        const struct event *e = &c->s->event[i];
        if (event_hits(e, EVENT_RECOVERY, c->gpu) && window_active(&e->when, c->t)) {
            action = e->code;
        }
    }
    return field_uint(f, c->b->platform == PLATFORM_BARE && c->b->arch >= ARCH_AMPERE, action);
}

void field_read(const struct call *c, nvmlFieldValue_t *f) {
    bool known = f->fieldId > 0 && f->fieldId < field_max(scenario_driver(c->s, c->t));
    f->value.ullVal = 0;
    f->valueType = NVML_VALUE_TYPE_UNSIGNED_INT;
    if (!known || c->slice != WHOLE_GPU || fault_field(c->s, f->fieldId, c->gpu, c->now)) {
        f->nvmlReturn = known ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
        return;
    }
    if (!read_power(c, f) && !read_throttle(c, f) && !read_temperature(c, f) && !read_pcie(c, f) && !read_health(c, f) &&
        !field_read_ecc(c, f) && !field_read_link(c, f)) {
        f->nvmlReturn = NVML_ERROR_NOT_SUPPORTED;
    }
    if (f->nvmlReturn == NVML_SUCCESS && (c->garbage & GARBAGE_FIELDS) != 0) {
        f->value.ullVal = ~0ULL;
    }
}

EXPORT nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t device, int count, nvmlFieldValue_t *values) {
    BEGIN_DEVICE(CALL_DeviceGetFieldValues, device);
    NEED(values != NULL && count > 0);
    for (int i = 0; i < count; i++) {
        tally_field(values[i].fieldId);
        field_read(&c, &values[i]);
        values[i].timestamp = llround((c.s->epoch + c.t) * 1e6);
        values[i].latencyUsec = c.s->latency_us[c.id];
    }
    return NVML_SUCCESS;
}
