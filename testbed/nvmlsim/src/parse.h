// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// One function for each kind of statement; each gets the whole line, whose first word named it.
#ifndef NVMLSIM_PARSE_H
#define NVMLSIM_PARSE_H

#include "lex.h"
#include "scenario.h"

#define MAX_TIME 1e12 // seconds; the largest t, rate or duration

bool parse_statement(struct scenario *, struct line *);
bool parse_gpu(struct scenario *, struct line *);
bool parse_process(struct scenario *, struct line *);
bool parse_at(struct scenario *, struct line *);
bool parse_fault(struct scenario *, struct line *);

bool parse_layout(struct line *, const struct board *, char *text, struct layout *);
// gpu=: needed when all is NULL; otherwise its absence means all and sets *all.
bool parse_gpus_option(struct scenario *, struct line *, uint64_t *bits, bool *all);

#endif
