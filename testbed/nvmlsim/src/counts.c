// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "counts.h"

enum { KEY_UNCORRECTED = 1, KEY_DRAM = 2, KEY_SRAM = 4 };

static bool ecc_matches(const struct event *e, unsigned key) {
    return e->uncorrected == ((key & KEY_UNCORRECTED) != 0) && (key & (e->sram ? KEY_SRAM : KEY_DRAM)) != 0;
}

uint64_t ecc_count(const struct scenario *s, int gpu, bool uncorrected, enum location where, bool aggregate, double t) {
    unsigned key = (uncorrected ? KEY_UNCORRECTED : 0) | (where != IN_SRAM ? KEY_DRAM : 0) | (where != IN_DRAM ? KEY_SRAM : 0);
    return event_count(s, gpu, EVENT_ECC, ecc_matches, key, aggregate ? 0 : gpu_counting_since(s, gpu, t), t);
}

static bool kind_matches(const struct event *e, unsigned uncorrected) {
    return e->uncorrected == (uncorrected != 0);
}

uint64_t remapped_rows(const struct scenario *s, int gpu, bool uncorrected, double t) {
    return event_count(s, gpu, EVENT_REMAP, kind_matches, uncorrected, 0, t);
}

uint64_t retired_pages(const struct scenario *s, int gpu, bool double_bit, double t) {
    return event_count(s, gpu, EVENT_RETIRE, kind_matches, double_bit, 0, t);
}

static bool pending_matches(const struct event *e, unsigned key) {
    (void)key;
    return e->pending;
}

static bool pending_kind_matches(const struct event *e, unsigned uncorrected) {
    return e->pending && kind_matches(e, uncorrected);
}

bool repair_pending(const struct scenario *s, int gpu, double t) {
    double since = gpu_counting_since(s, gpu, t);
    return event_count(s, gpu, EVENT_REMAP, pending_matches, 0, since, t) > 0;
}

bool retirement_pending(const struct scenario *s, int gpu, bool double_bit, double t) {
    return event_count(s, gpu, EVENT_RETIRE, pending_kind_matches, double_bit, gpu_counting_since(s, gpu, t), t) > 0;
}

static bool failure_matches(const struct event *e, unsigned key) {
    (void)key;
    return e->failure;
}

bool remap_failed(const struct scenario *s, int gpu, double t) {
    return event_count(s, gpu, EVENT_REMAP, failure_matches, 0, 0, t) > 0;
}

uint64_t pcie_replays(const struct scenario *s, int gpu, double t) {
    return event_count(s, gpu, EVENT_PCIE_REPLAY, NULL, 0, gpu_counting_since(s, gpu, t), t);
}

static bool link_matches(const struct event *e, unsigned key) {
    return e->error == key % LINK_ERRORS && (key / LINK_ERRORS == NVML_NVLINK_MAX_LINKS || e->link == key / LINK_ERRORS);
}

uint64_t link_errors(const struct scenario *s, int gpu, unsigned link, enum link_error error, double t) {
    unsigned place = link == ALL_LINKS ? NVML_NVLINK_MAX_LINKS : link;
    return event_count(s, gpu, EVENT_NVLINK_ERROR, link_matches, place * LINK_ERRORS + error, gpu_counting_since(s, gpu, t), t);
}
