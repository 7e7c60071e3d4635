// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// GPU performance monitoring (GPM), on Hopper and later: rates between two samples.
#include <math.h>
#include <stdlib.h>

#include "call.h"
#include "identity.h"
#include "physics.h"

#define MAGIC 0x47504D53U

struct nvmlGpmSample_st {
    unsigned magic;
    bool taken;
    int gpu, slice;
    const struct board *board;
    unsigned links;
    double epoch, t;     // t since the epoch
    double load;         // area under the load since t = 0
    double decoder;      // level of all decoders together
    double pcie[2];      // bytes
    double link[NVML_NVLINK_MAX_LINKS][2];
};

LATER nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t device, nvmlGpmSupport_t *out) {
    BEGIN_DEVICE(CALL_GpmQueryDeviceSupport, device);
    NEED(out != NULL);
    if (out->version != 1) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    out->isSupportedDevice = board_has_gpm(c.b);
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlGpmSampleAlloc(nvmlGpmSample_t *out) {
    BEGIN(CALL_GpmSampleAlloc);
    NEED(out != NULL);
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        return NVML_ERROR_MEMORY;
    }
    (*out)->magic = MAGIC;
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlGpmSampleFree(nvmlGpmSample_t sample) {
    BEGIN(CALL_GpmSampleFree);
    NEED(sample != NULL && sample->magic == MAGIC);
    sample->magic = 0;
    free(sample);
    return NVML_SUCCESS;
}

static void take(const struct call *c, int slice, nvmlGpmSample_t sample) {
    const struct history *load = slice == WHOLE_GPU ? &c->g->load : slice_history(c->g, slice);
    double activity = gpu_activity_counted(c->s, c->gpu, c->t);
    sample->taken = true;
    sample->gpu = c->gpu;
    sample->slice = slice;
    sample->board = c->b;
    sample->links = c->b->nvlink.links;
    sample->epoch = c->s->epoch;
    sample->t = c->t;
    sample->load = history_area(load, 0, c->t);
    sample->decoder = decoder_percent(c->s, c->gpu, slice, c->t);
    for (int direction = TX; direction <= RX; direction++) {
        sample->pcie[direction] = c->g->pcie_rate[direction] * activity;
        for (unsigned link = 0; link < sample->links; link++) {
            sample->link[link][direction] = (double)link_bytes(c->s, c->gpu, link, direction, c->t);
        }
    }
}

LATER nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t device, nvmlGpmSample_t sample) {
    BEGIN_DEVICE(CALL_GpmSampleGet, device);
    NEED(sample != NULL && sample->magic == MAGIC);
    NEED_SUPPORT(board_has_gpm(c.b));
    take(&c, c.slice, sample);
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t device, unsigned instance, nvmlGpmSample_t sample) {
    BEGIN_DEVICE(CALL_GpmMigSampleGet, device);
    NEED(sample != NULL && sample->magic == MAGIC);
    NEED_WHOLE_GPU();
    NEED_SUPPORT(board_has_gpm(c.b) && c.layout->count > 0);
    for (int slice = 0; slice < c.layout->count; slice++) {
        if (gpu_instance_id(c.layout, slice) == instance) {
            take(&c, slice, sample);
            return NVML_SUCCESS;
        }
    }
    return NVML_ERROR_INVALID_ARGUMENT;
}

// What share of the load each pipe carries, in percent: a mix as of training in mixed precision.
static const struct {
    unsigned id;
    double percent;
    const char *name;
} pipes[] = {
    {1, 100, "graphics_util"}, {2, 92, "sm_util"},         {3, 48, "sm_occupancy"},     {4, 14, "integer_util"},
    {5, 41, "any_tensor_util"}, {6, 0, "dfma_tensor_util"}, {7, 41, "hmma_tensor_util"}, {8, 0, "dmma_tensor_util"},
    {9, 0, "imma_tensor_util"}, {10, 37, "dram_bw_util"},   {11, 1, "fp64_util"},        {12, 18, "fp32_util"},
    {13, 9, "fp16_util"}};

enum { METRIC_PCIE_TX = 20, METRIC_PCIE_RX = 21, METRIC_NVDEC_0 = 30, METRIC_NVJPG_0 = 40, METRIC_NVOFA_0 = 50,
       METRIC_NVLINK_RX = 60, METRIC_NVLINK_TX = 61, METRIC_LINK_0_RX = 62, METRIC_LINK_17_TX = 97 };

#define MIB 1048576.0

static double seconds_between(nvmlGpmSample_t a, nvmlGpmSample_t b) {
    return b->epoch - a->epoch + (b->t - a->t);
}

static double link_rate(nvmlGpmSample_t a, nvmlGpmSample_t b, unsigned link, int direction) {
    return fmax(0, b->link[link][direction] - a->link[link][direction]) / seconds_between(a, b) / MIB;
}

// Traffic is that of the whole board: MIG devices do not have it. False: the metric is not supported.
static bool traffic(nvmlGpmSample_t a, nvmlGpmSample_t b, unsigned id, double *out) {
    *out = 0;
    if (a->slice != WHOLE_GPU) {
        return false;
    }
    if (id == METRIC_PCIE_TX || id == METRIC_PCIE_RX) {
        int direction = id == METRIC_PCIE_TX ? TX : RX;
        *out = fmax(0, b->pcie[direction] - a->pcie[direction]) / seconds_between(a, b) / MIB;
        return true;
    }
    if (id == METRIC_NVLINK_RX || id == METRIC_NVLINK_TX) {
        for (unsigned link = 0; link < a->links; link++) {
            *out += link_rate(a, b, link, id == METRIC_NVLINK_TX ? TX : RX);
        }
        return a->links > 0;
    }
    unsigned place = id - METRIC_LINK_0_RX;
    if (id < METRIC_LINK_0_RX || id > METRIC_LINK_17_TX || place / 2 >= a->links) {
        return false;
    }
    *out = link_rate(a, b, place / 2, place % 2 == 0 ? RX : TX);
    return true;
}

static bool engine(nvmlGpmSample_t sample, unsigned id, double *out) {
    const struct board *b = sample->board;
    bool decoder = id >= METRIC_NVDEC_0 && id - METRIC_NVDEC_0 < b->decoders;
    *out = decoder ? sample->decoder : 0;
    return decoder || (id >= METRIC_NVJPG_0 && id - METRIC_NVJPG_0 < b->jpegs && id < METRIC_NVOFA_0) ||
           (id >= METRIC_NVOFA_0 && id - METRIC_NVOFA_0 < b->ofas);
}

static nvmlReturn_t metric(nvmlGpmSample_t a, nvmlGpmSample_t b, nvmlGpmMetric_t *out) {
    static char percent[] = "%", rate[] = "MiB/sec", no_name[] = "";
    out->value = 0;
    out->metricInfo = (nvmlGpmMetricInfo_t){no_name, no_name, percent};
    if (seconds_between(a, b) <= 0) {
        return NVML_ERROR_NO_DATA;
    }
    for (size_t i = 0; i < sizeof pipes / sizeof pipes[0]; i++) {
        if (pipes[i].id == out->metricId) {
            out->value = pipes[i].percent * fmax(0, b->load - a->load) / seconds_between(a, b);
            out->metricInfo.shortName = out->metricInfo.longName = (char *)(uintptr_t)pipes[i].name;
            return NVML_SUCCESS;
        }
    }
    if (engine(b, out->metricId, &out->value)) {
        return NVML_SUCCESS;
    }
    out->metricInfo.unit = rate;
    return traffic(a, b, out->metricId, &out->value) ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
}

static bool usable(nvmlGpmSample_t sample) {
    return sample != NULL && sample->magic == MAGIC && sample->taken;
}

LATER nvmlReturn_t nvmlGpmMetricsGet(nvmlGpmMetricsGet_t *request) {
    BEGIN(CALL_GpmMetricsGet);
    NEED(request != NULL);
    if (request->version != 1) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    nvmlGpmSample_t a = request->sample1, b = request->sample2;
    NEED(usable(a) && usable(b) && a->gpu == b->gpu && a->slice == b->slice && a->board == b->board);
    for (unsigned i = 0; i < request->numMetrics; i++) {
        request->metrics[i].nvmlReturn = metric(a, b, &request->metrics[i]);
    }
    return NVML_SUCCESS;
}
