// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "scenario.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "parse.h"

enum { MAX_LINE = 4096, MAX_LINES = 20000, MAX_THROTTLES = 200000 };

#ifdef NVMLSIM_OLD
#define DEFAULT_DRIVER "450.248.02"
#define DEFAULT_CUDA 11000
#else
#define DEFAULT_DRIVER "580.65.06"
#define DEFAULT_CUDA 13000
#endif

void scenario_free(struct scenario *s) {
    if (s == NULL) {
        return;
    }
    for (int i = 0; i < s->curves; i++) {
        free(s->curve[i]);
    }
    free(s->curve);
    free(s->process);
    free(s->event);
    free(s->fault);
    free(s->path);
    free(s);
}

static bool reset_add(struct scenario *s, struct gpu *g, double t) {
    int i = g->resets;
    if (i == MAX_RESETS) {
        (void)fprintf(stderr, "%s: counters of a GPU start anew more than %d times\n", s->path, MAX_RESETS);
        return false;
    }
    for (; i > 0 && g->reset[i - 1] > t; i--) {
        g->reset[i] = g->reset[i - 1];
    }
    g->reset[i] = t;
    g->resets++;
    return true;
}

// When the fault makes counters start anew; INFINITY: never.
static double fault_reset(const struct fault *f) {
    if (f->kind == FAULT_GPU_LOST) {
        return f->when.at + f->when.for_s;
    }
    return f->kind == FAULT_GPU_RESET || f->kind == FAULT_GPU_BACK ? f->when.at : INFINITY;
}

// Collects, for each GPU, when its counters start anew: with a driver, by a reset, and when it comes back after it was lost.
static bool find_resets(struct scenario *s) {
    for (int i = 0; i < s->gpus; i++) {
        for (int k = 0; k < s->drivers; k++) {
            if (!reset_add(s, &s->gpu[i], s->driver[k].from)) {
                return false;
            }
        }
        for (int k = 0; k < s->faults; k++) {
            double t = fault_reset(&s->fault[k]);
            if ((s->fault[k].gpus >> i & 1) != 0 && isfinite(t) && !reset_add(s, &s->gpu[i], t)) {
                return false;
            }
        }
    }
    return true;
}

// The area under the activity goes from throttle to throttle.
static bool throttles_countable(const struct scenario *s) {
    double now = scenario_now(s);
    for (int i = 0; i < s->events; i++) {
        uint64_t times = window_begun(&s->event[i].when, now);
        if (s->event[i].kind == EVENT_THROTTLE && times > MAX_THROTTLES) {
            (void)fprintf(stderr, "%s: a throttle came %llu times since t = 0, at most %d can be: epoch must be later, or every longer\n",
                          s->path, (unsigned long long)times, MAX_THROTTLES);
            return false;
        }
    }
    return true;
}

static bool read_lines(struct scenario *s, FILE *file) {
    char text[MAX_LINE];
    struct line line;
    for (int number = 1; fgets(text, sizeof text, file) != NULL; number++) {
        bool whole = strchr(text, '\n') != NULL || feof(file) || strlen(text) < sizeof text - 1;
        if (!whole || number > MAX_LINES) {
            (void)fprintf(stderr, "%s:%d: a scenario must have at most %d lines of %d bytes\n", s->path, number, MAX_LINES, MAX_LINE);
            return false;
        }
        if (!line_split(&line, text) || (line.words > 0 && !parse_statement(s, &line))) {
            (void)fprintf(stderr, "%s:%d: %s\n", s->path, number, line.error);
            return false;
        }
    }
    return true;
}

static struct scenario *scenario_new(const char *path, double mtime) {
    struct scenario *s = calloc(1, sizeof *s);
    if (s == NULL || (s->path = strdup(path)) == NULL) {
        free(s);
        return NULL;
    }
    s->epoch = mtime;
    s->drivers = 1;
    strcpy(s->driver[0].version, DEFAULT_DRIVER);
    s->cuda = DEFAULT_CUDA;
    return s;
}

struct scenario *scenario_read(const char *path, double mtime) {
    struct scenario *s = scenario_new(path, mtime);
    FILE *file = fopen(path, "re");
    if (s == NULL || file == NULL) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        if (file != NULL) {
            (void)fclose(file);
        }
        scenario_free(s);
        return NULL;
    }
    bool ok = read_lines(s, file) && find_resets(s) && throttles_countable(s);
    (void)fclose(file);
    if (!ok) {
        scenario_free(s);
        return NULL;
    }
    activity_prepare(s);
    return s;
}

int scenario_driver_number(const struct scenario *s, double t) {
    int i = s->drivers - 1;
    while (i > 0 && s->driver[i].from > t) {
        i--;
    }
    return i;
}

const char *scenario_driver(const struct scenario *s, double t) {
    return s->driver[scenario_driver_number(s, t)].version;
}
