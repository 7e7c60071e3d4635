// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "call.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "activity.h"
#include "faults.h"
#include "library.h"
#include "snapshot.h"
#include "tally.h"

// Up to here the latency is spent on the processor, as the real driver does for short calls.
#define MAX_SPIN_US 100

double monotonic_s(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void spend(unsigned us) {
    double end = monotonic_s() + us * 1e-6;
    if (us > MAX_SPIN_US) {
        struct timespec pause = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
        (void)nanosleep(&pause, NULL);
    }
    while (monotonic_s() < end) {
    }
}

static void refresh(struct call *c) {
    c->s = snapshot_acquire();
    c->now = scenario_now(c->s);
    c->t = fmax(0, c->now);
}

static void doze(struct call *c, double seconds) {
    struct timespec pause = {.tv_nsec = (long)(fmax(0, seconds) * 1e9)};
    snapshot_release(c->s);
    c->s = NULL;
    (void)nanosleep(&pause, NULL);
    refresh(c);
}

void call_doze(struct call *c, double seconds) { doze(c, fmin(seconds, 0.02)); }

void call_rest(struct call *c, double seconds) { doze(c, fmin(seconds, 0.1)); }

void call_wait(struct call *c) {
    double begun = monotonic_s();
    for (;;) {
        const struct fault *slow = fault_delay(c->s, FAULT_CALL_SLOW, c->id, c->gpu, c->now);
        bool hangs = fault_delay(c->s, FAULT_CALL_HANGS, c->id, c->gpu, c->now) != NULL;
        double left = slow == NULL ? 0 : begun + slow->seconds - monotonic_s();
        if (!hangs && left <= 0) {
            return;
        }
        call_doze(c, hangs ? 1 : left);
    }
}

static bool begins(struct call *c, enum call_id id) {
    tally_call(id);
    *c = (struct call){.id = id, .gpu = -1, .slice = WHOLE_GPU};
    return library_initialized();
}

nvmlReturn_t call_begin(struct call *c, enum call_id id) {
    if (!begins(c, id)) {
        return NVML_ERROR_UNINITIALIZED;
    }
    refresh(c);
    call_wait(c);
    if (library_mismatched(c->s, c->now)) {
        return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
    }
    return fault_return(c->s, id, -1, c->now);
}

// Resolves the device in the scenario as it is now.
static nvmlReturn_t resolve(struct call *c) {
    bool waits_on;
    if (c->gpu >= c->s->gpus || !gpu_is_present(c->s, c->gpu, c->now) || gpu_is_lost(c->s, c->gpu, c->now, &waits_on)) {
        return NVML_ERROR_GPU_IS_LOST;
    }
    c->g = &c->s->gpu[c->gpu];
    c->b = c->g->board;
    c->layout = gpu_layout(c->s, c->gpu, c->now);
    c->garbage = fault_garbage_of(c->s, c->gpu, c->now);
    return c->slice < c->layout->count ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t call_begin_device(struct call *c, enum call_id id, nvmlDevice_t device) {
    if (!begins(c, id)) {
        return NVML_ERROR_UNINITIALIZED;
    }
    if (!device_parse(device, &c->gpu, &c->slice)) {
        return NVML_ERROR_INVALID_ARGUMENT;
    }
    refresh(c);
    call_wait(c);
    if (library_mismatched(c->s, c->now)) {
        return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
    }
    nvmlReturn_t found = resolve(c);
    return found != NVML_SUCCESS ? found : fault_return(c->s, id, c->gpu, c->now);
}

nvmlReturn_t call_about(struct call *c, int gpu) {
    c->gpu = gpu;
    const struct fault *hangs = fault_delay(c->s, FAULT_CALL_HANGS, c->id, gpu, c->now);
    const struct fault *slow = fault_delay(c->s, FAULT_CALL_SLOW, c->id, gpu, c->now);
    // One that meant the call itself was waited for as it began.
    bool waited = slow != NULL && (slow->driver_wide || (slow->every_gpu && slow->names_calls));
    if (hangs != NULL || (slow != NULL && !waited)) {
        call_wait(c);
    }
    nvmlReturn_t found = resolve(c);
    return found != NVML_SUCCESS ? found : fault_return(c->s, c->id, gpu, c->now);
}

void call_end(struct call *c) {
    if (c->s == NULL) {
        return;
    }
    unsigned us = c->s->latency_us[c->id];
    snapshot_release(c->s);
    if (us > 0) {
        spend(us);
    }
}

nvmlReturn_t call_text(const struct call *c, char *buffer, unsigned length, const char *text) {
    NEED(buffer != NULL);
    if (strlen(text) >= length) {
        return NVML_ERROR_INSUFFICIENT_SIZE;
    }
    if ((c->garbage & GARBAGE_STRINGS) != 0) {
        memset(buffer, 0xFE, length); // no UTF-8, and no NUL
        return NVML_SUCCESS;
    }
    strcpy(buffer, text);
    return NVML_SUCCESS;
}
