// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Statements that begin with process and at.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"

static bool process_numbers(struct line *line, struct process *p) {
    uint64_t pid = 0, mig = MAX_SLICES;
    p->when.for_s = INFINITY;
    if (!option_needed(line, "pid") || !option_count(line, "pid", 1, 0xFFFFFFFE, &pid) ||
        !option_count(line, "mig", 0, MAX_SLICES - 1, &mig) || !option_number(line, "sm", 0, 1, &p->sm) ||
        !option_number(line, "enc", 0, 1, &p->enc) || !option_number(line, "dec", 0, 1, &p->dec) ||
        !option_number(line, "from", 0, MAX_TIME, &p->when.at) || !option_number(line, "for", 0, MAX_TIME, &p->when.for_s)) {
        return false;
    }
    p->pid = (unsigned)pid;
    p->mig = mig == MAX_SLICES ? -1 : (int)mig;
    return true;
}

static bool process_fits(struct line *line, const struct process *p, const struct gpu *g) {
    if (p->enc > 0 && g->board->encoders == 0) {
        return line_fail(line, "board %s has no encoder", g->board->name);
    }
    if (p->mig >= g->layout.count && p->mig >= 0 && g->layout.count > 0) {
        return line_fail(line, "mig must be below %d, found %d", g->layout.count, p->mig);
    }
    return true;
}

bool parse_process(struct scenario *s, struct line *line) {
    static const char *const types[] = {"compute", "graphics", "mps", NULL};
    struct process p = {0};
    uint64_t bits;
    int type;
    const char *memory = option(line, "memory"), *name = option(line, "name");
    if (!parse_gpus_option(s, line, &bits, NULL) || !option_choice(line, "type", types, &type) || !process_numbers(line, &p) ||
        (memory != NULL && !lex_size(line, memory, &p.memory))) {
        return false;
    }
    p.type = type < 0 ? PROCESS_COMPUTE : (unsigned)type;
    if (name != NULL && strlen(name) >= sizeof p.name) {
        return line_fail(line, "name must have fewer than %zu bytes", sizeof p.name);
    }
    strcpy(p.name, name == NULL ? "" : name);
    for (p.gpu = 0; p.gpu < s->gpus; p.gpu++) {
        if ((bits >> p.gpu & 1) == 0) {
            continue;
        }
        struct process *grown = realloc(s->process, sizeof p * (size_t)(s->processes + 1));
        if (grown == NULL || !process_fits(line, &p, &s->gpu[p.gpu])) {
            s->process = grown == NULL ? s->process : grown;
            return grown != NULL ? false : line_fail(line, "out of memory");
        }
        s->process = grown;
        s->process[s->processes++] = p;
    }
    return line_done(line, 1);
}

static const struct {
    const char *name;
    uint64_t bits;
} reasons[REASON_COUNT] = {
    [REASON_SW_POWER_CAP] = {"sw_power_cap", NVML_REASON_SW_POWER_CAP},
    [REASON_HW_SLOWDOWN] = {"hw_slowdown", NVML_REASON_HW_SLOWDOWN},
    [REASON_SYNC_BOOST] = {"sync_boost", NVML_REASON_SYNC_BOOST},
    [REASON_SW_THERMAL] = {"sw_thermal", NVML_REASON_SW_THERMAL},
    [REASON_HW_THERMAL] = {"hw_thermal", NVML_REASON_HW_THERMAL | NVML_REASON_HW_SLOWDOWN},
    [REASON_HW_POWER_BRAKE] = {"hw_power_brake", NVML_REASON_HW_POWER_BRAKE | NVML_REASON_HW_SLOWDOWN},
};

static bool at_xid(struct line *line, struct event *e) {
    uint64_t code = 0, mig = MAX_SLICES;
    if (!option_needed(line, "code") || !option_count(line, "code", 1, 999, &code) ||
        !option_count(line, "mig", 0, MAX_SLICES - 1, &mig)) {
        return false;
    }
    e->code = (unsigned)code;
    e->mig = mig == MAX_SLICES ? -1 : (int)mig;
    return true;
}

static bool at_throttle(struct line *line, struct event *e) {
    const char *name = option(line, "reason");
    for (unsigned i = 0; name != NULL && i < REASON_COUNT; i++) {
        if (strcmp(reasons[i].name, name) == 0) {
            e->reason = reasons[i].bits;
            e->reason_index = i;
            return option_needed(line, "for");
        }
    }
    return line_fail(line, "unknown throttle reason %s", name == NULL ? "(reason= is missing)" : name);
}

static bool at_ecc(struct line *line, struct event *e) {
    static const char *const kinds[] = {"sbe", "dbe", NULL}, *const locations[] = {"dram", "sram", NULL};
    int kind, location;
    if (!option_needed(line, "kind") || !option_choice(line, "kind", kinds, &kind) ||
        !option_choice(line, "location", locations, &location)) {
        return false;
    }
    e->uncorrected = kind == 1;
    e->sram = location == 1;
    return true;
}

static bool at_remap(struct line *line, struct event *e) {
    static const char *const kinds[] = {"cor", "unc", NULL};
    int kind;
    if (!option_needed(line, "kind") || !option_choice(line, "kind", kinds, &kind) || !option_flag(line, "pending", &e->pending) ||
        !option_flag(line, "failure", &e->failure)) {
        return false;
    }
    e->uncorrected = kind == 1;
    return true;
}

static bool at_retire(struct line *line, struct event *e) {
    static const char *const kinds[] = {"sbe", "dbe", NULL};
    int kind;
    if (!option_needed(line, "kind") || !option_choice(line, "kind", kinds, &kind) || !option_flag(line, "pending", &e->pending)) {
        return false;
    }
    e->uncorrected = kind == 1;
    return true;
}

static bool at_nothing(struct line *line, struct event *e) {
    (void)line;
    (void)e;
    return true;
}

static bool at_link(struct line *line, struct event *e) {
    uint64_t link = 0;
    if (!option_needed(line, "link") || !option_count(line, "link", 0, NVML_NVLINK_MAX_LINKS - 1, &link)) {
        return false;
    }
    e->link = (unsigned)link;
    return true;
}

static bool at_nvlink_error(struct line *line, struct event *e) {
    static const char *const kinds[] = {"replay", "recovery", "crc", "data_crc", "ecc", NULL};
    int kind;
    if (!option_needed(line, "kind") || !option_choice(line, "kind", kinds, &kind)) {
        return false;
    }
    e->error = (unsigned)kind;
    return at_link(line, e);
}

static bool at_link_down(struct line *line, struct event *e) {
    if (e->when.every > 0) {
        return line_fail(line, "link_down has no every");
    }
    return option_needed(line, "for") && at_link(line, e);
}

static bool at_recovery(struct line *line, struct event *e) {
    static const char *const actions[] = {"none", "reset", "reboot", "drain_p2p", "drain_reset", NULL};
    int action;
    if (!option_needed(line, "action") || !option_choice(line, "action", actions, &action)) {
        return false;
    }
    e->code = (unsigned)action;
    return option_needed(line, "for");
}

// Whether the boards that it happens to have what it happens to.
static bool event_fits(struct line *line, const struct event *e, const struct gpu *g) {
    const struct board *b = g->board;
    if (e->kind == EVENT_ECC && !g->ecc) {
        return line_fail(line, "board %s has no ECC, or it is off", b->name);
    }
    if (e->kind == EVENT_REMAP && b->repair != REPAIR_REMAP_ROWS) {
        return line_fail(line, "board %s does not remap rows", b->name);
    }
    if (e->kind == EVENT_RETIRE && b->repair != REPAIR_RETIRE_PAGES) {
        return line_fail(line, "board %s does not retire pages", b->name);
    }
    if ((e->kind == EVENT_NVLINK_ERROR || e->kind == EVENT_LINK_DOWN) && e->link >= b->nvlink.links) {
        return line_fail(line, "link must be below %u on board %s, found %u", b->nvlink.links, b->name, e->link);
    }
    return true;
}

static bool event_add(struct scenario *s, struct line *line, const struct event *e) {
    for (int i = 0; i < s->gpus; i++) {
        if ((e->gpus >> i & 1) != 0 && !event_fits(line, e, &s->gpu[i])) {
            return false;
        }
    }
    struct event *grown = realloc(s->event, sizeof *e * (size_t)(s->events + 1));
    if (grown == NULL) {
        return line_fail(line, "out of memory");
    }
    s->event = grown;
    s->event[s->events++] = *e;
    return true;
}

static bool event_time(struct line *line, struct event *e) {
    e->when.for_s = INFINITY;
    e->count = 1;
    if (!lex_number(line, line->word[1], 0, MAX_TIME, &e->when.at) || !option_number(line, "every", 0.001, MAX_TIME, &e->when.every) ||
        !option_number(line, "for", 0, MAX_TIME, &e->when.for_s) || !option_count(line, "count", 1, 1000000000000, &e->count)) {
        return false;
    }
    if (e->when.every > 0 && isfinite(e->when.for_s) && e->when.for_s > e->when.every) {
        return line_fail(line, "for must not be above every");
    }
    return true;
}

bool parse_at(struct scenario *s, struct line *line) {
    static const struct {
        const char *name;
        enum event_kind kind;
        bool (*parse)(struct line *, struct event *);
    } kinds[] = {
        {"xid", EVENT_XID, at_xid}, {"throttle", EVENT_THROTTLE, at_throttle}, {"ecc", EVENT_ECC, at_ecc},
        {"remap", EVENT_REMAP, at_remap}, {"retire", EVENT_RETIRE, at_retire}, {"pcie_replay", EVENT_PCIE_REPLAY, at_nothing},
        {"nvlink_error", EVENT_NVLINK_ERROR, at_nvlink_error}, {"link_down", EVENT_LINK_DOWN, at_link_down},
        {"recovery", EVENT_RECOVERY, at_recovery},
    };
    if (line->words < 3) {
        return line_fail(line, "must be: at <t> <what> gpu=<gpus> ...");
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct event e = {.kind = kinds[i].kind, .mig = -1};
        if (strcmp(line->word[2], kinds[i].name) == 0) {
            return event_time(line, &e) && parse_gpus_option(s, line, &e.gpus, NULL) && kinds[i].parse(line, &e) &&
                   line_done(line, 3) && event_add(s, line, &e);
        }
    }
    return line_fail(line, "unknown event %s", line->word[2]);
}
