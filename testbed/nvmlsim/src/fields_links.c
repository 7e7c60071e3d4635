// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Fields about NVLink. Some have the link in their id, others in scopeId.
#include "counts.h"
#include "fields.h"

enum {
    FIELD_SPEED_COMMON = 90,
    FIELD_LINK_COUNT = 91,
    FIELD_DATA_TX = 138, // and RX, then both raw
    FIELD_RAW_RX = 141,
    FIELD_SWITCH_LINKS = 147,
    FIELD_ECC_L0 = 148,
    FIELD_ECC_TOTAL = 160,
    FIELD_REPLAY = 161,
    FIELD_RECOVERY = 162,
    FIELD_CRC = 163,
    FIELD_SPEED = 164,
    FIELD_STATE = 165,
    FIELD_VERSION = 166,
    FIELD_XMIT_PACKETS = 201, // packets, bytes sent, packets, bytes received: NVLink 5
    FIELD_RCV_BYTES = 204,
    FIELD_MALFORMED = 206,
    FIELD_RCV_ERRORS = 208,
    FIELD_RECOVERY_SUCCESSFUL = 213,
    FIELD_RECOVERY_FAILED = 214,
    FIELD_RECOVERY_EVENTS = 215,
};

#define SUM_OF_LINKS 0xFFFFFFFFU
#define PACKET_BYTES 256
// Headers and acknowledgements beside the data.
#define RAW_PER_DATA 1.125

// Ids of counters of single links: six in a row, the total of all, and six more elsewhere.
static const struct {
    unsigned first, more;
    enum link_error error;
} by_id[] = {{32, 96, LINK_CRC}, {39, 102, LINK_DATA_CRC}, {46, 108, LINK_REPLAY}, {53, 114, LINK_RECOVERY}};

static bool links_usable(const struct call *c, unsigned link) {
    return link < c->b->nvlink.links;
}

static bool read_error_by_id(const struct call *c, nvmlFieldValue_t *f) {
    // Newer links are read by scopeId alone.
    bool supported = c->b->nvlink.links > 0 && c->b->nvlink.version < 5;
    for (size_t i = 0; i < sizeof by_id / sizeof by_id[0]; i++) {
        unsigned low = f->fieldId - by_id[i].first, high = f->fieldId - by_id[i].more;
        if (low < 6 || high < 6) {
            unsigned link = low < 6 ? low : high + 6;
            return field_ull(f, supported && links_usable(c, link), link_errors(c->s, c->gpu, link, by_id[i].error, c->t));
        }
        if (low == 6) {
            return field_ull(f, supported, link_errors(c->s, c->gpu, ALL_LINKS, by_id[i].error, c->t));
        }
    }
    if (f->fieldId >= FIELD_ECC_L0 && f->fieldId < FIELD_ECC_TOTAL) {
        unsigned link = f->fieldId - FIELD_ECC_L0;
        return field_ull(f, supported && c->b->nvlink.version >= 3 && links_usable(c, link),
                         link_errors(c->s, c->gpu, link, LINK_ECC, c->t));
    }
    if (f->fieldId == FIELD_ECC_TOTAL) {
        return field_ull(f, supported && c->b->nvlink.version >= 3, link_errors(c->s, c->gpu, ALL_LINKS, LINK_ECC, c->t));
    }
    return false;
}

static bool read_speed_by_id(const struct call *c, nvmlFieldValue_t *f) {
    unsigned low = f->fieldId - 84, high = f->fieldId - 132;
    unsigned link = low < 6 ? low : high < 6 ? high + 6 : NVML_NVLINK_MAX_LINKS;
    if (f->fieldId == FIELD_SPEED_COMMON) {
        return field_uint(f, c->b->nvlink.links > 0 && c->g->nvlinks_active > 0, c->b->nvlink.mbps);
    }
    if (f->fieldId == FIELD_LINK_COUNT) {
        return field_uint(f, c->b->nvlink.links > 0, c->b->nvlink.links);
    }
    if (f->fieldId == FIELD_SWITCH_LINKS) {
        return field_uint(f, c->b->nvlink.links > 0 && c->b->nvlink.wired, c->g->nvlinks_active);
    }
    return link < NVML_NVLINK_MAX_LINKS && field_uint(f, link_active(c->s, c->gpu, link, c->t), c->b->nvlink.mbps);
}

// Bytes since the driver was loaded, from Volta to Hopper; the sum of all links with UINT_MAX as the scope.
static bool read_throughput(const struct call *c, nvmlFieldValue_t *f) {
    unsigned place = f->fieldId - FIELD_DATA_TX;
    bool supported = c->b->nvlink.version >= 2 && c->b->nvlink.version < 5;
    bool all = f->scopeId == SUM_OF_LINKS;
    if (supported && !all && !links_usable(c, f->scopeId)) {
        f->nvmlReturn = NVML_ERROR_INVALID_ARGUMENT;
        return true;
    }
    int direction = place % 2 == 0 ? TX : RX;
    uint64_t bytes = all ? all_link_bytes(c->s, c->gpu, direction, c->t) : link_bytes(c->s, c->gpu, f->scopeId, direction, c->t);
    if (place >= 2) {
        bytes = (uint64_t)((double)bytes * RAW_PER_DATA);
    }
    return field_ull(f, supported, bytes / 1024);
}

static uint64_t nvlink5_value(const struct call *c, unsigned id, unsigned link) {
    if (id <= FIELD_RCV_BYTES) {
        unsigned place = id - FIELD_XMIT_PACKETS;
        uint64_t bytes = link_bytes(c->s, c->gpu, link, place < 2 ? TX : RX, c->t);
        return place % 2 == 0 ? bytes / PACKET_BYTES : bytes;
    }
    if (id == FIELD_RCV_ERRORS) {
        return link_errors(c->s, c->gpu, link, LINK_CRC, c->t) + link_errors(c->s, c->gpu, link, LINK_DATA_CRC, c->t);
    }
    // Every recovery of a scenario succeeds.
    return id == FIELD_RECOVERY_SUCCESSFUL || id == FIELD_RECOVERY_EVENTS ? link_errors(c->s, c->gpu, link, LINK_RECOVERY, c->t) : 0;
}

static bool read_by_scope(const struct call *c, nvmlFieldValue_t *f) {
    unsigned id = f->fieldId, link = f->scopeId;
    bool nvlink5 = (id >= FIELD_XMIT_PACKETS && id <= FIELD_RCV_BYTES) || (id >= FIELD_MALFORMED && id <= FIELD_RECOVERY_EVENTS);
    bool old = id >= FIELD_REPLAY && id <= FIELD_VERSION;
    if (!nvlink5 && !old) {
        return false;
    }
    if (c->b->nvlink.links == 0 || (nvlink5 && c->b->nvlink.version < 5)) {
        return field_ull(f, false, 0);
    }
    if (!links_usable(c, link)) {
        f->nvmlReturn = NVML_ERROR_INVALID_ARGUMENT;
        return true;
    }
    switch (id) {
    case FIELD_SPEED:
        return field_uint(f, link_active(c->s, c->gpu, link, c->t), c->b->nvlink.mbps);
    case FIELD_STATE:
        return field_uint(f, true, link_active(c->s, c->gpu, link, c->t));
    case FIELD_VERSION:
        return field_uint(f, true, c->b->nvlink.version);
    case FIELD_REPLAY:
    case FIELD_RECOVERY:
    case FIELD_CRC:
        return field_ull(f, c->b->nvlink.version < 5, link_errors(c->s, c->gpu, link, (enum link_error)(id - FIELD_REPLAY), c->t));
    default:
        return field_ull(f, true, nvlink5_value(c, id, link));
    }
}

bool field_read_link(const struct call *c, nvmlFieldValue_t *f) {
    if (f->fieldId >= FIELD_DATA_TX && f->fieldId <= FIELD_RAW_RX) {
        return read_throughput(c, f);
    }
    return read_error_by_id(c, f) || read_speed_by_id(c, f) || read_by_scope(c, f);
}
