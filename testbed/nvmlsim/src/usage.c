// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Utilisation, memory and traffic.
#include <math.h>

#include "physics.h"

double sample_end(const struct board *b, double t) {
    double period = b->sample_us * 1e-6;
    return floor(t / period) * period;
}

unsigned utilization_percent(const struct gpu *g, const struct history *h, double end) {
    double period = g->board->sample_us * 1e-6;
    return (unsigned)lround(100 * history_area(h, end - period, end) / period);
}

// Of the time in which kernels run, this share touches memory.
unsigned memory_busy_percent(unsigned utilization) {
    return (unsigned)lround(0.55 * utilization);
}

enum engine { ENGINE_ENCODER, ENGINE_DECODER };

static unsigned engine_percent(const struct scenario *s, int gpu, int slice, enum engine engine, double t) {
    double sum = 0;
    for (int i = 0; i < s->processes; i++) {
        const struct process *p = &s->process[i];
        if (p->gpu == gpu && (slice < 0 || p->mig == slice) && window_active(&p->when, t)) {
            sum += engine == ENGINE_ENCODER ? p->enc : p->dec;
        }
    }
    return (unsigned)lround(100 * fmin(1, sum));
}

unsigned encoder_percent(const struct scenario *s, int gpu, int slice, double t) {
    return engine_percent(s, gpu, slice, ENGINE_ENCODER, t);
}

unsigned decoder_percent(const struct scenario *s, int gpu, int slice, double t) {
    return engine_percent(s, gpu, slice, ENGINE_DECODER, t);
}

static uint64_t process_memory(const struct scenario *s, int gpu, int slice, double t) {
    uint64_t sum = 0;
    for (int i = 0; i < s->processes; i++) {
        const struct process *p = &s->process[i];
        if (p->gpu == gpu && (slice < 0 || p->mig == slice) && window_active(&p->when, t)) {
            sum += p->memory;
        }
    }
    return sum;
}

uint64_t memory_used(const struct scenario *s, int gpu, int slice, uint64_t most, double t) {
    const struct gpu *g = &s->gpu[gpu];
    uint64_t sum = process_memory(s, gpu, slice, t);
    if (slice < 0) {
        double more = ((double)g->memory_high - (double)g->memory_low) * history_level(&g->load, t);
        sum += (uint64_t)((double)g->memory_low + more);
    }
    return sum < most ? sum : most;
}

uint64_t pcie_counter(const struct scenario *s, int gpu, int direction, double t) {
    const struct gpu *g = &s->gpu[gpu];
    uint64_t bytes = (uint64_t)(g->pcie_start[direction] + g->pcie_rate[direction] * gpu_activity_counted(s, gpu, t));
    return g->pcie_bits == 64 ? bytes : bytes & ((1ULL << g->pcie_bits) - 1);
}

static bool down_link(const struct event *e, unsigned link) {
    return e->link == link;
}

bool link_active(const struct scenario *s, int gpu, unsigned link, double t) {
    if (link >= s->gpu[gpu].nvlinks_active) {
        return false;
    }
    for (int i = 0; i < s->events; i++) {
        const struct event *e = &s->event[i];
        if (event_hits(e, EVENT_LINK_DOWN, gpu) && down_link(e, link) && window_active(&e->when, t)) {
            return false;
        }
    }
    return true;
}

// The activity counted while the link was down.
static double activity_without(const struct scenario *s, int gpu, unsigned link, double t) {
    double since = gpu_counting_since(s, gpu, t), area = 0;
    for (int i = 0; i < s->events; i++) {
        const struct event *e = &s->event[i];
        double from = fmax(since, e->when.at), to = fmin(t, e->when.at + e->when.for_s);
        if (event_hits(e, EVENT_LINK_DOWN, gpu) && down_link(e, link) && from < to) {
            area += gpu_activity_area(s, gpu, from, to);
        }
    }
    return area;
}

uint64_t link_bytes(const struct scenario *s, int gpu, unsigned link, int direction, double t) {
    const struct gpu *g = &s->gpu[gpu];
    if (link >= g->nvlinks_active) {
        return 0;
    }
    double activity = gpu_activity_counted(s, gpu, t) - activity_without(s, gpu, link, t);
    return (uint64_t)(g->nvlink_rate[direction] / g->nvlinks_active * fmax(0, activity));
}

uint64_t all_link_bytes(const struct scenario *s, int gpu, int direction, double t) {
    uint64_t sum = 0;
    for (unsigned link = 0; link < s->gpu[gpu].nvlinks_active; link++) {
        sum += link_bytes(s, gpu, link, direction, t);
    }
    return sum;
}
