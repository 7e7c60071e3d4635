// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "occurrences.h"

#include <math.h>

#include "faults.h"
#include "identity.h"

// What comes at a time, and again: one statement of a scenario has up to two of these, its begin and its end.
struct source {
    uint64_t gpus, type, data;
    double at, every, until; // every 0: once
    int mig;
    bool of_loss;
};

static struct source of_event(const struct event *e, bool ends) {
    struct source source = {.gpus = e->gpus, .at = e->when.at, .every = e->when.every, .until = INFINITY, .mig = e->mig};
    switch (e->kind) {
    case EVENT_XID:
        source.type = ends ? 0 : NVML_EVENT_XID;
        source.data = e->code;
        break;
    case EVENT_THROTTLE:
        source.type = NVML_EVENT_CLOCK;
        source.at += ends ? e->when.for_s : 0;
        break;
    case EVENT_ECC:
        source.type = ends ? 0 : e->uncorrected ? NVML_EVENT_DBE : NVML_EVENT_SBE;
        break;
    default:
        break; // nothing that NVML reports
    }
    return source;
}

static struct source of_fault(const struct fault *f, bool ends) {
    struct source source = {.gpus = f->gpus, .at = f->when.at, .until = INFINITY, .mig = -1};
    switch (f->kind) {
    case FAULT_GPU_LOST:
        source.type = ends || f->xid == 0 ? 0 : NVML_EVENT_XID;
        source.data = f->xid;
        source.of_loss = true;
        break;
    case FAULT_MIG_CHANGE:
        source.type = NVML_EVENT_MIG_CONFIG;
        source.at += ends ? f->when.for_s : 0;
        break;
    case FAULT_EVENT_STORM:
        source.type = ends ? 0 : f->clock_events ? NVML_EVENT_CLOCK : NVML_EVENT_XID;
        source.data = f->clock_events ? 0 : f->xid;
        source.every = 1 / f->rate;
        source.until = f->when.at + f->when.for_s;
        break;
    default:
        break;
    }
    return source;
}

static int sources(const struct scenario *s) {
    return 2 * (s->events + s->faults);
}

static struct source source_of(const struct scenario *s, int i) {
    bool ends = i % 2 == 1;
    return i / 2 < s->events ? of_event(&s->event[i / 2], ends) : of_fault(&s->fault[i / 2 - s->events], ends);
}

static bool is_behind(double t, int source, int gpu, const struct place *p) {
    if (t != p->t) {
        return t > p->t;
    }
    return source != p->source ? source > p->source : gpu > p->gpu;
}

// The first time of the source for the GPU that is behind the place; INFINITY: none.
static double next_time(const struct source *source, int number, int gpu, const struct place *behind) {
    double k = 0;
    if (source->every > 0 && behind->t > source->at) {
        k = fmax(0, floor((behind->t - source->at) / source->every) - 1);
    }
    for (int tries = 0; tries < 4; tries++, k++) {
        double t = source->at + k * source->every;
        if (t >= source->until || !isfinite(t)) {
            return INFINITY;
        }
        if (is_behind(t, number, gpu, behind)) {
            return t;
        }
        if (source->every == 0) {
            return INFINITY;
        }
    }
    return INFINITY;
}

static bool wanted(const struct subscription *wants, const struct source *source, int gpu) {
    return (source->gpus >> gpu & 1) != 0 && (wants->types[gpu] & source->type) != 0;
}

static void fill(const struct scenario *s, const struct source *source, struct occurrence *out) {
    const struct layout *layout = gpu_layout(s, out->place.gpu, out->place.t);
    bool in_mig = source->mig >= 0 && source->mig < layout->count;
    out->type = source->type;
    out->data = source->data;
    out->instance = in_mig ? gpu_instance_id(layout, source->mig) : NVML_NO_INSTANCE;
    out->compute_instance = in_mig ? 0 : NVML_NO_INSTANCE;
}

bool occurrence_next(const struct scenario *s, const struct subscription *wants, struct place behind, struct occurrence *out) {
    bool found = false, waits_on;
    for (int i = 0; i < sources(s); i++) {
        struct source source = source_of(s, i);
        for (int gpu = 0; gpu < s->gpus && source.type != 0; gpu++) {
            struct place from = behind;
            if (!wanted(wants, &source, gpu)) {
                continue;
            }
            if (wants->since[gpu] > from.t) {
                from = (struct place){.t = wants->since[gpu], .source = sources(s)};
            }
            double t = next_time(&source, i, gpu, &from);
            bool first = t < INFINITY && (!found || !is_behind(t, i, gpu, &out->place));
            if (first && (source.of_loss || !gpu_is_lost(s, gpu, t, &waits_on))) {
                out->place = (struct place){.t = t, .source = i, .gpu = gpu};
                fill(s, &source, out);
                found = true;
            }
        }
    }
    return found;
}

double occurrences_kept_since(const struct scenario *s, const struct subscription *wants, double t) {
    double since = -INFINITY;
    for (int i = 0; i < sources(s); i++) {
        struct source source = source_of(s, i);
        int gpus = 0;
        for (int gpu = 0; gpu < s->gpus; gpu++) {
            gpus += wanted(wants, &source, gpu);
        }
        if (source.every > 0 && gpus > 0) {
            since = fmax(since, fmin(t, source.until) - EVENTS_KEPT * source.every / gpus);
        }
    }
    return since;
}
