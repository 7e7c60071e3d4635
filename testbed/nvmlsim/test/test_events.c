// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Events come once each, in order, to those who asked before they came.
#include <pthread.h>

#include "test.h"

#define GPUS "gpu 0-1 board H100-SXM5-80GB\ngpu 1 mig 3g.40gb*2\n"

static double epoch;

// Puts the scenario with now as t = 0 into force.
static void begin(const char *text) {
    char all[1024];
    epoch = unix_now();
    (void)snprintf(all, sizeof all, "epoch %.6f\n" GPUS "%s", epoch, text);
    scenario_set(all);
}

static nvmlEventSet_t subscribe(unsigned long long types) {
    nvmlEventSet_t set;
    CHECK_INT(nvmlEventSetCreate(&set), NVML_SUCCESS);
    for (unsigned i = 0; i < 2; i++) {
        nvmlReturn_t result = nvmlDeviceRegisterEvents(device(i), types, set);
        CHECK_INT(result, NVML_SUCCESS);
    }
    return set;
}

static void expect(nvmlEventSet_t set, unsigned gpu, unsigned long long type, unsigned long long data, double at) {
    nvmlEventData_t event;
    CHECK_INT(nvmlEventSetWait_v2(set, &event, 3000), NVML_SUCCESS);
    CHECK(event.device == device(gpu));
    CHECK_INT(event.eventType, type);
    CHECK_INT(event.eventData, data);
    CHECK_NEAR(unix_now() - epoch, at, 0.1);
}

static void check_order(void) {
    nvmlEventData_t event;
    begin("at 0.01 xid gpu=0 code=99\n" // before anybody asked
          "at 0.4 xid gpu=0-1 code=31\nat 0.2 xid gpu=1 code=43 mig=1\nat 0.3 throttle gpu=0 reason=sw_power_cap for=0.2\n"
          "at 0.6 ecc gpu=0 kind=dbe count=2");
    nap(0.02);
    nvmlEventSet_t set = subscribe(NVML_EVENT_XID | NVML_EVENT_DBE | NVML_EVENT_CLOCK);
    CHECK_INT(nvmlEventSetWait_v2(set, &event, 3000), NVML_SUCCESS);
    CHECK_INT(event.eventData, 43);
    CHECK_INT(event.gpuInstanceId, 2); // the second of two 3g
    CHECK_INT(event.computeInstanceId, 0);
    expect(set, 0, NVML_EVENT_CLOCK, 0, 0.3);
    expect(set, 0, NVML_EVENT_XID, 31, 0.4);
    expect(set, 1, NVML_EVENT_XID, 31, 0.4);
    expect(set, 0, NVML_EVENT_CLOCK, 0, 0.5);
    expect(set, 0, NVML_EVENT_DBE, 0, 0.6);
    double begun = unix_now();
    CHECK_INT(nvmlEventSetWait_v2(set, &event, 200), NVML_ERROR_TIMEOUT);
    CHECK_NEAR(unix_now() - begun, 0.2, 0.05);
    CHECK_INT(nvmlEventSetWait_v2(set, &event, 0), NVML_ERROR_TIMEOUT);
    CHECK_INT(nvmlEventSetFree(set), NVML_SUCCESS);
    CHECK_INT(nvmlEventSetFree(set), NVML_ERROR_INVALID_ARGUMENT);
}

static void check_added_while_waiting(void) {
    begin("");
    nvmlEventSet_t set = subscribe(NVML_EVENT_XID);
    char text[512];
    (void)snprintf(text, sizeof text, "epoch %.6f\n" GPUS "at 0.1 xid gpu=0 code=8 every=0.1", epoch);
    scenario_write(text);
    for (int i = 1; i <= 5; i++) {
        expect(set, 0, NVML_EVENT_XID, 8, 0.1 * i);
    }
    // The old form gets 24 bytes.
    unsigned char data[sizeof(nvmlEventData_t)];
    memset(data, 0xAA, sizeof data);
    CHECK_INT(nvmlEventSetWait(set, data, 1000), NVML_SUCCESS);
    CHECK_INT(data[EVENT_DATA_V1_SIZE], 0xAA);
    CHECK_INT(nvmlEventSetFree(set), NVML_SUCCESS);
}

static void check_storm(void) {
    nvmlEventData_t event;
    begin("fault event_storm gpu=0 at=0.1 for=1 rate=10000 code=13");
    nvmlEventSet_t set = subscribe(NVML_EVENT_XID);
    nap(1.2);
    int events = 0;
    while (nvmlEventSetWait_v2(set, &event, 100) == NVML_SUCCESS) {
        CHECK_INT(event.eventData, 13);
        events++;
    }
    CHECK_NEAR(events, 4096, 2); // of 10000
    CHECK_INT(nvmlEventSetFree(set), NVML_SUCCESS);
    begin("fault event_storm gpu=0 at=0.1 for=1 rate=2000");
    set = subscribe(NVML_EVENT_XID);
    for (events = 0; nvmlEventSetWait_v2(set, &event, 200) == NVML_SUCCESS; events++) {
    }
    CHECK_NEAR(events, 2000, 2);
    CHECK_INT(nvmlEventSetFree(set), NVML_SUCCESS);
}

static void check_lost(void) {
    nvmlEventData_t event;
    nvmlDevice_t gpu = device(1);
    begin("fault gpu_lost gpu=1 at=0.2 for=0.5\nat 0.4 xid gpu=0 code=31\nat 0.3 xid gpu=1 code=48");
    nvmlEventSet_t set = subscribe(NVML_EVENT_XID);
    CHECK_INT(nvmlEventSetWait_v2(set, &event, 3000), NVML_SUCCESS);
    CHECK(event.device == gpu);
    CHECK_INT(event.eventData, 79);
    CHECK_INT(nvmlEventSetWait_v2(set, &event, 3000), NVML_ERROR_GPU_IS_LOST);
    nap(0.3);
    CHECK_INT(nvmlEventSetWait_v2(set, &event, 3000), NVML_SUCCESS);
    CHECK_INT(event.eventData, 31);
    nap(0.3);
    CHECK_INT(nvmlEventSetWait_v2(set, &event, 100), NVML_ERROR_TIMEOUT);
    CHECK_INT(nvmlEventSetFree(set), NVML_SUCCESS);
}

static void *wait_long(void *set) {
    nvmlEventData_t event;
    return (void *)(size_t)nvmlEventSetWait_v2(set, &event, 60000);
}

static void check_freed_while_waiting(void) {
    pthread_t thread;
    void *result;
    begin("");
    nvmlEventSet_t set = subscribe(NVML_EVENT_XID);
    CHECK(pthread_create(&thread, NULL, wait_long, set) == 0);
    nap(0.1);
    CHECK_INT(nvmlEventSetFree(set), NVML_SUCCESS);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK_INT((size_t)result, NVML_ERROR_UNINITIALIZED);
}

static void check_unsupported(void) {
    nvmlEventSet_t set;
    scenario_set("gpu 0 board RTX-4090-WSL2\n");
    CHECK_INT(nvmlEventSetCreate(&set), NVML_SUCCESS);
    CHECK_INT(nvmlDeviceRegisterEvents(device(0), NVML_EVENT_XID, set), NVML_ERROR_NOT_SUPPORTED);
    CHECK_INT(nvmlEventSetFree(set), NVML_SUCCESS);
}

int main(void) {
    scenario_write(GPUS);
    CHECK_INT(nvmlInit_v2(), NVML_SUCCESS);
    check_order();
    check_added_while_waiting();
    check_storm();
    check_lost();
    check_freed_while_waiting();
    check_unsupported();
    CHECK_INT(nvmlShutdown(), NVML_SUCCESS);
    scenario_remove();
    (void)puts("ok events");
    return 0;
}
