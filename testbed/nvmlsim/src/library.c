// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "library.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "faults.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; // for changes
static _Atomic int users;
static _Atomic double since;
static _Atomic bool mismatched;
static _Atomic bool loaded;
static char loaded_driver[sizeof((struct driver *)0)->version]; // written once, before loaded

void library_enter(const struct scenario *s, double t) {
    (void)pthread_mutex_lock(&lock);
    if (atomic_load(&users) == 0) {
        atomic_store(&since, s->epoch + t);
    }
    atomic_fetch_add(&users, 1);
    (void)pthread_mutex_unlock(&lock);
}

bool library_leave(void) {
    (void)pthread_mutex_lock(&lock);
    bool left = atomic_load(&users) > 0;
    if (left) {
        atomic_fetch_sub(&users, 1);
    }
    (void)pthread_mutex_unlock(&lock);
    return left;
}

bool library_initialized(void) {
    return atomic_load(&users) > 0;
}

double library_since(void) {
    return atomic_load(&since);
}

static void note_driver(const char *driver) {
    (void)pthread_mutex_lock(&lock);
    if (!atomic_load(&loaded)) {
        strcpy(loaded_driver, driver);
        atomic_store(&loaded, true);
    }
    (void)pthread_mutex_unlock(&lock);
}

bool library_mismatched(const struct scenario *s, double t) {
    const char *driver = scenario_driver(s, t);
    if (!atomic_load(&loaded)) {
        note_driver(driver);
    }
    if (strcmp(loaded_driver, driver) != 0 || fault_active(s, FAULT_VERSION_MISMATCH, -1, t) != NULL) {
        atomic_store(&mismatched, true);
    }
    return atomic_load(&mismatched);
}
