// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// How callers learn sizes, what old forms of structs get, and that garbage stays within its buffers.
#include "test.h"

static const char normal[] = "clock fixed 100.05\nepoch 1700000000\n"
                             "gpu 0 board H100-SXM5-80GB\ngpu 0 load constant level=0.5\n"
                             "gpu 1 board H100-SXM5-80GB\ngpu 1 mig 1g.10gb*4,3g.40gb\n"
                             "gpu 2 board L4\ngpu 2 samples empty_when_idle\n"
                             "process gpu=0 pid=11 memory=1GiB sm=0.6\nprocess gpu=0 pid=12 memory=2GiB sm=0.4\n"
                             "process gpu=1 pid=13 memory=3GiB sm=1 mig=4\n";

static void check_init(void) {
    CHECK(unsetenv("NVMLSIM_SCENARIO") == 0);
    unsigned count;
    CHECK_INT(nvmlInit_v2(), NVML_ERROR_DRIVER_NOT_LOADED);
    CHECK_INT(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
    CHECK_INT(nvmlShutdown(), NVML_ERROR_UNINITIALIZED);
    scenario_write(normal);
    CHECK_INT(nvmlInit_v2(), NVML_SUCCESS);
    CHECK_INT(nvmlInit_v2(), NVML_SUCCESS);
    CHECK_INT(nvmlShutdown(), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetCount_v2(&count), NVML_SUCCESS);
    CHECK_INT(count, 3);
}

static void check_processes(void) {
    nvmlProcessInfo_v2_t infos[2];
    nvmlProcessInfo_v1_t small[3];
    unsigned count = 0;
    CHECK_INT(nvmlDeviceGetComputeRunningProcesses_v3(device(0), &count, NULL), NVML_ERROR_INSUFFICIENT_SIZE);
    CHECK_INT(count, 2);
    CHECK_INT(nvmlDeviceGetComputeRunningProcesses_v3(device(0), &count, infos), NVML_SUCCESS);
    CHECK_INT(infos[1].pid, 12);
    CHECK_INT(infos[1].usedGpuMemory, 2LL << 30);
    CHECK_INT(infos[1].gpuInstanceId, 0xFFFFFFFF);
    memset(small, 0xAA, sizeof small);
    CHECK_INT(nvmlDeviceGetComputeRunningProcesses(device(0), &count, small), NVML_SUCCESS);
    CHECK_INT(small[1].pid, 12);
    CHECK_INT(small[2].pid, 0xAAAAAAAA);
    count = 2;
    CHECK_INT(nvmlDeviceGetComputeRunningProcesses_v3(device(1), &count, infos), NVML_SUCCESS);
    CHECK_INT(count, 1);
    CHECK_INT(infos[0].gpuInstanceId, 1); // the 3g
    CHECK_INT(infos[0].computeInstanceId, 0);
    count = 0;
    CHECK_INT(nvmlDeviceGetComputeRunningProcesses_v3(device(2), &count, NULL), NVML_SUCCESS);
}

static void check_process_utilization(void) {
    nvmlProcessUtilizationSample_t samples[2];
    unsigned count = 0;
    CHECK_INT(nvmlDeviceGetProcessUtilization(device(0), NULL, &count, 0), NVML_ERROR_INSUFFICIENT_SIZE);
    CHECK_INT(count, 2);
    CHECK_INT(nvmlDeviceGetProcessUtilization(device(0), samples, &count, 0), NVML_SUCCESS);
    CHECK_INT(samples[0].smUtil, 30);
    CHECK_INT(samples[0].timeStamp, 1700000100000000);
    CHECK_INT(nvmlDeviceGetProcessUtilization(device(0), samples, &count, samples[0].timeStamp), NVML_ERROR_NOT_FOUND);
    count = 1;
    CHECK_INT(nvmlDeviceGetProcessUtilization(device(0), samples, &count, 0), NVML_ERROR_INSUFFICIENT_SIZE);
    CHECK_INT(nvmlDeviceGetProcessUtilization(device(1), samples, &count, 0), NVML_ERROR_NOT_SUPPORTED);
    count = 0;
    CHECK_INT(nvmlDeviceGetProcessUtilization(device(2), NULL, &count, 0), NVML_ERROR_INSUFFICIENT_SIZE);
    CHECK_INT(count, 1);
}

static void check_samples(void) {
    enum { UTILIZATION = 1 };
    nvmlSample_t samples[120];
    unsigned type, count = 0;
    CHECK_INT(nvmlDeviceGetSamples(device(0), UTILIZATION, 0, &type, &count, NULL), NVML_SUCCESS);
    CHECK_INT(count, 120);
    CHECK_INT(nvmlDeviceGetSamples(device(0), UTILIZATION, 0, &type, &count, samples), NVML_SUCCESS);
    CHECK_INT(count, 120);
    CHECK_INT(type, NVML_VALUE_TYPE_UNSIGNED_INT);
    CHECK_INT(samples[119].timeStamp, 1700000100000000);
    CHECK_INT(samples[119].timeStamp - samples[118].timeStamp, 100000);
    CHECK_INT(samples[119].sampleValue.uiVal, 50);
    unsigned long long seen = samples[115].timeStamp;
    CHECK_INT(nvmlDeviceGetSamples(device(0), UTILIZATION, seen, &type, &count, samples), NVML_SUCCESS);
    CHECK_INT(count, 4);
    CHECK(samples[0].timeStamp > seen);
    seen = samples[3].timeStamp;
    count = 120;
    CHECK_INT(nvmlDeviceGetSamples(device(0), UTILIZATION, seen, &type, &count, samples), NVML_ERROR_NOT_FOUND);
    count = 0;
    CHECK_INT(nvmlDeviceGetSamples(device(0), UTILIZATION, 0, &type, &count, samples), NVML_ERROR_INVALID_ARGUMENT);
    CHECK_INT(nvmlDeviceGetSamples(device(1), UTILIZATION, 0, &type, &count, NULL), NVML_ERROR_NOT_SUPPORTED);
    CHECK_INT(nvmlDeviceGetSamples(device(2), UTILIZATION, 0, &type, &count, NULL), NVML_ERROR_NOT_FOUND);
}

static void check_versions(void) {
    nvmlMemory_v2_t memory = {.version = 0x02000028};
    unsigned char attributes[41];
    nvmlDevice_t mig;
    CHECK_INT(nvmlDeviceGetMemoryInfo_v2(device(0), &memory), NVML_SUCCESS);
    CHECK_INT(memory.used, 3LL << 30);
    CHECK_INT(memory.total, memory.reserved + memory.used + memory.free);
    memory.version = 0x01000028;
    CHECK_INT(nvmlDeviceGetMemoryInfo_v2(device(0), &memory), NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
    CHECK_INT(nvmlDeviceGetMigDeviceHandleByIndex(device(1), 4, &mig), NVML_SUCCESS);
    memset(attributes, 0xAA, sizeof attributes);
    CHECK_INT(nvmlDeviceGetAttributes(mig, attributes), NVML_SUCCESS);
    CHECK_INT(attributes[0], 60);
    CHECK_INT(attributes[ATTRIBUTES_V1_SIZE], 0xAA);
    CHECK_INT(nvmlDeviceGetMigDeviceHandleByIndex(device(1), 5, &mig), NVML_ERROR_NOT_FOUND);
    CHECK_INT(nvmlDeviceGetMigDeviceHandleByIndex(device(0), 0, &mig), NVML_ERROR_NOT_SUPPORTED);
}

static void check_handles(void) {
    char uuid[96];
    nvmlDevice_t same, mig;
    unsigned value;
    CHECK_INT(nvmlDeviceGetPowerUsage(NULL, &value), NVML_ERROR_INVALID_ARGUMENT);
    CHECK_INT(nvmlDeviceGetHandleByIndex_v2(3, &same), NVML_ERROR_INVALID_ARGUMENT);
    CHECK_INT(nvmlDeviceGetUUID(device(1), uuid, sizeof uuid), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetHandleByUUID(uuid, &same), NVML_SUCCESS);
    CHECK(same == device(1));
    CHECK_INT(nvmlDeviceGetMigDeviceHandleByIndex(device(1), 2, &mig), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceGetUUID(mig, uuid, sizeof uuid), NVML_SUCCESS);
    CHECK(strncmp(uuid, "MIG-", 4) == 0);
    CHECK_INT(nvmlDeviceGetHandleByUUID(uuid, &same), NVML_SUCCESS);
    CHECK(same == mig);
    CHECK_INT(nvmlDeviceGetUUID(mig, uuid, 10), NVML_ERROR_INSUFFICIENT_SIZE);
    CHECK_INT(nvmlDeviceGetHandleByUUID("GPU-0", &same), NVML_ERROR_NOT_FOUND);
}

static void check_gpm(void) {
    struct { nvmlGpmMetricsGet_t head; nvmlGpmMetric_t metrics[4]; } request = {.head = {.version = 1, .numMetrics = 3}};
    nvmlGpmSample_t a, b;
    CHECK_INT(nvmlGpmSampleAlloc(&a), NVML_SUCCESS);
    CHECK_INT(nvmlGpmSampleAlloc(&b), NVML_SUCCESS);
    CHECK_INT(nvmlGpmSampleGet(device(2), a), NVML_ERROR_NOT_SUPPORTED);
    CHECK_INT(nvmlGpmSampleGet(device(0), a), NVML_SUCCESS);
    request.head.sample1 = a;
    request.head.sample2 = b;
    CHECK_INT(nvmlGpmMetricsGet(&request.head), NVML_ERROR_INVALID_ARGUMENT);
    scenario_set("clock fixed 102\nepoch 1700000000\ngpu 0 board H100-SXM5-80GB\ngpu 0 load constant level=0.5\n");
    CHECK_INT(nvmlGpmSampleGet(device(0), b), NVML_SUCCESS);
    request.metrics[0].metricId = 1;
    request.metrics[1].metricId = 20;
    request.metrics[2].metricId = 166;
    request.metrics[3].metricId = 0xAAAA;
    CHECK_INT(nvmlGpmMetricsGet(&request.head), NVML_SUCCESS);
    CHECK_NEAR(request.metrics[0].value, 50, 1e-6);
    CHECK_NEAR(request.metrics[1].value, 0.5 * 1e8 / 1048576, 1e-3);
    CHECK_INT(request.metrics[2].nvmlReturn, NVML_ERROR_NOT_SUPPORTED);
    CHECK(request.metrics[3].metricInfo.unit == NULL);
    CHECK_INT(nvmlGpmSampleFree(a), NVML_SUCCESS);
    CHECK_INT(nvmlGpmSampleFree(b), NVML_SUCCESS);
}

static void check_garbage(void) {
    char name[40];
    unsigned value;
    nvmlUtilization_t busy;
    nvmlMemory_t memory;
    unsigned long long before, after;
    nvmlFieldValue_t field = {.fieldId = 83};
    scenario_set("clock fixed 10\ngpu 0 board H100-SXM5-80GB\nfault garbage");
    memset(name, 'x', sizeof name);
    CHECK_INT(nvmlDeviceGetName(device(0), name, 32), NVML_SUCCESS);
    CHECK(memchr(name, '\0', 32) == NULL && name[32] == 'x');
    CHECK_INT(nvmlDeviceGetPowerUsage(device(0), &value), NVML_SUCCESS);
    CHECK_INT(value, 0xFFFFFFFF);
    CHECK_INT(nvmlDeviceGetTemperature(device(0), 0, &value), NVML_SUCCESS);
    CHECK_INT(value, 0x80000000);
    CHECK_INT(nvmlDeviceGetUtilizationRates(device(0), &busy), NVML_SUCCESS);
    CHECK_INT(busy.gpu, 4000000000);
    CHECK_INT(nvmlDeviceGetMemoryInfo(device(0), &memory), NVML_SUCCESS);
    CHECK(memory.used > memory.total);
    CHECK_INT(nvmlDeviceGetFieldValues(device(0), 1, &field), NVML_SUCCESS);
    CHECK(field.value.ullVal == ~0ULL);
    CHECK_INT(nvmlDeviceGetTotalEnergyConsumption(device(0), &before), NVML_SUCCESS);
    scenario_set("clock fixed 11\ngpu 0 board H100-SXM5-80GB\nfault garbage what=energy");
    CHECK_INT(nvmlDeviceGetTotalEnergyConsumption(device(0), &after), NVML_SUCCESS);
    CHECK(after < before);
    CHECK_INT(nvmlDeviceGetPowerUsage(device(0), &value), NVML_SUCCESS);
    CHECK_INT(value, 70000);
}

int main(void) {
    check_init();
    check_processes();
    check_process_utilization();
    check_samples();
    check_versions();
    check_handles();
    check_gpm();
    check_garbage();
    CHECK_INT(nvmlShutdown(), NVML_SUCCESS);
    scenario_remove();
    (void)puts("ok contracts");
    return 0;
}
