// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// The events of a scenario in the order in which they come.
#ifndef NVMLSIM_OCCURRENCES_H
#define NVMLSIM_OCCURRENCES_H

#include "scenario.h"

// A place in the order: events at the same time come by statement, then by GPU.
struct place {
    double t;
    int source, gpu;
};

// Which events are wanted of which GPU, and from when on.
struct subscription {
    uint64_t types[MAX_GPUS];
    double since[MAX_GPUS];
};

struct occurrence {
    struct place place;
    uint64_t type, data;
    unsigned instance, compute_instance;
};

// The first wanted event behind the place. False: there will be none.
bool occurrence_next(const struct scenario *, const struct subscription *, struct place behind, struct occurrence *);
// The place before which nothing is kept at t: a set holds that many of the newest events.
enum { EVENTS_KEPT = 4096 };
double occurrences_kept_since(const struct scenario *, const struct subscription *, double t);

#endif
