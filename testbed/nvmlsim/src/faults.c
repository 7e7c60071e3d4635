// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "faults.h"

#include <math.h>

#include "library.h"

static bool means(const struct fault *f, int gpu) {
    return gpu < 0 ? f->every_gpu : (f->gpus >> gpu & 1) != 0;
}

// Calls without a GPU are hit by faults of the whole driver, and by those that name them.
static bool means_call(const struct fault *f, enum call_id call, int gpu) {
    return f->call[call] && (f->driver_wide || (means(f, gpu) && (gpu >= 0 || f->names_calls)));
}

const struct fault *fault_active(const struct scenario *s, enum fault_kind kind, int gpu, double t) {
    for (int i = 0; i < s->faults; i++) {
        const struct fault *f = &s->fault[i];
        if (f->kind == kind && means(f, gpu) && window_active(&f->when, t)) {
            return f;
        }
    }
    return NULL;
}

const struct fault *fault_delay(const struct scenario *s, enum fault_kind kind, enum call_id call, int gpu, double t) {
    for (int i = 0; i < s->faults; i++) {
        const struct fault *f = &s->fault[i];
        if (f->kind == kind && means_call(f, call, gpu) && window_active(&f->when, t)) {
            return f;
        }
    }
    return NULL;
}

nvmlReturn_t fault_return(const struct scenario *s, enum call_id call, int gpu, double t) {
    for (int i = 0; i < s->faults; i++) {
        const struct fault *f = &s->fault[i];
        bool fails = f->kind == FAULT_CALL_FAILS || f->kind == FAULT_NOT_SUPPORTED;
        if (f->kind == FAULT_UNKNOWN_ERROR && means(f, gpu) && window_active(&f->when, t)) {
            return NVML_ERROR_UNKNOWN;
        }
        if (fails && means_call(f, call, gpu) && window_active(&f->when, t)) {
            return f->code;
        }
    }
    return NVML_SUCCESS;
}

bool fault_field(const struct scenario *s, unsigned field, int gpu, double t) {
    for (int i = 0; i < s->faults; i++) {
        const struct fault *f = &s->fault[i];
        for (int k = 0; k < f->fields; k++) {
            if (f->field[k] == field && means(f, gpu) && window_active(&f->when, t)) {
                return true;
            }
        }
    }
    return false;
}

unsigned fault_garbage_of(const struct scenario *s, int gpu, double t) {
    unsigned garbage = 0;
    for (int i = 0; i < s->faults; i++) {
        const struct fault *f = &s->fault[i];
        if (f->kind == FAULT_GARBAGE && means(f, gpu) && window_active(&f->when, t)) {
            garbage |= f->garbage;
        }
    }
    return garbage;
}

double lost_until(const struct scenario *s, const struct fault *lost, int gpu, bool *reinit) {
    double end = lost->when.at + lost->when.for_s;
    *reinit = lost->reinit;
    for (int i = 0; i < s->faults; i++) {
        const struct fault *f = &s->fault[i];
        if (f->kind == FAULT_GPU_BACK && means(f, gpu) && f->when.at > lost->when.at && f->when.at < end) {
            end = f->when.at;
            *reinit = f->reinit;
        }
    }
    return end;
}

bool gpu_is_lost(const struct scenario *s, int gpu, double t, bool *waits_on) {
    double init = library_since() - s->epoch;
    for (int i = 0; i < s->faults; i++) {
        const struct fault *f = &s->fault[i];
        bool reinit;
        if (f->kind != FAULT_GPU_LOST || !means(f, gpu) || t < f->when.at) {
            continue;
        }
        double end = lost_until(s, f, gpu, &reinit);
        if (t < end || (reinit && init < end)) {
            *waits_on = f->set_waits_on;
            return true;
        }
    }
    return false;
}

static bool board_known(const struct board *b) {
#ifdef NVMLSIM_OLD
    return b->since <= 450;
#else
    (void)b;
    return true;
#endif
}

bool gpu_is_present(const struct scenario *s, int gpu, double t) {
    double init = library_since() - s->epoch;
    for (int i = 0; i < s->faults; i++) {
        const struct fault *f = &s->fault[i];
        if (f->kind == FAULT_HOTPLUG && means(f, gpu) && window_active(&f->when, f->reinit ? fmin(t, init) : t)) {
            return false;
        }
    }
    return gpu < s->gpus && board_known(s->gpu[gpu].board);
}

const struct layout *gpu_layout(const struct scenario *s, int gpu, double t) {
    const struct layout *layout = &s->gpu[gpu].layout;
    for (int i = 0; i < s->faults; i++) {
        const struct fault *f = &s->fault[i];
        if (f->kind == FAULT_MIG_CHANGE && means(f, gpu) && window_active(&f->when, t)) {
            layout = &f->layout;
        }
    }
    return layout;
}
