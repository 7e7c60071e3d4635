// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Load curves: a level from 0 to 1 as a function of t, in seconds, with exact areas.
#ifndef NVMLSIM_CURVE_H
#define NVMLSIM_CURVE_H

enum { CURVE_MAX_POINTS = 64, HISTORY_MAX_SPANS = 64 };

enum curve_kind { CURVE_CONSTANT, CURVE_SINE, CURVE_LINEAR, CURVE_STEPS };

struct curve {
    enum curve_kind kind;
    double low, high;  // sine; a constant has its level in low
    double period;     // 0: does not repeat
    double phase;
    int points;        // at least 1 for linear and steps, ascending
    double at[CURVE_MAX_POINTS], level[CURVE_MAX_POINTS];
    double area[CURVE_MAX_POINTS]; // from at[0] to at[i]; set by curve_prepare
};

// A history is idle before its first span; each span lasts until the next one begins.
struct history {
    int spans;
    double from[HISTORY_MAX_SPANS];
    struct curve *curve[HISTORY_MAX_SPANS]; // owned by the scenario
};

void curve_prepare(struct curve *);
double curve_level(const struct curve *, double t);

double history_level(const struct history *, double t);
// The area under the level from a to b, a <= b.
double history_area(const struct history *, double a, double b);

#endif
