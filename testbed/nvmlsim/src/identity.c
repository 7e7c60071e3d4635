// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "identity.h"

#include <stdio.h>
#include <string.h>

// FNV-1a, 64 bits.
static uint64_t hash_text(uint64_t hash, const char *text) {
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001B3ULL;
    }
    return hash;
}

// The finalizer of splitmix64: spreads neighbouring numbers.
static uint64_t spread(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
    return x ^ (x >> 31);
}

static uint64_t gpu_seed(const struct scenario *s, int gpu) {
    return spread(hash_text(0xCBF29CE484222325ULL, s->gpu[gpu].board->name) + (uint64_t)gpu * 0x9E3779B97F4A7C15ULL);
}

static void format_uuid(const char *prefix, uint64_t seed, char out[UUID_SIZE]) {
    uint64_t a = spread(seed), b = spread(seed ^ 0xA5A5A5A5A5A5A5A5ULL);
    (void)snprintf(out, UUID_SIZE, "%s-%08x-%04x-%04x-%04x-%012llx", prefix, (unsigned)(a >> 32), (unsigned)(a >> 16 & 0xFFFF),
                   (unsigned)(a & 0xFFFF), (unsigned)(b >> 48), (unsigned long long)(b & 0xFFFFFFFFFFFFULL));
}

void gpu_uuid(const struct scenario *s, int gpu, char out[UUID_SIZE]) {
    format_uuid("GPU", gpu_seed(s, gpu), out);
}

void mig_uuid(const struct scenario *s, int gpu, const struct layout *layout, int slice, char out[UUID_SIZE]) {
    uint64_t seed = gpu_seed(s, gpu);
    for (int i = 0; i < layout->count; i++) {
        seed = hash_text(seed, layout->profile[i]->name);
    }
    format_uuid("MIG", seed + (uint64_t)slice + 1, out);
}

void gpu_serial(const struct scenario *s, int gpu, char out[SERIAL_SIZE]) {
    (void)snprintf(out, SERIAL_SIZE, "16%011llu", (unsigned long long)(gpu_seed(s, gpu) % 100000000000ULL));
}

unsigned gpu_bus(int gpu) {
    return 4 + 3 * (unsigned)gpu;
}

void gpu_bus_id(int gpu, char out[BUS_ID_SIZE]) {
    (void)snprintf(out, BUS_ID_SIZE, "%08X:%02X:00.0", 0U, gpu_bus(gpu));
}

static unsigned first_id(unsigned slices) {
    return slices >= 7 ? 0 : slices >= 3 ? 1 : slices == 2 ? 3 : 7;
}

unsigned gpu_instance_id(const struct layout *layout, int slice) {
    unsigned first = first_id(layout->profile[slice]->slices), before = 0;
    for (int i = 0; i < slice; i++) {
        before += first_id(layout->profile[i]->slices) == first;
    }
    return first + before;
}
