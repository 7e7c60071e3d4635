// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Event sets.
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "call.h"
#include "faults.h"
#include "library.h"
#include "occurrences.h"

struct nvmlEventSet_st {
    pthread_mutex_t lock; // guards wants, behind, epoch
    struct subscription wants;
    struct place behind;  // what was delivered last
    double epoch;         // that times in here are relative to
    int users;            // under sets_lock, with the next two
    bool closed;
    struct nvmlEventSet_st *next;
};

static pthread_mutex_t sets_lock = PTHREAD_MUTEX_INITIALIZER;
static struct nvmlEventSet_st *sets;

EXPORT nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *out) {
    BEGIN(CALL_EventSetCreate);
    NEED(out != NULL);
    struct nvmlEventSet_st *set = calloc(1, sizeof *set);
    if (set == NULL) {
        return NVML_ERROR_MEMORY;
    }
    (void)pthread_mutex_init(&set->lock, NULL);
    set->epoch = c.s->epoch;
    set->behind.t = -INFINITY;
    (void)pthread_mutex_lock(&sets_lock);
    set->next = sets;
    sets = set;
    (void)pthread_mutex_unlock(&sets_lock);
    *out = set;
    return NVML_SUCCESS;
}

// Keeps the set from being freed; false: there is no such set.
static bool set_take(struct nvmlEventSet_st *set) {
    (void)pthread_mutex_lock(&sets_lock);
    struct nvmlEventSet_st *known = sets;
    while (known != NULL && known != set) {
        known = known->next;
    }
    if (known != NULL) {
        known->users++;
    }
    (void)pthread_mutex_unlock(&sets_lock);
    return known != NULL;
}

// The last one that leaves a closed set frees it.
static void set_drop(struct nvmlEventSet_st *set) {
    (void)pthread_mutex_lock(&sets_lock);
    bool last = --set->users == 0 && set->closed;
    (void)pthread_mutex_unlock(&sets_lock);
    if (last) {
        (void)pthread_mutex_destroy(&set->lock);
        free(set);
    }
}

static bool set_closed(struct nvmlEventSet_st *set) {
    (void)pthread_mutex_lock(&sets_lock);
    bool closed = set->closed;
    (void)pthread_mutex_unlock(&sets_lock);
    return closed;
}

EXPORT nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set) {
    BEGIN(CALL_EventSetFree);
    NEED(set_take(set));
    (void)pthread_mutex_lock(&sets_lock);
    set->closed = true;
    for (struct nvmlEventSet_st **link = &sets; *link != NULL; link = &(*link)->next) {
        if (*link == set) {
            *link = set->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&sets_lock);
    set_drop(set);
    return NVML_SUCCESS;
}

static uint64_t supported_types(const struct call *c) {
    if (c->b->platform != PLATFORM_BARE) {
        return 0;
    }
    return NVML_EVENT_XID | NVML_EVENT_CLOCK | NVML_EVENT_PSTATE | (c->g->ecc ? NVML_EVENT_SBE | NVML_EVENT_DBE : 0) |
           (c->b->mig != NULL ? NVML_EVENT_MIG_CONFIG : 0);
}

EXPORT nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types) {
    BEGIN_DEVICE(CALL_DeviceGetSupportedEventTypes, device);
    NEED(types != NULL);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(supported_types(&c) != 0);
    *types = supported_types(&c);
    return NVML_SUCCESS;
}

// Times in the set follow the epoch of the scenario.
static void rebase(struct nvmlEventSet_st *set, double epoch) {
    double shift = set->epoch - epoch;
    if (shift == 0) {
        return;
    }
    set->behind.t += shift;
    for (int i = 0; i < MAX_GPUS; i++) {
        set->wants.since[i] += shift;
    }
    set->epoch = epoch;
}

EXPORT nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types, nvmlEventSet_t set) {
    BEGIN_DEVICE(CALL_DeviceRegisterEvents, device);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(types != 0 && (types & ~supported_types(&c)) == 0);
    NEED(set_take(set));
    (void)pthread_mutex_lock(&set->lock);
    rebase(set, c.s->epoch);
    if (set->wants.types[c.gpu] == 0) {
        set->wants.since[c.gpu] = c.now;
    }
    set->wants.types[c.gpu] |= types;
    (void)pthread_mutex_unlock(&set->lock);
    set_drop(set);
    return NVML_SUCCESS;
}

static bool a_gpu_is_lost(const struct call *c, const struct subscription *wants) {
    for (int i = 0; i < c->s->gpus; i++) {
        bool waits_on;
        if (wants->types[i] != 0 && gpu_is_lost(c->s, i, c->now, &waits_on) && !waits_on) {
            return true;
        }
    }
    return false;
}

static void deliver(const struct occurrence *o, nvmlEventData_t *out) {
    *out = (nvmlEventData_t){.device = device_handle(o->place.gpu, WHOLE_GPU), .eventType = o->type, .eventData = o->data,
                             .gpuInstanceId = o->instance, .computeInstanceId = o->compute_instance};
}

// NVML_ERROR_TIMEOUT: nothing yet; *due is when the next event comes, in seconds from now.
static nvmlReturn_t poll(const struct call *c, struct nvmlEventSet_st *set, nvmlEventData_t *out, double *due) {
    struct occurrence next;
    nvmlReturn_t result = NVML_ERROR_TIMEOUT;
    *due = INFINITY;
    (void)pthread_mutex_lock(&set->lock);
    rebase(set, c->s->epoch);
    double kept = occurrences_kept_since(c->s, &set->wants, c->now);
    if (kept > set->behind.t) {
        set->behind = (struct place){.t = kept};
    }
    if (occurrence_next(c->s, &set->wants, set->behind, &next)) {
        *due = next.place.t - c->now;
    }
    if (*due <= 0) {
        set->behind = next.place;
        deliver(&next, out);
        result = NVML_SUCCESS;
    } else if (a_gpu_is_lost(c, &set->wants)) {
        result = NVML_ERROR_GPU_IS_LOST;
    }
    (void)pthread_mutex_unlock(&set->lock);
    return result;
}

// What is waited for may change in other ways than by the scenario: GPUs are registered, and get lost.
#define POLL_AGAIN 0.1

static nvmlReturn_t wait_for_event(struct call *c, struct nvmlEventSet_st *set, nvmlEventData_t *out, unsigned timeout_ms) {
    double end = monotonic_s() + timeout_ms / 1000.0, due = 0, again = 0;
    const struct scenario *polled = NULL;
    for (;;) {
        double left = end - monotonic_s();
        // Looking for the next event costs far more than looking whether the scenario is still the same.
        if (c->s != polled || c->now >= again || left <= 0) {
            nvmlReturn_t result = poll(c, set, out, &due);
            if (result != NVML_ERROR_TIMEOUT || left <= 0) {
                return result;
            }
            polled = c->s;
            again = c->now + fmin(due, POLL_AGAIN);
        }
        call_rest(c, fmin(left, fmax(again - c->now, 1e-4)));
        if (!library_initialized() || set_closed(set)) {
            return NVML_ERROR_UNINITIALIZED;
        }
        if (library_mismatched(c->s, c->now)) {
            return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
        }
        nvmlReturn_t fails = fault_return(c->s, c->id, -1, c->now);
        if (fails != NVML_SUCCESS) {
            return fails;
        }
    }
}

static nvmlReturn_t event_wait(enum call_id id, nvmlEventSet_t set, void *out, size_t size, unsigned timeout_ms) {
    nvmlEventData_t data;
    BEGIN(id);
    NEED(out != NULL && set_take(set));
    nvmlReturn_t result = wait_for_event(&c, set, &data, timeout_ms);
    set_drop(set);
    if (result == NVML_SUCCESS) {
        memcpy(out, &data, size);
    }
    return result;
}

EXPORT nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t set, void *out, unsigned timeout_ms) {
    return event_wait(CALL_EventSetWait, set, out, EVENT_DATA_V1_SIZE, timeout_ms);
}

EXPORT nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, nvmlEventData_t *out, unsigned timeout_ms) {
    return event_wait(CALL_EventSetWait_v2, set, out, sizeof *out, timeout_ms);
}
