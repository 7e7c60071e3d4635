// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "calls.h"

#include <string.h>

static const struct {
    const char *name;
    unsigned us;
} calls[CALL_COUNT] = {
#define CALL(name, us) {#name, us},
#include "calls.def"
#undef CALL
};

// Whether full is name, or name with a version suffix.
static bool is_version_of(const char *full, const char *name) {
    size_t length = strlen(name);
    return strncmp(full, name, length) == 0 && (full[length] == '\0' || strncmp(full + length, "_v", 2) == 0);
}

bool calls_named(const char *name, bool set[CALL_COUNT]) {
    bool found = false;
    if (strncmp(name, "nvml", 4) == 0) {
        name += 4;
    }
    for (int i = 0; i < CALL_COUNT; i++) {
        if (is_version_of(calls[i].name, name)) {
            set[i] = found = true;
        }
    }
    return found;
}

const char *call_name(enum call_id id) {
    return calls[id].name;
}

unsigned call_realistic_us(enum call_id id) {
    return calls[id].us;
}
