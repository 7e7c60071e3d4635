// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// A scenario file of the test's own, and checks that end the test with where and why.
#ifndef NVMLSIM_TEST_H
#define NVMLSIM_TEST_H

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "abi.h"

#define CHECK(condition)                                                                       \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);              \
            exit(1);                                                                           \
        }                                                                                      \
    } while (0)

#define CHECK_INT(got, want)                                                                            \
    do {                                                                                                \
        long long got_ = (long long)(got), want_ = (long long)(want);                                   \
        if (got_ != want_) {                                                                            \
            (void)fprintf(stderr, "%s:%d: %s is %lld, want %lld\n", __FILE__, __LINE__, #got, got_, want_); \
            exit(1);                                                                                    \
        }                                                                                               \
    } while (0)

#define CHECK_NEAR(got, want, tolerance)                                                                \
    do {                                                                                                \
        double got_ = (double)(got), want_ = (double)(want);                                            \
        if (!(fabs(got_ - want_) <= (tolerance))) {                                                     \
            (void)fprintf(stderr, "%s:%d: %s is %.9g, want %.9g\n", __FILE__, __LINE__, #got, got_, want_); \
            exit(1);                                                                                    \
        }                                                                                               \
    } while (0)

static inline double unix_now(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline void nap(double seconds) {
    struct timespec pause = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - floor(seconds)) * 1e9)};
    (void)nanosleep(&pause, NULL);
}

static inline const char *scenario_path(void) {
    static char path[4096];
    if (path[0] == '\0') {
        const char *dir = getenv("NVMLSIM_TEST_DIR");
        (void)snprintf(path, sizeof path, "%s/%d.scenario", dir == NULL ? "/tmp" : dir, (int)getpid());
        CHECK(setenv("NVMLSIM_SCENARIO", path, 1) == 0);
    }
    return path;
}

static inline void scenario_remove(void) {
    (void)unlink(scenario_path());
}

// Replaces the scenario as its users do.
static inline void scenario_write(const char *text) {
    char aside[4200];
    (void)snprintf(aside, sizeof aside, "%s.new", scenario_path());
    FILE *file = fopen(aside, "w");
    CHECK(file != NULL);
    CHECK(fputs(text, file) >= 0 && fclose(file) == 0);
    CHECK(rename(aside, scenario_path()) == 0);
}

// Replaces it, and waits until every call sees it.
static inline void scenario_set(const char *text) {
    scenario_write(text);
    nap(0.03);
}

nvmlReturn_t nvmlInit_v2(void);
nvmlReturn_t nvmlShutdown(void);
nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *);
nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned, nvmlDevice_t *);
nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *, nvmlDevice_t *);
nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t, char *, unsigned);
nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t, char *, unsigned);
nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t, char *, unsigned);
nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t, unsigned *);
nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t, unsigned long long *);
nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t, unsigned, unsigned *);
nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t, nvmlUtilization_t *);
nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t, unsigned, unsigned long long, unsigned *, unsigned *, nvmlSample_t *);
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t, nvmlMemory_t *);
nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t, nvmlMemory_v2_t *);
nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t, int, nvmlFieldValue_t *);
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses(nvmlDevice_t, unsigned *, nvmlProcessInfo_v1_t *);
nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t, unsigned *, nvmlProcessInfo_v2_t *);
nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t, nvmlProcessUtilizationSample_t *, unsigned *, unsigned long long);
nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t, unsigned, nvmlDevice_t *);
nvmlReturn_t nvmlDeviceGetAttributes(nvmlDevice_t, void *);
nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t, unsigned, unsigned, unsigned long long *);
nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *);
nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t);
nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t, unsigned long long, nvmlEventSet_t);
nvmlReturn_t nvmlEventSetWait(nvmlEventSet_t, void *, unsigned);
nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t, nvmlEventData_t *, unsigned);
nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *);
nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t);
nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t, nvmlGpmSample_t);
nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t, unsigned, nvmlGpmSample_t);
nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *);

static inline nvmlDevice_t device(unsigned index) {
    nvmlDevice_t handle;
    CHECK_INT(nvmlDeviceGetHandleByIndex_v2(index, &handle), NVML_SUCCESS);
    return handle;
}

#endif
