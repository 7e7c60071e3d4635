// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Many threads read while the scenario is replaced again and again: what they read belongs to one scenario or the next.
#include <pthread.h>
#include <stdatomic.h>

#include "test.h"

enum { THREADS = 8, SECONDS = 3 };

static atomic_bool done;
static atomic_long reads;

static void read_once(nvmlDevice_t gpu) {
    unsigned milliwatts, type, count = 120;
    nvmlSample_t samples[120];
    nvmlProcessInfo_v2_t processes[4];
    nvmlFieldValue_t fields[] = {{.fieldId = 83}, {.fieldId = 138, .scopeId = 0xFFFFFFFF}, {.fieldId = 197}, {.fieldId = 82}};
    CHECK_INT(nvmlDeviceGetPowerUsage(gpu, &milliwatts), NVML_SUCCESS);
    CHECK(milliwatts >= 70000 && milliwatts <= 700000);
    CHECK_INT(nvmlDeviceGetFieldValues(gpu, 4, fields), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetSamples(gpu, 1, 0, &type, &count, samples), NVML_SUCCESS);
    CHECK_INT(count, 120);
    count = 4;
    CHECK_INT(nvmlDeviceGetComputeRunningProcesses_v3(gpu, &count, processes), NVML_SUCCESS);
    CHECK_INT(count, 1);
}

static void *reader(void *argument) {
    nvmlDevice_t gpu = argument;
    unsigned long long before = 0, energy;
    while (!atomic_load(&done)) {
        read_once(gpu);
        CHECK_INT(nvmlDeviceGetTotalEnergyConsumption(gpu, &energy), NVML_SUCCESS);
        CHECK(energy >= before);
        before = energy;
        atomic_fetch_add(&reads, 1);
    }
    return NULL;
}

static void *waiter(void *argument) {
    nvmlEventSet_t set = argument;
    nvmlEventData_t event;
    while (!atomic_load(&done)) {
        nvmlReturn_t result = nvmlEventSetWait_v2(set, &event, 50);
        CHECK(result == NVML_SUCCESS || result == NVML_ERROR_TIMEOUT);
    }
    return NULL;
}

int main(void) {
    char text[2][512];
    pthread_t thread[THREADS + 1];
    nvmlEventSet_t set;
    double epoch = unix_now() - 100;
    for (int i = 0; i < 2; i++) {
        (void)snprintf(text[i], sizeof text[i],
                       "epoch %.3f\ngpu 0-7 board H100-SXM5-80GB\ngpu * load sine period=5 low=0.1 high=0.9\n"
                       "process gpu=* pid=1 memory=%dGiB sm=1\nat 1 throttle gpu=* reason=sw_power_cap for=1 every=3\n"
                       "at 1 xid gpu=* code=31 every=0.05\n", epoch, 10 + i);
    }
    scenario_write(text[0]);
    CHECK_INT(nvmlInit_v2(), NVML_SUCCESS);
    CHECK_INT(nvmlEventSetCreate(&set), NVML_SUCCESS);
    for (unsigned i = 0; i < THREADS; i++) {
        CHECK_INT(nvmlDeviceRegisterEvents(device(i), NVML_EVENT_XID, set), NVML_SUCCESS);
        CHECK(pthread_create(&thread[i], NULL, reader, device(i)) == 0);
    }
    CHECK(pthread_create(&thread[THREADS], NULL, waiter, set) == 0);
    double end = unix_now() + SECONDS;
    for (int i = 0; unix_now() < end; i++) {
        scenario_write(text[i % 2]);
        nap(0.015);
    }
    atomic_store(&done, true);
    for (int i = 0; i <= THREADS; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    CHECK_INT(nvmlEventSetFree(set), NVML_SUCCESS);
    CHECK_INT(nvmlShutdown(), NVML_SUCCESS);
    CHECK(atomic_load(&reads) > 100);
    scenario_remove();
    (void)printf("ok threads: %ld rounds of reads\n", atomic_load(&reads));
    return 0;
}
