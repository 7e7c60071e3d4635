// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef NVMLSIM_CALLS_H
#define NVMLSIM_CALLS_H

#include <stdbool.h>

enum call_id {
#define CALL(name, us) CALL_##name,
#include "calls.def"
#undef CALL
    CALL_COUNT
};

// Marks in set the calls that name means: with or without nvml; without a version suffix, all versions. False: there is none.
bool calls_named(const char *name, bool set[CALL_COUNT]);
const char *call_name(enum call_id); // without nvml
unsigned call_realistic_us(enum call_id);

#endif
