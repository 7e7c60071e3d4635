// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Statements that begin with fault.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "returns.h"

static bool fault_code(struct line *line, struct fault *f) {
    const char *text = option(line, "code");
    return text == NULL || return_named(text, &f->code) || line_fail(line, "unknown return code %s", text);
}

static bool fault_calls(struct line *line, struct fault *f) {
    static const char *const scopes[] = {"gpu", "all", NULL};
    char *rest = option(line, "call");
    int scope;
    f->names_calls = rest != NULL && strcmp(rest, "any") != 0;
    memset(f->call, !f->names_calls, sizeof f->call);
    if (!option_choice(line, "scope", scopes, &scope)) {
        return false;
    }
    f->driver_wide = scope == 1;
    if (!f->names_calls) {
        return true;
    }
    for (const char *name = lex_next(&rest, ','); name != NULL; name = lex_next(&rest, ',')) {
        if (!calls_named(name, f->call)) {
            return line_fail(line, "unknown call %s", name);
        }
    }
    return true;
}

static bool fault_nothing(struct line *line, struct fault *f) {
    (void)line;
    (void)f;
    return true;
}

static bool fault_init_fails(struct line *line, struct fault *f) {
    f->code = NVML_ERROR_DRIVER_NOT_LOADED;
    return fault_code(line, f);
}

static bool fault_back(struct line *line, const char *key, struct fault *f) {
    static const char *const choices[] = {"at_once", "reinit", NULL};
    int choice;
    if (!option_choice(line, key, choices, &choice)) {
        return false;
    }
    f->reinit = choice == 1;
    return true;
}

static bool fault_gpu_lost(struct line *line, struct fault *f) {
    static const char *const waits[] = {"lost", "timeout", NULL};
    uint64_t xid = 79;
    int wait;
    if (!option_count(line, "xid", 0, 999, &xid) || !option_choice(line, "wait", waits, &wait)) {
        return false;
    }
    f->xid = (unsigned)xid;
    f->set_waits_on = wait == 1;
    return fault_back(line, "back", f);
}

static bool fault_gpu_back(struct line *line, struct fault *f) {
    return option_needed(line, "at") && fault_back(line, "back", f);
}

static bool fault_gpu_reset(struct line *line, struct fault *f) {
    (void)f;
    return option_needed(line, "at");
}

static bool fault_hotplug(struct line *line, struct fault *f) {
    return fault_back(line, "seen", f);
}

static bool fault_call_slow(struct line *line, struct fault *f) {
    return option_needed(line, "seconds") && option_number(line, "seconds", 0, 3600, &f->seconds) && fault_calls(line, f);
}

static bool fault_call_fails(struct line *line, struct fault *f) {
    return option_needed(line, "code") && fault_code(line, f) && fault_calls(line, f);
}

static bool fault_not_supported(struct line *line, struct fault *f) {
    char *rest = option(line, "field");
    bool all_calls = option(line, "call") == NULL && rest == NULL;
    f->code = NVML_ERROR_NOT_SUPPORTED;
    if (!fault_calls(line, f)) {
        return false;
    }
    if (!f->names_calls && !all_calls) {
        memset(f->call, false, sizeof f->call);
    }
    for (const char *id = lex_next(&rest, ','); id != NULL; id = lex_next(&rest, ',')) {
        uint64_t field = 0;
        if (f->fields == MAX_FIELDS || !lex_count(line, id, 1, 1000, &field)) {
            return line_fail(line, "field must have up to %d ids, found %s", MAX_FIELDS, id);
        }
        f->field[f->fields++] = (unsigned)field;
    }
    return true;
}

static bool fault_garbage(struct line *line, struct fault *f) {
    static const struct { const char *name; unsigned bit; } groups[] = {
        {"utilization", GARBAGE_UTILIZATION}, {"power", GARBAGE_POWER}, {"temperature", GARBAGE_TEMPERATURE}, {"energy", GARBAGE_ENERGY},
        {"memory", GARBAGE_MEMORY}, {"processes", GARBAGE_PROCESSES}, {"strings", GARBAGE_STRINGS}, {"fields", GARBAGE_FIELDS},
        {"clocks", GARBAGE_CLOCKS}, {"ecc", GARBAGE_ECC}, {"samples", GARBAGE_SAMPLES}};
    char *rest = option(line, "what");
    f->garbage = rest == NULL ? GARBAGE_ALL : 0;
    for (const char *name = lex_next(&rest, ','); name != NULL; name = lex_next(&rest, ',')) {
        unsigned bit = 0;
        for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
            bit |= strcmp(groups[i].name, name) == 0 ? groups[i].bit : 0;
        }
        if (bit == 0) {
            return line_fail(line, "unknown group %s of garbage", name);
        }
        f->garbage |= bit;
    }
    return true;
}

static bool fault_event_storm(struct line *line, struct fault *f) {
    static const char *const types[] = {"xid", "clock", NULL};
    uint64_t code = 31;
    int type;
    f->rate = 10000;
    if (!option_number(line, "rate", 0.001, 1e6, &f->rate) || !option_choice(line, "type", types, &type) ||
        !option_count(line, "code", 1, 999, &code)) {
        return false;
    }
    f->clock_events = type == 1;
    f->xid = (unsigned)code;
    return true;
}

static const struct {
    const char *name;
    bool (*parse)(struct line *, struct fault *);
} kinds[FAULT_KINDS] = {
    [FAULT_LIBRARY_ABSENT] = {"library_absent", fault_nothing},
    [FAULT_INIT_FAILS] = {"init_fails", fault_init_fails},
    [FAULT_VERSION_MISMATCH] = {"version_mismatch", fault_nothing},
    [FAULT_GPU_LOST] = {"gpu_lost", fault_gpu_lost},
    [FAULT_GPU_BACK] = {"gpu_back", fault_gpu_back},
    [FAULT_GPU_RESET] = {"gpu_reset", fault_gpu_reset},
    [FAULT_HOTPLUG] = {"hotplug", fault_hotplug},
    [FAULT_CALL_HANGS] = {"call_hangs", fault_calls},
    [FAULT_CALL_SLOW] = {"call_slow", fault_call_slow},
    [FAULT_CALL_FAILS] = {"call_fails", fault_call_fails},
    [FAULT_NOT_SUPPORTED] = {"not_supported", fault_not_supported},
    [FAULT_UNKNOWN_ERROR] = {"unknown_error", fault_nothing},
    [FAULT_GARBAGE] = {"garbage", fault_garbage},
    [FAULT_MIG_CHANGE] = {"mig_change", fault_nothing}, // its layout depends on the boards: fault_layout
    [FAULT_EVENT_STORM] = {"event_storm", fault_event_storm},
};

static bool fault_layout(struct scenario *s, struct line *line, struct fault *f) {
    char *text = option(line, "layout");
    char copy[256];
    if (f->kind != FAULT_MIG_CHANGE) {
        return true;
    }
    if (text == NULL || strlen(text) >= sizeof copy || f->every_gpu) {
        return line_fail(line, "mig_change must have gpu= and layout=");
    }
    for (int i = 0; i < s->gpus; i++) {
        strcpy(copy, text);
        if ((f->gpus >> i & 1) != 0 && !parse_layout(line, s->gpu[i].board, copy, &f->layout)) {
            return false;
        }
    }
    return true;
}

static bool fault_add(struct scenario *s, struct line *line, const struct fault *f) {
    struct fault *grown = realloc(s->fault, sizeof *f * (size_t)(s->faults + 1));
    if (grown == NULL) {
        return line_fail(line, "out of memory");
    }
    s->fault = grown;
    s->fault[s->faults++] = *f;
    return true;
}

bool parse_fault(struct scenario *s, struct line *line) {
    struct fault f = {.when = {.for_s = INFINITY}};
    const char *name = line->words > 1 ? line->word[1] : "";
    while (f.kind < FAULT_KINDS && strcmp(kinds[f.kind].name, name) != 0) {
        f.kind++;
    }
    if (f.kind == FAULT_KINDS) {
        return line_fail(line, strcmp(name, "old_driver") == 0 ? "the old driver is a build: load old/libnvidia-ml.so.1 (%s)"
                                                               : "unknown fault %s", name);
    }
    if (!parse_gpus_option(s, line, &f.gpus, &f.every_gpu) || !option_number(line, "at", 0, MAX_TIME, &f.when.at) ||
        !option_number(line, "for", 0, MAX_TIME, &f.when.for_s) || !kinds[f.kind].parse(line, &f)) {
        return false;
    }
    return fault_layout(s, line, &f) && line_done(line, 2) && fault_add(s, line, &f);
}
