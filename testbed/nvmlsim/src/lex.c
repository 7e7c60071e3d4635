// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "lex.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool line_fail(struct line *line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line->error, sizeof line->error, format, arguments);
    va_end(arguments);
    return false;
}

bool line_split(struct line *line, char *text) {
    char *rest = NULL;
    *line = (struct line){0};
    for (char *word = strtok_r(text, " \t\r\n", &rest); word != NULL && *word != '#'; word = strtok_r(NULL, " \t\r\n", &rest)) {
        if (line->words == MAX_WORDS) {
            return line_fail(line, "a line must have at most %d words", MAX_WORDS);
        }
        line->word[line->words++] = word;
    }
    return true;
}

bool line_done(struct line *line, int from) {
    for (int i = from; i < line->words; i++) {
        if (!line->used[i]) {
            return line_fail(line, "unknown word %s", line->word[i]);
        }
    }
    return true;
}

bool lex_number(struct line *line, const char *text, double min, double max, double *out) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(value) || value < min || value > max) {
        return line_fail(line, "must be a number from %g to %g, found %s", min, max, text);
    }
    *out = value;
    return true;
}

bool lex_count(struct line *line, const char *text, uint64_t min, uint64_t max, uint64_t *out) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || value < min || value > max) {
        return line_fail(line, "must be a whole number from %llu to %llu, found %s", (unsigned long long)min,
                         (unsigned long long)max, text);
    }
    *out = value;
    return true;
}

bool lex_size(struct line *line, const char *text, uint64_t *out) {
    static const struct { const char *name; double bytes; } units[] = {
        {"B", 1}, {"KiB", 1024}, {"MiB", 1048576}, {"GiB", 1073741824}};
    char *end;
    double value = strtod(text, &end);
    for (size_t i = 0; end != text && isfinite(value) && i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].name) == 0 && value >= 0 && value * units[i].bytes < 1e15) {
            *out = (uint64_t)(value * units[i].bytes);
            return true;
        }
    }
    return line_fail(line, "must be a size with B, KiB, MiB or GiB, found %s", text);
}

char *lex_next(char **rest, char separator) {
    char *part = *rest;
    if (part == NULL) {
        return NULL;
    }
    char *end = strchr(part, separator);
    *rest = end == NULL ? NULL : end + 1;
    if (end != NULL) {
        *end = '\0';
    }
    return part;
}

static bool lex_range(struct line *line, char *text, int declared, uint64_t *bits) {
    char *rest = text;
    const char *first = lex_next(&rest, '-');
    uint64_t from, to;
    if (declared == 0) {
        return line_fail(line, "no GPU is declared yet");
    }
    if (!lex_count(line, first, 0, (uint64_t)declared - 1, &from)) {
        return false;
    }
    to = from;
    if (rest != NULL && !lex_count(line, rest, from, (uint64_t)declared - 1, &to)) {
        return false;
    }
    for (uint64_t i = from; i <= to; i++) {
        *bits |= 1ULL << i;
    }
    return true;
}

bool lex_gpus(struct line *line, const char *text, int declared, uint64_t *bits) {
    char copy[256];
    *bits = 0;
    if (strcmp(text, "*") == 0 && declared > 0) {
        *bits = declared == 64 ? ~0ULL : (1ULL << declared) - 1;
        return true;
    }
    if (strlen(text) >= sizeof copy) {
        return line_fail(line, "the set of GPUs is too long");
    }
    strcpy(copy, text);
    char *rest = copy;
    for (char *part = lex_next(&rest, ','); part != NULL; part = lex_next(&rest, ',')) {
        if (!lex_range(line, part, declared, bits)) {
            return false;
        }
    }
    return true;
}

char *option(struct line *line, const char *key) {
    size_t length = strlen(key);
    for (int i = 0; i < line->words; i++) {
        if (strncmp(line->word[i], key, length) == 0 && line->word[i][length] == '=') {
            line->used[i] = true;
            return line->word[i] + length + 1;
        }
    }
    return NULL;
}

// Puts the option's name before what lex_* said.
static bool named(struct line *line, const char *key) {
    char reason[MAX_ERROR];
    strcpy(reason, line->error);
    (void)snprintf(line->error, sizeof line->error, "%.40s %.200s", key, reason);
    return false;
}

bool option_number(struct line *line, const char *key, double min, double max, double *out) {
    const char *text = option(line, key);
    return text == NULL || lex_number(line, text, min, max, out) || named(line, key);
}

bool option_count(struct line *line, const char *key, uint64_t min, uint64_t max, uint64_t *out) {
    const char *text = option(line, key);
    return text == NULL || lex_count(line, text, min, max, out) || named(line, key);
}

bool option_flag(struct line *line, const char *key, bool *out) {
    static const char *const choices[] = {"no", "yes", NULL};
    int choice;
    if (!option_choice(line, key, choices, &choice)) {
        return false;
    }
    if (choice >= 0) {
        *out = choice == 1;
    }
    return true;
}

bool option_choice(struct line *line, const char *key, const char *const choices[], int *out) {
    const char *text = option(line, key);
    *out = -1;
    if (text == NULL) {
        return true;
    }
    char known[160] = "";
    for (int i = 0; choices[i] != NULL; i++) {
        if (strcmp(choices[i], text) == 0) {
            *out = i;
            return true;
        }
        (void)snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i > 0 ? ", " : "", choices[i]);
    }
    return line_fail(line, "%s must be one of %s, found %s", key, known, text);
}

bool option_needed(struct line *line, const char *key) {
    return option(line, key) != NULL || line_fail(line, "%s= is missing", key);
}
