// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "tally.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// One record of the file, 64 bytes: what is counted, and how often it was.
struct record {
    char name[56];
    _Atomic uint64_t count;
};

#define FIELDS 512
#define RECORDS (CALL_COUNT + FIELDS)

static pthread_once_t opened = PTHREAD_ONCE_INIT;
static struct record *records;

static void open_tally(void) {
    const char *path = getenv("NVMLSIM_CALLS");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (file < 0) {
        return;
    }
    void *mapped = MAP_FAILED;
    if (ftruncate(file, RECORDS * sizeof *records) == 0) {
        mapped = mmap(NULL, RECORDS * sizeof *records, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    (void)close(file);
    if (mapped == MAP_FAILED) {
        return;
    }
    struct record *all = mapped;
    for (int i = 0; i < CALL_COUNT; i++) {
        (void)snprintf(all[i].name, sizeof all[i].name, "nvml%s", call_name((enum call_id)i));
    }
    for (int i = 0; i < FIELDS; i++) {
        (void)snprintf(all[CALL_COUNT + i].name, sizeof all[i].name, "field %d", i);
    }
    records = all;
}

static void count(unsigned i) {
    (void)pthread_once(&opened, open_tally);
    if (records != NULL) {
        atomic_fetch_add_explicit(&records[i].count, 1, memory_order_relaxed);
    }
}

void tally_call(enum call_id id) {
    count(id);
}

void tally_field(unsigned field) {
    if (field < FIELDS) {
        count(CALL_COUNT + field);
    }
}
