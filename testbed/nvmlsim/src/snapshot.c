// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "snapshot.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

// How often the file is looked at, at most.
#define LOOK_NS 20000000LL

// The scenario in force in the lower 48 bits (user space has no more), how many threads hold it in the upper 16. One word, so that
// taking it and counting is one step. When another comes into force the count moves to the one before, whose holders count down
// there, perhaps before it has arrived: hence the bias.
static _Atomic uint64_t current;
#define POINTER_BITS 48
#define POINTER_MASK ((1ULL << POINTER_BITS) - 1)
#define ONE_HOLDER (1ULL << POINTER_BITS)
#define BIAS (1LL << 40)

static pthread_mutex_t reading = PTHREAD_MUTEX_INITIALIZER; // guards what follows
static char *file;
static struct stat seen;
static _Atomic int64_t next_look;

static int64_t monotonic_ns(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void settle(struct scenario *scenario, int64_t change) {
    if (atomic_fetch_add(&scenario->holders, change) + change == 0) {
        scenario_free(scenario);
    }
}

static struct scenario *in_word(uint64_t word) {
    return (struct scenario *)(uintptr_t)(word & POINTER_MASK);
}

static void put_in_force(struct scenario *scenario) {
    atomic_init(&scenario->holders, BIAS);
    uint64_t before = atomic_exchange(&current, (uint64_t)(uintptr_t)scenario);
    if (before != 0) {
        settle(in_word(before), (int64_t)(before >> POINTER_BITS) - BIAS);
    }
}

static bool same_file(const struct stat *a, const struct stat *b) {
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

// Reads the file if it is another than the one seen last. False: it cannot be read or is wrong. Under reading.
static bool read_if_changed(void) {
    struct stat now;
    if (file == NULL || stat(file, &now) != 0) {
        return false; // it stays as it was, if it was
    }
    if (same_file(&now, &seen)) {
        return true;
    }
    seen = now;
    struct scenario *scenario = scenario_read(file, (double)now.st_mtim.tv_sec + (double)now.st_mtim.tv_nsec * 1e-9);
    if (scenario != NULL) {
        put_in_force(scenario);
    }
    return scenario != NULL;
}

// Whether the environment names a scenario. Another one than before counts as not seen.
static bool take_path(bool *another) {
    const char *path = getenv("NVMLSIM_SCENARIO");
    *another = path != NULL && *path != '\0' && (file == NULL || strcmp(file, path) != 0);
    if (*another) {
        free(file);
        file = strdup(path);
        memset(&seen, 0, sizeof seen);
    }
    return path != NULL && *path != '\0' && file != NULL;
}

bool snapshot_open(void) {
    bool another;
    (void)pthread_mutex_lock(&reading);
    bool ok = take_path(&another) && (read_if_changed() || (!another && atomic_load(&current) != 0));
    if (!ok) {
        memset(&seen, 0, sizeof seen); // the next nvmlInit tries again
    }
    (void)pthread_mutex_unlock(&reading);
    return ok;
}

// Whoever comes while another thread looks waits for it: a call that begins 20 ms after the file was replaced sees the new one.
static void look(void) {
    if (monotonic_ns() < atomic_load(&next_look)) {
        return;
    }
    (void)pthread_mutex_lock(&reading);
    if (monotonic_ns() >= atomic_load(&next_look)) {
        (void)read_if_changed();
        atomic_store(&next_look, monotonic_ns() + LOOK_NS);
    }
    (void)pthread_mutex_unlock(&reading);
}

const struct scenario *snapshot_acquire(void) {
    look();
    return in_word(atomic_fetch_add(&current, ONE_HOLDER));
}

void snapshot_release(const struct scenario *held) {
    struct scenario *scenario = (struct scenario *)(uintptr_t)held;
    uint64_t word = atomic_load(&current);
    while (in_word(word) == scenario) {
        if (atomic_compare_exchange_weak(&current, &word, word - ONE_HOLDER)) {
            return;
        }
    }
    settle(scenario, -1);
}
