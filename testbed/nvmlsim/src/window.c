// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include <math.h>

#include "scenario.h"

// The start of the last occurrence at or before t, which is at or behind w->at.
static double last_start(const struct window *w, double t) {
    return w->every > 0 ? w->at + floor((t - w->at) / w->every) * w->every : w->at;
}

bool window_active(const struct window *w, double t) {
    return t >= w->at && t < last_start(w, t) + w->for_s;
}

uint64_t window_begun(const struct window *w, double t) {
    if (t < w->at) {
        return 0;
    }
    return w->every > 0 ? (uint64_t)floor((t - w->at) / w->every) + 1 : 1;
}

// How much of w->at to t lies within the window.
static double window_until(const struct window *w, double t) {
    if (t <= w->at) {
        return 0;
    }
    double start = last_start(w, t);
    double periods = w->every > 0 ? (start - w->at) / w->every : 0;
    return periods * fmin(w->for_s, w->every) + fmin(t - start, w->for_s);
}

double window_overlap(const struct window *w, double a, double b) {
    return window_until(w, b) - window_until(w, a);
}
