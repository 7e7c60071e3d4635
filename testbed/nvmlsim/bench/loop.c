// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// A bare loop over NVML calls, as fast as C can make them: what testbed/gpubench compares a collection with.
//
//   loop <library>
//
// Each line of standard input is a plan of one collection, such as `nvmlDeviceGetTemperature=8 nvmlDeviceGetFieldValues=8 field 83=8`,
// as the tally of the library counts what another program did. The loop makes exactly these calls, GPU by GPU, with the fields in
// one batch for each call, and answers with the nanoseconds that it took; or with 0 and the name of a function that it does not know.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi.h"

enum { MAX_GPUS = 64, MAX_FIELDS = 512, MAX_SAMPLES = 4096, MAX_PROCESSES = 1024, KINDS = 4, METRICS = 12 };

static unsigned gpus;
static unsigned fields[MAX_FIELDS], field_count;

// What the calls of one GPU need.
static struct gpu {
    nvmlDevice_t handle;
    nvmlGpmSample_t gpm[2];
    unsigned newest;                    // of gpm
    unsigned long long seen[KINDS + 1]; // of samples by kind, and of processes
} all[MAX_GPUS];

static nvmlFieldValue_t values[MAX_FIELDS];
static nvmlSample_t samples[MAX_SAMPLES];
static nvmlProcessInfo_v2_t processes[MAX_PROCESSES];
static nvmlProcessUtilizationSample_t uses[MAX_SAMPLES];
static nvmlGpmMetricsGet_t *gpm_query;
static unsigned space; // samples that the last query asked room for

typedef void (*function)(void);
// The nth call of a function on a GPU in this collection.
typedef void caller(function, struct gpu *, unsigned nth);

#define AS(f, ...) ((nvmlReturn_t(*)(__VA_ARGS__))(f))

static void count(function f, struct gpu *g, unsigned nth) {
    unsigned n;
    (void)g, (void)nth;
    (void)AS(f, unsigned *)(&n);
}

static void by_index(function f, struct gpu *g, unsigned nth) {
    (void)nth;
    (void)AS(f, unsigned, nvmlDevice_t *)((unsigned)(g - all), &g->handle);
}

static void text(function f, struct gpu *g, unsigned nth) {
    char buffer[96];
    (void)nth;
    (void)AS(f, nvmlDevice_t, char *, unsigned)(g->handle, buffer, sizeof buffer);
}

// One value out: a limit, bits, a state.
static void one(function f, struct gpu *g, unsigned nth) {
    unsigned long long v;
    (void)nth;
    (void)AS(f, nvmlDevice_t, void *)(g->handle, &v);
}

static void two(function f, struct gpu *g, unsigned nth) {
    unsigned a, b;
    (void)nth;
    (void)AS(f, nvmlDevice_t, unsigned *, unsigned *)(g->handle, &a, &b);
}

// One number in, one value out: clocks by domain, links by index.
static void indexed(function f, struct gpu *g, unsigned nth) {
    unsigned v;
    (void)AS(f, nvmlDevice_t, unsigned, unsigned *)(g->handle, nth, &v);
}

static void temperature(function f, struct gpu *g, unsigned nth) {
    (void)nth;
    indexed(f, g, 0);
}

static void memory(function f, struct gpu *g, unsigned nth) {
    nvmlMemory_v2_t m = {.version = sizeof m | 2U << 24};
    (void)nth;
    (void)AS(f, nvmlDevice_t, nvmlMemory_v2_t *)(g->handle, &m);
}

static void utilization(function f, struct gpu *g, unsigned nth) {
    nvmlUtilization_t u;
    (void)nth;
    (void)AS(f, nvmlDevice_t, nvmlUtilization_t *)(g->handle, &u);
}

static void field_values(function f, struct gpu *g, unsigned nth) {
    (void)nth;
    for (unsigned i = 0; i < field_count; i++) {
        values[i].fieldId = fields[i];
        values[i].scopeId = fields[i] == 138 || fields[i] == 139 ? NVML_NO_INSTANCE : 0; // NVLink traffic: the sum of all
    }
    (void)AS(f, nvmlDevice_t, int, nvmlFieldValue_t *)(g->handle, (int)field_count, values);
}

static void running(function f, struct gpu *g, unsigned nth) {
    unsigned n = MAX_PROCESSES;
    (void)nth;
    (void)AS(f, nvmlDevice_t, unsigned *, void *)(g->handle, &n, processes);
}

// Calls in pairs: how many there are, then what they are.
static void process_use(function f, struct gpu *g, unsigned nth) {
    unsigned n = nth % 2 == 0 ? 0 : space;
    nvmlReturn_t result = AS(f, nvmlDevice_t, void *, unsigned *, unsigned long long)(g->handle, n == 0 ? NULL : uses, &n, g->seen[KINDS]);
    space = n < MAX_SAMPLES ? n : MAX_SAMPLES;
    for (unsigned i = 0; nth % 2 == 1 && result == NVML_SUCCESS && i < n; i++) {
        if (uses[i].timeStamp > g->seen[KINDS]) {
            g->seen[KINDS] = uses[i].timeStamp;
        }
    }
}

static void get_samples(function f, struct gpu *g, unsigned nth) {
    static const unsigned kinds[KINDS] = {1, 2, 3, 4}; // GPU, memory, encoder, decoder
    unsigned kind = nth / 2 % KINDS, n = nth % 2 == 0 ? 0 : space;
    unsigned long long *seen = &g->seen[kind];
    nvmlValueType_t type;
    nvmlReturn_t result = AS(f, nvmlDevice_t, unsigned, unsigned long long, nvmlValueType_t *, unsigned *, nvmlSample_t *)(
        g->handle, kinds[kind], *seen, &type, &n, n == 0 ? NULL : samples);
    space = n < MAX_SAMPLES ? n : MAX_SAMPLES;
    if (nth % 2 == 1 && result == NVML_SUCCESS && n > 0) {
        *seen = samples[n - 1].timeStamp;
    }
}

static void gpm_sample(function f, struct gpu *g, unsigned nth) {
    (void)nth;
    g->newest ^= 1;
    (void)AS(f, nvmlDevice_t, nvmlGpmSample_t)(g->handle, g->gpm[g->newest]);
}

static void gpm_metrics(function f, struct gpu *g, unsigned nth) {
    static const unsigned metrics[METRICS] = {1, 10, 2, 3, 5, 6, 7, 9, 11, 12, 13, 4};
    (void)nth;
    gpm_query->version = 1;
    gpm_query->numMetrics = METRICS;
    gpm_query->sample1 = g->gpm[g->newest ^ 1];
    gpm_query->sample2 = g->gpm[g->newest];
    for (int i = 0; i < METRICS; i++) {
        gpm_query->metrics[i].metricId = metrics[i];
    }
    (void)AS(f, nvmlGpmMetricsGet_t *)(gpm_query);
}

static struct entry {
    const char *name;
    caller *call;
    function function;
    unsigned planned; // calls in this collection
} entries[] = {
    {"nvmlDeviceGetCount_v2", count, NULL, 0},
    {"nvmlDeviceGetHandleByIndex_v2", by_index, NULL, 0},
    {"nvmlDeviceGetUUID", text, NULL, 0},
    {"nvmlDeviceGetMigMode", two, NULL, 0},
    {"nvmlDeviceGetFieldValues", field_values, NULL, 0},
    {"nvmlDeviceGetTemperature", temperature, NULL, 0},
    {"nvmlDeviceGetEnforcedPowerLimit", one, NULL, 0},
    {"nvmlDeviceGetClockInfo", indexed, NULL, 0},
    {"nvmlDeviceGetPerformanceState", one, NULL, 0},
    {"nvmlDeviceGetMemoryInfo_v2", memory, NULL, 0},
    {"nvmlDeviceGetMemoryInfo", memory, NULL, 0},
    {"nvmlDeviceGetNumFans", one, NULL, 0},
    {"nvmlDeviceGetFanSpeed_v2", indexed, NULL, 0},
    {"nvmlDeviceGetCurrentClocksEventReasons", one, NULL, 0},
    {"nvmlDeviceGetNvLinkState", indexed, NULL, 0},
    {"nvmlDeviceGetCurrPcieLinkGeneration", one, NULL, 0},
    {"nvmlDeviceGetCurrPcieLinkWidth", one, NULL, 0},
    {"nvmlGpmSampleGet", gpm_sample, NULL, 0},
    {"nvmlGpmMetricsGet", gpm_metrics, NULL, 0},
    {"nvmlDeviceGetSamples", get_samples, NULL, 0},
    {"nvmlDeviceGetUtilizationRates", utilization, NULL, 0},
    {"nvmlDeviceGetEncoderUtilization", two, NULL, 0},
    {"nvmlDeviceGetDecoderUtilization", two, NULL, 0},
    {"nvmlDeviceGetMPSComputeRunningProcesses_v3", running, NULL, 0},
    {"nvmlDeviceGetComputeRunningProcesses_v3", running, NULL, 0},
    {"nvmlDeviceGetGraphicsRunningProcesses_v3", running, NULL, 0},
    {"nvmlDeviceGetProcessUtilization", process_use, NULL, 0},
};
#define ENTRIES (sizeof entries / sizeof entries[0])

static void die(const char *what, const char *which) {
    (void)fprintf(stderr, "loop: %s: %s\n", what, which);
    exit(1);
}

static function find(void *library, const char *name) {
    function f;
    void *symbol = dlsym(library, name);
    if (symbol == NULL) {
        die("the library has no", name);
    }
    memcpy(&f, &symbol, sizeof f);
    return f;
}

static void must(nvmlReturn_t result, const char *name) {
    if (result != NVML_SUCCESS) {
        die("failed", name);
    }
}

static void begin(const char *path) {
    void *library = dlopen(path, RTLD_LAZY | RTLD_GLOBAL);
    if (library == NULL) {
        die("dlopen", dlerror());
    }
    gpm_query = calloc(1, sizeof *gpm_query + METRICS * sizeof gpm_query->metrics[0]);
    if (gpm_query == NULL) {
        die("memory", "none");
    }
    must(AS(find(library, "nvmlInit_v2"), void)(), "nvmlInit_v2");
    must(AS(find(library, "nvmlDeviceGetCount_v2"), unsigned *)(&gpus), "nvmlDeviceGetCount_v2");
    for (unsigned i = 0; i < ENTRIES; i++) {
        entries[i].function = find(library, entries[i].name);
    }
    function allocate = find(library, "nvmlGpmSampleAlloc");
    for (unsigned i = 0; i < gpus && i < MAX_GPUS; i++) {
        must(AS(find(library, "nvmlDeviceGetHandleByIndex_v2"), unsigned, nvmlDevice_t *)(i, &all[i].handle), "nvmlDeviceGetHandleByIndex_v2");
        for (int n = 0; n < 2; n++) {
            must(AS(allocate, nvmlGpmSample_t *)(&all[i].gpm[n]), "nvmlGpmSampleAlloc");
            must(AS(find(library, "nvmlGpmSampleGet"), nvmlDevice_t, nvmlGpmSample_t)(all[i].handle, all[i].gpm[n]), "nvmlGpmSampleGet");
        }
    }
}

// Takes `name=count` out of a plan; names may hold a space. The name of a function that is not known, else NULL.
static const char *plan(char *line) {
    field_count = 0;
    for (unsigned i = 0; i < ENTRIES; i++) {
        entries[i].planned = 0;
    }
    for (char *item = strtok(line, ";\n"); item != NULL; item = strtok(NULL, ";\n")) {
        char *sign = strchr(item, '=');
        if (sign == NULL) {
            die("no count in", item);
        }
        *sign = '\0';
        unsigned n = (unsigned)strtoul(sign + 1, NULL, 10), i = 0;
        if (strncmp(item, "field ", 6) == 0) {
            if (field_count < MAX_FIELDS) {
                fields[field_count++] = (unsigned)strtoul(item + 6, NULL, 10);
            }
            continue;
        }
        while (i < ENTRIES && strcmp(entries[i].name, item) != 0) {
            i++;
        }
        if (i == ENTRIES) {
            return item;
        }
        entries[i].planned = n;
    }
    return NULL;
}

static int64_t now_ns(void) {
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

// Calls that are not a multiple of the GPUs fall to the first ones.
static int64_t collect(void) {
    int64_t begun = now_ns();
    for (unsigned g = 0; g < gpus; g++) {
        for (unsigned i = 0; i < ENTRIES; i++) {
            const struct entry *e = &entries[i];
            unsigned times = e->planned / gpus + (g < e->planned % gpus ? 1 : 0);
            for (unsigned nth = 0; nth < times; nth++) {
                e->call(e->function, &all[g], nth);
            }
        }
    }
    return now_ns() - begun;
}

int main(int argc, char **argv) {
    static char line[16384];
    if (argc != 2) {
        die("usage", "loop <library>");
    }
    begin(argv[1]);
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *unknown = plan(line);
        if (unknown != NULL) {
            (void)printf("0 %s\n", unknown);
        } else {
            (void)printf("%lld\n", (long long)collect());
        }
        (void)fflush(stdout);
    }
    return 0;
}
