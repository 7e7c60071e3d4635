// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "curve.h"

#include <math.h>

static const double tau = 6.28318530717958647692;

// The area from at[0] to t, at[0] <= t, within one period.
static double points_area(const struct curve *c, double t) {
    int i = c->points - 1;
    while (i > 0 && c->at[i] > t) {
        i--;
    }
    double width = t - c->at[i];
    if (c->kind == CURVE_STEPS || i == c->points - 1) {
        return c->area[i] + c->level[i] * width;
    }
    double slope = (c->level[i + 1] - c->level[i]) / (c->at[i + 1] - c->at[i]);
    return c->area[i] + (c->level[i] + slope * width / 2) * width;
}

// The area from 0 to t, t within the first period; the first level holds before the first point.
static double first_area(const struct curve *c, double t) {
    if (t < c->at[0]) {
        return c->level[0] * t;
    }
    return c->level[0] * c->at[0] + points_area(c, t);
}

static double points_primitive(const struct curve *c, double t) {
    if (c->period == 0) {
        return first_area(c, t);
    }
    double periods = floor(t / c->period);
    return periods * first_area(c, c->period) + first_area(c, t - periods * c->period);
}

static double primitive(const struct curve *c, double t) {
    switch (c->kind) {
    case CURVE_CONSTANT:
        return c->low * t;
    case CURVE_SINE: {
        double half = (c->high - c->low) / 2, turn = tau / c->period;
        return (c->low + half) * t - half / turn * sin(turn * fmod(t - c->phase, c->period));
    }
    case CURVE_LINEAR:
    case CURVE_STEPS:
        break;
    }
    return points_primitive(c, t);
}

void curve_prepare(struct curve *c) {
    c->area[0] = 0;
    for (int i = 1; i < c->points; i++) {
        double width = c->at[i] - c->at[i - 1];
        double level = c->kind == CURVE_STEPS ? c->level[i - 1] : (c->level[i - 1] + c->level[i]) / 2;
        c->area[i] = c->area[i - 1] + level * width;
    }
}

static double points_level(const struct curve *c, double t) {
    if (c->period > 0) {
        t -= floor(t / c->period) * c->period;
    }
    if (t < c->at[0]) {
        return c->level[0];
    }
    int i = c->points - 1;
    while (i > 0 && c->at[i] > t) {
        i--;
    }
    if (c->kind == CURVE_STEPS || i == c->points - 1) {
        return c->level[i];
    }
    return c->level[i] + (c->level[i + 1] - c->level[i]) * (t - c->at[i]) / (c->at[i + 1] - c->at[i]);
}

double curve_level(const struct curve *c, double t) {
    switch (c->kind) {
    case CURVE_CONSTANT:
        return c->low;
    case CURVE_SINE:
        return c->low + (c->high - c->low) * (1 - cos(tau * fmod(t - c->phase, c->period) / c->period)) / 2;
    case CURVE_LINEAR:
    case CURVE_STEPS:
        break;
    }
    return points_level(c, t);
}

double history_level(const struct history *h, double t) {
    for (int i = h->spans - 1; i >= 0; i--) {
        if (t >= h->from[i]) {
            return curve_level(h->curve[i], t);
        }
    }
    return 0;
}

double history_area(const struct history *h, double a, double b) {
    double area = 0;
    for (int i = 0; i < h->spans; i++) {
        double from = fmax(a, h->from[i]);
        double to = i + 1 < h->spans ? fmin(b, h->from[i + 1]) : b;
        if (from < to) {
            area += primitive(h->curve[i], to) - primitive(h->curve[i], from);
        }
    }
    return area;
}
