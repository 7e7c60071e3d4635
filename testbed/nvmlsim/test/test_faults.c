// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Each fault does what it says, to whom it says, and ends.
#include <pthread.h>

#include "test.h"

#define GPUS "gpu 0-2 board H100-SXM5-80GB\ngpu * load constant level=0.5\n"

static unsigned power_of(nvmlDevice_t gpu, nvmlReturn_t want) {
    unsigned milliwatts = 0;
    CHECK_INT(nvmlDeviceGetPowerUsage(gpu, &milliwatts), want);
    return milliwatts;
}

static void check_init_faults(void) {
    scenario_write(GPUS "fault library_absent");
    CHECK_INT(nvmlInit_v2(), NVML_ERROR_LIBRARY_NOT_FOUND);
    scenario_set(GPUS "fault init_fails code=NO_PERMISSION");
    CHECK_INT(nvmlInit_v2(), NVML_ERROR_NO_PERMISSION);
    scenario_set(GPUS "fault call_fails call=Init code=999");
    CHECK_INT(nvmlInit_v2(), NVML_ERROR_UNKNOWN);
    scenario_set(GPUS);
    CHECK_INT(nvmlInit_v2(), NVML_SUCCESS);
}

static void check_lost(void) {
    nvmlDevice_t gpu[3] = {device(0), device(1), device(2)}, found;
    char uuid[96], text[512];
    unsigned count;
    CHECK_INT(nvmlDeviceGetUUID(gpu[1], uuid, sizeof uuid), NVML_SUCCESS);
    scenario_set(GPUS "fault gpu_lost gpu=1");
    (void)power_of(gpu[1], NVML_ERROR_GPU_IS_LOST);
    (void)power_of(gpu[0], NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetHandleByIndex_v2(1, &found), NVML_ERROR_GPU_IS_LOST);
    CHECK_INT(nvmlDeviceGetHandleByUUID(uuid, &found), NVML_ERROR_GPU_IS_LOST);
    CHECK_INT(nvmlDeviceGetHandleByIndex_v2(2, &found), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
    CHECK_INT(count, 3);
    // Back only for those who begin anew: it was lost until t = 10, and NVML was initialized before.
    double epoch = unix_now() - 20;
    (void)snprintf(text, sizeof text, GPUS "epoch %.3f\nfault gpu_lost gpu=1 at=0\nfault gpu_back gpu=1 at=20.1 back=reinit", epoch);
    scenario_set(text);
    nap(0.15);
    (void)power_of(gpu[1], NVML_ERROR_GPU_IS_LOST);
    CHECK_INT(nvmlShutdown(), NVML_SUCCESS);
    CHECK_INT(nvmlInit_v2(), NVML_SUCCESS);
    (void)power_of(gpu[1], NVML_SUCCESS);
    unsigned long long energy;
    CHECK_INT(nvmlDeviceGetTotalEnergyConsumption(gpu[1], &energy), NVML_SUCCESS);
    CHECK(energy < 1000000); // it began anew 0.1 s ago, at 385 W
    scenario_set(GPUS "fault gpu_lost gpu=1 at=0 for=0.01");
    (void)power_of(gpu[1], NVML_SUCCESS);
}

static void check_hotplug(void) {
    nvmlDevice_t second = device(1), third = device(2);
    unsigned count;
    scenario_set(GPUS "fault hotplug gpu=1");
    CHECK_INT(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
    CHECK_INT(count, 2);
    CHECK(device(1) == third);
    (void)power_of(second, NVML_ERROR_GPU_IS_LOST);
    scenario_set(GPUS "gpu 3 board L4");
    CHECK_INT(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
    CHECK_INT(count, 4);
}

struct hung {
    nvmlDevice_t gpu;
    double seconds;
};

static void *read_power(void *argument) {
    struct hung *hung = argument;
    double begun = unix_now();
    (void)power_of(hung->gpu, NVML_SUCCESS);
    hung->seconds = unix_now() - begun;
    return NULL;
}

static void check_hang(const char *fault, bool others_too) {
    struct hung hung[2] = {{.gpu = device(0)}, {.gpu = device(1)}};
    pthread_t thread[2];
    char text[512];
    (void)snprintf(text, sizeof text, GPUS "%s", fault);
    scenario_set(text);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&thread[i], NULL, read_power, &hung[i]) == 0);
    }
    nap(0.4);
    scenario_write(GPUS);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_join(thread[i], NULL) == 0);
    }
    CHECK_NEAR(hung[0].seconds, 0.42, 0.15);
    CHECK_NEAR(hung[1].seconds, others_too ? 0.42 : 0, 0.15);
}

static void check_slow(void) {
    scenario_set(GPUS "fault call_slow gpu=0 call=DeviceGetPowerUsage seconds=0.3");
    struct hung slow = {.gpu = device(0)}, other = {.gpu = device(1)};
    (void)read_power(&slow);
    (void)read_power(&other);
    CHECK_NEAR(slow.seconds, 0.3, 0.1);
    CHECK_NEAR(other.seconds, 0, 0.1);
}

static void check_failures(void) {
    nvmlFieldValue_t fields[2] = {{.fieldId = 74}, {.fieldId = 186}};
    char name[96];
    scenario_set(GPUS "fault not_supported gpu=0 call=DeviceGetPowerUsage field=74");
    (void)power_of(device(0), NVML_ERROR_NOT_SUPPORTED);
    (void)power_of(device(1), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetFieldValues(device(0), 2, fields), NVML_SUCCESS);
    CHECK_INT(fields[0].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
    CHECK_INT(fields[1].nvmlReturn, NVML_SUCCESS);
    nvmlDevice_t gpu = device(0);
    scenario_set(GPUS "fault unknown_error gpu=0");
    CHECK_INT(nvmlDeviceGetName(gpu, name, sizeof name), NVML_ERROR_UNKNOWN);
    CHECK_INT(nvmlDeviceGetName(device(1), name, sizeof name), NVML_SUCCESS);
    scenario_set(GPUS "fault call_fails gpu=0 call=nvmlDeviceGetMemoryInfo code=NO_PERMISSION");
    nvmlMemory_v2_t memory = {.version = VERSION_OF(nvmlMemory_v2_t, 2)};
    CHECK_INT(nvmlDeviceGetMemoryInfo_v2(device(0), &memory), NVML_ERROR_NO_PERMISSION);
}

static void check_mig_change(void) {
    nvmlDevice_t slice;
    char before[96], after[96];
    scenario_set(GPUS "gpu 0 mig 1g.10gb*7");
    CHECK_INT(nvmlDeviceGetMigDeviceHandleByIndex(device(0), 6, &slice), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetMigDeviceHandleByIndex(device(0), 0, &slice), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetUUID(slice, before, sizeof before), NVML_SUCCESS);
    scenario_set(GPUS "gpu 0 mig 1g.10gb*7\nfault mig_change gpu=0 layout=3g.40gb*2");
    CHECK_INT(nvmlDeviceGetUUID(slice, after, sizeof after), NVML_SUCCESS);
    CHECK(strcmp(before, after) != 0);
    CHECK_INT(nvmlDeviceGetMigDeviceHandleByIndex(device(0), 6, &slice), NVML_ERROR_NOT_FOUND);
    scenario_set(GPUS "gpu 0 mig 1g.10gb*7\nfault mig_change gpu=0 layout=off");
    nvmlUtilization_t busy;
    CHECK_INT(nvmlDeviceGetUtilizationRates(device(0), &busy), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetName(slice, after, sizeof after), NVML_ERROR_NOT_FOUND);
}

static void check_reload(void) {
    scenario_set(GPUS "gpu 0 load constant level=1");
    CHECK_INT(power_of(device(0), NVML_SUCCESS), 700000);
    CHECK(freopen("/dev/null", "w", stderr) != NULL);
    scenario_set(GPUS "gpu 0 load constant level=7");
    CHECK_INT(power_of(device(0), NVML_SUCCESS), 700000);
    scenario_remove();
    nap(0.03);
    CHECK_INT(power_of(device(0), NVML_SUCCESS), 700000);
    scenario_set(GPUS "gpu 0 load idle");
    CHECK_INT(power_of(device(0), NVML_SUCCESS), 70000);
}

// Last, for it does not end in this process.
static void check_mismatch(void) {
    unsigned count;
    scenario_set("driver 999.1\n" GPUS);
    CHECK_INT(nvmlDeviceGetCount_v2(&count), NVML_ERROR_LIB_RM_VERSION_MISMATCH);
    scenario_set(GPUS);
    CHECK_INT(nvmlDeviceGetCount_v2(&count), NVML_ERROR_LIB_RM_VERSION_MISMATCH);
    CHECK_INT(nvmlInit_v2(), NVML_ERROR_LIB_RM_VERSION_MISMATCH);
}

int main(void) {
    check_init_faults();
    check_lost();
    check_hotplug();
    check_hang("fault call_hangs gpu=0", false);
    check_hang("fault call_hangs gpu=0 scope=all call=DeviceGetPowerUsage", true);
    check_hang("fault call_hangs", true);
    check_slow();
    check_failures();
    check_mig_change();
    check_reload();
    check_mismatch();
    scenario_remove();
    (void)puts("ok faults");
    return 0;
}
