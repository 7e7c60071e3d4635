// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "physics.h"

#include <math.h>

// Heating up and cooling down take this long, in seconds, as with the coolers of servers.
#define THERMAL_LAG 15.0
// Memory is that much warmer than the GPU.
#define MEMORY_WARMER 6.0

static double power_range(const struct gpu *g) {
    return (double)g->limit_w - (double)g->board->power.idle;
}

double gpu_power_w(const struct scenario *s, int gpu, double t) {
    const struct gpu *g = &s->gpu[gpu];
    return g->board->power.idle + power_range(g) * gpu_activity(s, gpu, t);
}

double gpu_average_power_w(const struct scenario *s, int gpu, double t) {
    const struct gpu *g = &s->gpu[gpu];
    return g->board->power.idle + power_range(g) * gpu_activity_area(s, gpu, t - 1, t);
}

double gpu_energy_mj(const struct scenario *s, int gpu, double t) {
    const struct gpu *g = &s->gpu[gpu];
    double seconds = t - gpu_counting_since(s, gpu, t);
    return 1000 * (g->board->power.idle * seconds + power_range(g) * gpu_activity_counted(s, gpu, t));
}

// The activity as seen through a first-order lag: its mean with weights exp(-age / THERMAL_LAG), summed over six lags.
static double lagged_activity(const struct scenario *s, int gpu, double t) {
    enum { STEPS = 48 };
    const double step = 6 * THERMAL_LAG / STEPS;
    double sum = 0, weights = 0;
    for (int i = 0; i < STEPS; i++) {
        double age = (i + 0.5) * step;
        double weight = exp(-age / THERMAL_LAG);
        sum += weight * gpu_activity(s, gpu, fmax(0, t - age));
        weights += weight;
    }
    return sum / weights;
}

// The temperature that a thermal throttle reason stands for; 0 without one.
static double thermal_floor(const struct scenario *s, int gpu, double t) {
    const struct board *b = s->gpu[gpu].board;
    double floor_celsius = 0;
    for (int i = 0; i < s->events; i++) {
        const struct event *e = &s->event[i];
        if (!event_hits(e, EVENT_THROTTLE, gpu) || !window_active(&e->when, t)) {
            continue;
        }
        if (e->reason_index == REASON_HW_THERMAL) {
            floor_celsius = fmax(floor_celsius, b->celsius.slowdown);
        } else if (e->reason_index == REASON_SW_THERMAL) {
            floor_celsius = fmax(floor_celsius, b->celsius.gpu_max);
        }
    }
    return floor_celsius;
}

double gpu_celsius(const struct scenario *s, int gpu, double t) {
    const struct gpu *g = &s->gpu[gpu];
    const struct board *b = g->board;
    double share = power_range(g) / ((double)b->power.standard - b->power.idle);
    double celsius = b->celsius.idle + ((double)b->celsius.full - b->celsius.idle) * share * lagged_activity(s, gpu, t);
    return fmax(celsius, thermal_floor(s, gpu, t));
}

double gpu_memory_celsius(const struct scenario *s, int gpu, double t) {
    return gpu_celsius(s, gpu, t) + MEMORY_WARMER;
}

unsigned gpu_fan_percent(const struct scenario *s, int gpu, double t) {
    double range = (double)s->gpu[gpu].board->celsius.gpu_max - 40;
    return (unsigned)lround(30 + 70 * fmin(1, fmax(0, (gpu_celsius(s, gpu, t) - 40) / range)));
}

static bool idle(const struct scenario *s, int gpu, double t) {
    return history_level(&s->gpu[gpu].load, t) == 0;
}

// Boosts to the top at low load, gives way a little with more; throttled it is below base.
static double sm_clock(const struct scenario *s, int gpu, double t) {
    const struct board *b = s->gpu[gpu].board;
    double load = history_level(&s->gpu[gpu].load, t);
    if (load == 0) {
        return b->sm.idle;
    }
    double clock = b->sm.max - 0.25 * ((double)b->sm.max - b->sm.base) * load;
    return gpu_throttled(s, gpu, t) ? fmin(clock, 0.75 * b->sm.base) : clock;
}

unsigned gpu_max_clock(const struct board *b, int domain) {
    return domain == NVML_CLOCK_MEM ? b->memory_clock.max : domain == NVML_CLOCK_VIDEO ? b->video_max : b->sm.max;
}

unsigned gpu_clock(const struct scenario *s, int gpu, int domain, double t) {
    const struct board *b = s->gpu[gpu].board;
    if (domain == NVML_CLOCK_MEM) {
        return idle(s, gpu, t) ? b->memory_clock.idle : b->memory_clock.max;
    }
    double clock = sm_clock(s, gpu, t);
    if (domain == NVML_CLOCK_VIDEO) {
        clock = fmax(clock * b->video_max / b->sm.max, b->video_max / 4.0);
    }
    return (unsigned)fmin(15 * lround(clock / 15), b->sm.max); // in steps of 15 MHz
}

unsigned gpu_pstate(const struct scenario *s, int gpu, double t) {
    return idle(s, gpu, t) ? s->gpu[gpu].board->idle_pstate : 0;
}

uint64_t gpu_reasons(const struct scenario *s, int gpu, double t) {
    uint64_t bits = idle(s, gpu, t) ? NVML_REASON_GPU_IDLE : 0;
    for (int i = 0; i < s->events; i++) {
        if (event_hits(&s->event[i], EVENT_THROTTLE, gpu) && window_active(&s->event[i].when, t)) {
            bits |= s->event[i].reason;
        }
    }
    return bits;
}

uint64_t gpu_throttle_ns(const struct scenario *s, int gpu, enum reason reason, double t) {
    double since = gpu_counting_since(s, gpu, t), seconds = 0;
    for (int i = 0; i < s->events; i++) {
        const struct event *e = &s->event[i];
        if (event_hits(e, EVENT_THROTTLE, gpu) && e->reason_index == reason) {
            seconds += window_overlap(&e->when, since, t);
        }
    }
    return (uint64_t)(seconds * 1e9);
}

uint64_t event_count(const struct scenario *s, int gpu, enum event_kind kind, event_match matches, unsigned key, double since, double t) {
    uint64_t count = 0;
    for (int i = 0; i < s->events; i++) {
        const struct event *e = &s->event[i];
        if (event_hits(e, kind, gpu) && (matches == NULL || matches(e, key))) {
            count += e->count * (window_begun(&e->when, t) - window_begun(&e->when, nextafter(since, -INFINITY)));
        }
    }
    return count;
}
