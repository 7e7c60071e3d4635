// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "parse.h"

#include <stdio.h>
#include <string.h>

bool parse_gpus_option(struct scenario *s, struct line *line, uint64_t *bits, bool *all) {
    const char *text = option(line, "gpu");
    if (text != NULL) {
        return lex_gpus(line, text, s->gpus, bits);
    }
    if (all == NULL) {
        return line_fail(line, "gpu= is missing");
    }
    *all = true;
    *bits = ~0ULL;
    return true;
}

static bool parse_epoch(struct scenario *s, struct line *line) {
    if (line->words != 2) {
        return line_fail(line, "must be: epoch <unix seconds>");
    }
    return lex_number(line, line->word[1], 0, MAX_TIME, &s->epoch);
}

static bool parse_clock(struct scenario *s, struct line *line) {
    if (line->words != 3 || strcmp(line->word[1], "fixed") != 0) {
        return line_fail(line, "must be: clock fixed <t>");
    }
    s->fixed = true;
    return lex_number(line, line->word[2], 0, MAX_TIME, &s->fixed_t);
}

static bool parse_driver(struct scenario *s, struct line *line) {
    double from = 0;
    if (line->words < 2 || strlen(line->word[1]) >= sizeof s->driver[0].version || strchr(line->word[1], '=') != NULL) {
        return line_fail(line, "must be: driver <version> [from=<t>]");
    }
    if (!option_number(line, "from", 0, MAX_TIME, &from) || !line_done(line, 2)) {
        return false;
    }
    // A first line takes the place of the default.
    int at = from == 0 ? 0 : s->drivers;
    if (at == MAX_DRIVERS || (at > 0 && from <= s->driver[at - 1].from)) {
        return line_fail(line, "drivers must be in the order of from, and at most %d", MAX_DRIVERS);
    }
    s->driver[at].from = from;
    strcpy(s->driver[at].version, line->word[1]);
    s->drivers = at == 0 ? s->drivers : at + 1;
    return true;
}

static bool parse_cuda(struct scenario *s, struct line *line) {
    unsigned major, minor;
    char end;
    if (line->words != 2 || sscanf(line->word[1], "%2u.%2u%c", &major, &minor, &end) != 2) {
        return line_fail(line, "must be: cuda <major>.<minor>");
    }
    s->cuda = major * 1000 + minor * 10;
    return true;
}

static bool parse_call_latency(struct scenario *s, struct line *line, char *word) {
    char *rest = word;
    const char *name = lex_next(&rest, '=');
    bool set[CALL_COUNT] = {false};
    uint64_t us;
    if (rest == NULL) {
        return line_fail(line, "must be: latency none, realistic, or <call>=<microseconds>, found %s", word);
    }
    if (!lex_count(line, rest, 0, 600000000, &us)) {
        return false;
    }
    if (strcmp(name, "any") == 0) {
        memset(set, true, sizeof set);
    } else if (!calls_named(name, set)) {
        return line_fail(line, "unknown call %s", name);
    }
    for (int i = 0; i < CALL_COUNT; i++) {
        if (set[i]) {
            s->latency_us[i] = (unsigned)us;
        }
    }
    return true;
}

static bool parse_latency(struct scenario *s, struct line *line) {
    if (line->words < 2) {
        return line_fail(line, "must be: latency none, realistic, or <call>=<microseconds>");
    }
    for (int i = 1; i < line->words; i++) {
        if (strcmp(line->word[i], "none") == 0) {
            memset(s->latency_us, 0, sizeof s->latency_us);
        } else if (strcmp(line->word[i], "realistic") == 0) {
            for (int call = 0; call < CALL_COUNT; call++) {
                s->latency_us[call] = call_realistic_us((enum call_id)call);
            }
        } else if (!parse_call_latency(s, line, line->word[i])) {
            return false;
        }
    }
    return true;
}

bool parse_statement(struct scenario *s, struct line *line) {
    static const struct {
        const char *name;
        bool (*parse)(struct scenario *, struct line *);
    } statements[] = {
        {"epoch", parse_epoch}, {"clock", parse_clock}, {"driver", parse_driver}, {"cuda", parse_cuda}, {"latency", parse_latency},
        {"gpu", parse_gpu}, {"process", parse_process}, {"at", parse_at}, {"fault", parse_fault},
    };
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        if (strcmp(line->word[0], statements[i].name) == 0) {
            return statements[i].parse(s, line);
        }
    }
    return line_fail(line, "unknown statement %s", line->word[0]);
}
