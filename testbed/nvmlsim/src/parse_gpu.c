// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Statements that begin with gpu: boards, MIG layouts, loads and settings.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

static void gpu_default(struct gpu *g, const struct board *board) {
    *g = (struct gpu){.board = board};
    g->limit_w = board->power.standard;
    g->ecc = board->ecc == ECC_ON;
    g->pcie_bits = 32;
    g->pcie_rate[0] = 1e8;
    g->pcie_rate[1] = 2e8;
    g->nvlinks_active = board->nvlink.wired ? board->nvlink.links : 0;
    g->nvlink_rate[0] = g->nvlink_rate[1] = board->nvlink.links * board->nvlink.mbps * 1e6 / 5;
}

static bool parse_board(struct scenario *s, struct line *line) {
    uint64_t bits;
    const struct board *board = line->words == 4 ? board_find(line->word[3]) : NULL;
    if (board == NULL) {
        return line_fail(line, "unknown board %s", line->words > 3 ? line->word[3] : "");
    }
    if (!lex_gpus(line, line->word[1], MAX_GPUS, &bits)) {
        return false;
    }
    for (int i = 0; i < MAX_GPUS; i++) {
        if ((bits >> i & 1) == 0) {
            continue;
        }
        if (i > s->gpus) {
            return line_fail(line, "GPU %d must be declared before GPU %d", s->gpus, i);
        }
        if (i < s->gpus) {
            return line_fail(line, "GPU %d has a board already", i);
        }
        gpu_default(&s->gpu[i], board);
        s->gpus = i + 1;
    }
    return true;
}

static bool layout_add(struct line *line, const struct board *board, char *part, struct layout *layout) {
    char *rest = part;
    const char *name = lex_next(&rest, '*');
    const struct mig_profile *profile = mig_profile_find(board, name);
    uint64_t times = 1;
    if (profile == NULL) {
        return line_fail(line, "board %s has no MIG profile %s", board->name, name);
    }
    if (rest != NULL && !lex_count(line, rest, 1, MAX_SLICES, &times)) {
        return false;
    }
    unsigned slices = 0, memory = 0, same = 0;
    for (; times > 0; times--) {
        if (layout->count == MAX_SLICES) {
            return line_fail(line, "the MIG layout has more than %d instances", MAX_SLICES);
        }
        layout->profile[layout->count++] = profile;
    }
    for (int i = 0; i < layout->count; i++) {
        slices += layout->profile[i]->slices;
        memory += layout->profile[i]->memory_slices;
        same += layout->profile[i] == profile;
    }
    if (slices > 7 || memory > 8 || same > profile->max_instances) {
        return line_fail(line, "the MIG layout does not fit on board %s", board->name);
    }
    return true;
}

bool parse_layout(struct line *line, const struct board *board, char *text, struct layout *layout) {
    *layout = (struct layout){0};
    if (board->mig == NULL) {
        return line_fail(line, "board %s has no MIG", board->name);
    }
    if (strcmp(text, "off") == 0) {
        return true;
    }
    char *rest = text;
    for (char *part = lex_next(&rest, ','); part != NULL; part = lex_next(&rest, ',')) {
        if (!layout_add(line, board, part, layout)) {
            return false;
        }
    }
    return true;
}

static bool curve_points(struct line *line, struct curve *c) {
    for (int i = 4; i < line->words; i++) {
        char *rest = line->word[i];
        if (line->used[i]) {
            continue;
        }
        line->used[i] = true;
        const char *at = lex_next(&rest, ':');
        int n = c->points;
        if (rest == NULL || n == CURVE_MAX_POINTS) {
            return line_fail(line, "must have up to %d points <t>:<level>, found %s", CURVE_MAX_POINTS, line->word[i]);
        }
        if (!lex_number(line, at, 0, c->period > 0 ? c->period : MAX_TIME, &c->at[n]) || !lex_number(line, rest, 0, 1, &c->level[n])) {
            return false;
        }
        if (n > 0 && c->at[n] <= c->at[n - 1]) {
            return line_fail(line, "points must be in the order of t");
        }
        c->points++;
    }
    return c->points > 0 || line_fail(line, "must have points <t>:<level>");
}

static bool curve_sine(struct line *line, struct curve *c) {
    c->kind = CURVE_SINE;
    c->period = 60;
    c->high = 1;
    if (!option_number(line, "low", 0, 1, &c->low) || !option_number(line, "high", 0, 1, &c->high) ||
        !option_number(line, "phase", -MAX_TIME, MAX_TIME, &c->phase) || !option_number(line, "period", 0.01, MAX_TIME, &c->period)) {
        return false;
    }
    return c->low <= c->high || line_fail(line, "low must not be above high");
}

static bool parse_curve(struct line *line, struct curve *c, double *from) {
    const char *kind = line->words > 3 ? line->word[3] : "";
    bool ok;
    *c = (struct curve){0};
    *from = 0;
    if (!option_number(line, "from", 0, MAX_TIME, from)) {
        return false;
    }
    if (strcmp(kind, "idle") == 0) {
        ok = true;
    } else if (strcmp(kind, "constant") == 0) {
        ok = option_needed(line, "level") && option_number(line, "level", 0, 1, &c->low);
    } else if (strcmp(kind, "sine") == 0) {
        ok = curve_sine(line, c);
    } else if (strcmp(kind, "linear") == 0 || strcmp(kind, "steps") == 0) {
        c->kind = kind[0] == 'l' ? CURVE_LINEAR : CURVE_STEPS;
        ok = option_number(line, "period", 0.01, MAX_TIME, &c->period) && curve_points(line, c);
    } else {
        return line_fail(line, "unknown curve %s", kind);
    }
    if (ok) {
        curve_prepare(c);
    }
    return ok && line_done(line, 4);
}

static bool history_add(struct line *line, struct history *h, double from, struct curve *curve) {
    int n = h->spans;
    // A line with the same start takes the place of the one before.
    if (n > 0 && h->from[n - 1] == from) {
        h->curve[n - 1] = curve;
        return true;
    }
    if (n == HISTORY_MAX_SPANS || (n > 0 && from < h->from[n - 1])) {
        return line_fail(line, "loads must be in the order of from, and at most %d of a GPU", HISTORY_MAX_SPANS);
    }
    h->from[n] = from;
    h->curve[n] = curve;
    h->spans = n + 1;
    return true;
}

static bool parse_load(struct scenario *s, struct line *line, uint64_t bits, int slice) {
    struct curve *curve = malloc(sizeof *curve);
    struct curve **curves = realloc(s->curve, sizeof(*curves) * (size_t)(s->curves + 1));
    double from;
    if (curves != NULL) {
        s->curve = curves;
    }
    if (curve == NULL || curves == NULL) {
        free(curve);
        return line_fail(line, "out of memory");
    }
    s->curve[s->curves++] = curve;
    if (!parse_curve(line, curve, &from)) {
        return false;
    }
    for (int i = 0; i < s->gpus; i++) {
        struct history *h = slice < 0 ? &s->gpu[i].load : &s->gpu[i].slice_load[slice];
        if ((bits >> i & 1) != 0 && !history_add(line, h, from, curve)) {
            return false;
        }
    }
    return true;
}

static bool set_mig(struct line *line, struct gpu *g) {
    char copy[256];
    if (line->words != 4 || strlen(line->word[3]) >= sizeof copy) {
        return line_fail(line, "must be: gpu <gpus> mig <layout>");
    }
    strcpy(copy, line->word[3]);
    return parse_layout(line, g->board, copy, &g->layout);
}

static bool set_memory(struct line *line, struct gpu *g) {
    char copy[64];
    if (line->words != 4 || strlen(line->word[3]) >= sizeof copy) {
        return line_fail(line, "must be: gpu <gpus> memory <size> or <size>-<size>");
    }
    strcpy(copy, line->word[3]);
    char *rest = copy;
    if (!lex_size(line, lex_next(&rest, '-'), &g->memory_low)) {
        return false;
    }
    g->memory_high = g->memory_low;
    return rest == NULL || lex_size(line, rest, &g->memory_high);
}

static bool set_power(struct line *line, struct gpu *g) {
    uint64_t limit = g->limit_w;
    if (!option_needed(line, "limit") || !option_count(line, "limit", g->board->power.min, g->board->power.max, &limit)) {
        return false;
    }
    g->limit_w = (unsigned)limit;
    return line_done(line, 3);
}

static bool set_pcie(struct line *line, struct gpu *g) {
    uint64_t bits = g->pcie_bits;
    if (!option_number(line, "tx", 0, 1e12, &g->pcie_rate[0]) || !option_number(line, "rx", 0, 1e12, &g->pcie_rate[1]) ||
        !option_number(line, "start_tx", 0, 1e18, &g->pcie_start[0]) || !option_number(line, "start_rx", 0, 1e18, &g->pcie_start[1]) ||
        !option_count(line, "bits", 32, 64, &bits)) {
        return false;
    }
    g->pcie_bits = (unsigned)bits;
    return line_done(line, 3);
}

static bool set_nvlink(struct line *line, struct gpu *g) {
    uint64_t active = g->nvlinks_active;
    if (g->board->nvlink.links == 0) {
        return line_fail(line, "board %s has no NVLink", g->board->name);
    }
    if (!option_number(line, "tx", 0, 1e13, &g->nvlink_rate[0]) || !option_number(line, "rx", 0, 1e13, &g->nvlink_rate[1]) ||
        !option_count(line, "active", 0, g->board->nvlink.links, &active)) {
        return false;
    }
    g->nvlinks_active = (unsigned)active;
    return line_done(line, 3);
}

static bool set_ecc(struct line *line, struct gpu *g) {
    bool on = line->words == 4 && strcmp(line->word[3], "on") == 0;
    if (g->board->ecc == ECC_ABSENT) {
        return line_fail(line, "board %s has no ECC", g->board->name);
    }
    if (!on && (line->words != 4 || strcmp(line->word[3], "off") != 0)) {
        return line_fail(line, "must be: gpu <gpus> ecc on or off");
    }
    g->ecc = on;
    return true;
}

static bool set_samples(struct line *line, struct gpu *g) {
    bool empty = line->words == 4 && strcmp(line->word[3], "empty_when_idle") == 0;
    if (!empty && (line->words != 4 || strcmp(line->word[3], "always") != 0)) {
        return line_fail(line, "must be: gpu <gpus> samples empty_when_idle or always");
    }
    g->samples_empty_when_idle = empty;
    return true;
}

static bool parse_setting(struct scenario *s, struct line *line, uint64_t bits) {
    static const struct {
        const char *name;
        bool (*set)(struct line *, struct gpu *);
    } settings[] = {{"mig", set_mig}, {"memory", set_memory}, {"power", set_power}, {"pcie", set_pcie},
                    {"nvlink", set_nvlink}, {"ecc", set_ecc}, {"samples", set_samples}};
    for (size_t k = 0; k < sizeof settings / sizeof settings[0]; k++) {
        if (strcmp(line->word[2], settings[k].name) != 0) {
            continue;
        }
        for (int i = 0; i < s->gpus; i++) {
            if ((bits >> i & 1) != 0 && !settings[k].set(line, &s->gpu[i])) {
                return false;
            }
        }
        return true;
    }
    return line_fail(line, "unknown setting %s", line->word[2]);
}

bool parse_gpu(struct scenario *s, struct line *line) {
    if (line->words < 3) {
        return line_fail(line, "must be: gpu <gpus> <setting> ...");
    }
    if (strcmp(line->word[2], "board") == 0) {
        return parse_board(s, line);
    }
    char *rest = line->word[1];
    const char *gpus = lex_next(&rest, '/');
    uint64_t bits, slice;
    if (!lex_gpus(line, gpus, s->gpus, &bits)) {
        return false;
    }
    bool load = strcmp(line->word[2], "load") == 0;
    if (rest != NULL && !load) {
        return line_fail(line, "a MIG device has no setting %s", line->word[2]);
    }
    if (rest != NULL) {
        return lex_count(line, rest, 0, MAX_SLICES - 1, &slice) && parse_load(s, line, bits, (int)slice);
    }
    return load ? parse_load(s, line, bits, -1) : parse_setting(s, line, bits);
}
