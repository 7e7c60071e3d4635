// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "activity.h"

#include <math.h>
#include <time.h>

double scenario_now(const struct scenario *s) {
    struct timespec now;
    if (s->fixed) {
        return s->fixed_t;
    }
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return ((double)now.tv_sec - s->epoch) + (double)now.tv_nsec * 1e-9;
}

bool gpu_throttled(const struct scenario *s, int gpu, double t) {
    for (int i = 0; i < s->events; i++) {
        if (event_hits(&s->event[i], EVENT_THROTTLE, gpu) && window_active(&s->event[i].when, t)) {
            return true;
        }
    }
    return false;
}

double gpu_activity(const struct scenario *s, int gpu, double t) {
    double load = history_level(&s->gpu[gpu].load, t);
    return gpu_throttled(s, gpu, t) ? load * THROTTLED_SHARE : load;
}

static double start_at_or_before(const struct window *w, double t) {
    return w->every > 0 ? w->at + floor((t - w->at) / w->every) * w->every : w->at;
}

// The stretch of the window that lasts at t, from t on; else its next one. *from is INFINITY when there is none.
static void next_stretch(const struct window *w, double t, double *from, double *to) {
    double start = t < w->at ? w->at : start_at_or_before(w, t);
    *from = fmax(start, t);
    *to = start + w->for_s;
    if (*to <= t) {
        *from = w->every > 0 ? start + w->every : INFINITY;
        *to = *from + w->for_s;
    }
}

// The first throttled stretch from t on. Stretches that overlap its end come with the next call. False: there is none.
static bool next_throttled(const struct scenario *s, int gpu, double t, double *from, double *to) {
    *from = *to = INFINITY;
    for (int i = 0; i < s->events; i++) {
        double begin, end;
        if (!event_hits(&s->event[i], EVENT_THROTTLE, gpu) || s->event[i].when.for_s <= 0) {
            continue;
        }
        next_stretch(&s->event[i].when, t, &begin, &end);
        if (begin < *from || (begin == *from && end > *to)) {
            *from = begin;
            *to = end;
        }
    }
    return *from < INFINITY && *to > t;
}

double gpu_activity_area(const struct scenario *s, int gpu, double a, double b) {
    const struct history *load = &s->gpu[gpu].load;
    double area = history_area(load, a, b);
    double from, to;
    for (double t = a; t < b && next_throttled(s, gpu, t, &from, &to) && from < b; t = to) {
        area -= (1 - THROTTLED_SHARE) * history_area(load, from, fmin(to, b));
    }
    return area;
}

double gpu_counting_since(const struct scenario *s, int gpu, double t) {
    const struct gpu *g = &s->gpu[gpu];
    for (int i = g->resets - 1; i > 0; i--) {
        if (g->reset[i] <= t) {
            return g->reset[i];
        }
    }
    return 0;
}

double gpu_activity_counted(const struct scenario *s, int gpu, double t) {
    const struct gpu *g = &s->gpu[gpu];
    double since = gpu_counting_since(s, gpu, t);
    if (since <= g->area_t && g->area_t <= t) {
        return g->area + gpu_activity_area(s, gpu, g->area_t, t);
    }
    return gpu_activity_area(s, gpu, since, t);
}

void activity_prepare(struct scenario *s) {
    double now = fmax(0, scenario_now(s));
    for (int i = 0; i < s->gpus; i++) {
        double since = gpu_counting_since(s, i, now);
        s->gpu[i].area = gpu_activity_area(s, i, since, now);
        s->gpu[i].area_t = now;
    }
}

const struct history *slice_history(const struct gpu *g, int slice) {
    return g->slice_load[slice].spans > 0 ? &g->slice_load[slice] : &g->load;
}
