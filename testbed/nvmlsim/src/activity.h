// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// What a GPU does over time. Its activity is its load, less what throttling takes of it; power and traffic are linear in it, so that
// energy and byte counters are exact integrals.
#ifndef NVMLSIM_ACTIVITY_H
#define NVMLSIM_ACTIVITY_H

#include "scenario.h"

// What is left of the activity while a GPU is throttled.
#define THROTTLED_SHARE 0.6

double scenario_now(const struct scenario *);
// Notes for each GPU the activity until now.
void activity_prepare(struct scenario *);

static inline bool event_hits(const struct event *e, enum event_kind kind, int gpu) {
    return e->kind == kind && (e->gpus >> gpu & 1) != 0;
}

bool gpu_throttled(const struct scenario *, int gpu, double t);
double gpu_activity(const struct scenario *, int gpu, double t);
// The area under the activity from a to b.
double gpu_activity_area(const struct scenario *, int gpu, double a, double b);
// When the counters in force at t began.
double gpu_counting_since(const struct scenario *, int gpu, double t);
// The area under the activity since then.
double gpu_activity_counted(const struct scenario *, int gpu, double t);

// The load of a MIG device: its own, else its GPU's.
const struct history *slice_history(const struct gpu *, int slice);

#endif
