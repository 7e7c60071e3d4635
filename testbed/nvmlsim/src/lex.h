// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Words, numbers and options of one line of a scenario. Every function that can fail gives false and leaves the reason in the line.
#ifndef NVMLSIM_LEX_H
#define NVMLSIM_LEX_H

#include <stdbool.h>
#include <stdint.h>

enum { MAX_WORDS = 96, MAX_ERROR = 256 };

struct line {
    int words;
    char *word[MAX_WORDS];
    bool used[MAX_WORDS];
    char error[MAX_ERROR];
};

// Splits text, which it changes; a # at the start of a word begins a comment.
bool line_split(struct line *, char *text);
bool line_fail(struct line *, const char *format, ...) __attribute__((format(printf, 2, 3)));
// All words behind the first `from` were used.
bool line_done(struct line *, int from);

bool lex_number(struct line *, const char *text, double min, double max, double *out);
bool lex_count(struct line *, const char *text, uint64_t min, uint64_t max, uint64_t *out);
bool lex_size(struct line *, const char *text, uint64_t *out);
// One bit for each GPU of a set such as 0,2,5-6 or *; all must be below declared.
bool lex_gpus(struct line *, const char *text, int declared, uint64_t *bits);
// Cuts the next part off *rest at separator; NULL when nothing is left.
char *lex_next(char **rest, char separator);

// The value of key=value among the words, NULL without it. The word counts as used.
char *option(struct line *, const char *key);
// These leave *out as it is when the option is absent.
bool option_number(struct line *, const char *key, double min, double max, double *out);
bool option_count(struct line *, const char *key, uint64_t min, uint64_t max, uint64_t *out);
bool option_flag(struct line *, const char *key, bool *out);
// The index of the value in choices (ended by NULL); -1 without the option. False for another value.
bool option_choice(struct line *, const char *key, const char *const choices[], int *out);
bool option_needed(struct line *, const char *key);

#endif
