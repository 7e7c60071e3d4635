// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// ECC errors, remapped rows, retired pages.
#include <string.h>

#include "call.h"
#include "counts.h"

#define NEED_ECC()                    \
    do {                              \
        NEED_WHOLE_GPU();             \
        NEED_SUPPORT(c.g->ecc);       \
    } while (0)

static uint64_t or_garbage(const struct call *c, uint64_t value) {
    return (c->garbage & GARBAGE_ECC) != 0 ? ~0ULL : value;
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, unsigned type, unsigned counter, unsigned long long *out) {
    BEGIN_DEVICE(CALL_DeviceGetTotalEccErrors, device);
    NEED(out != NULL && type <= NVML_ERROR_TYPE_UNCORRECTED && counter <= NVML_AGGREGATE_ECC);
    NEED_ECC();
    *out = or_garbage(&c, ecc_count(c.s, c.gpu, type == NVML_ERROR_TYPE_UNCORRECTED, ANYWHERE, counter == NVML_AGGREGATE_ECC, c.t));
    return NVML_SUCCESS;
}

// Until Turing the parts of the chip are counted one by one, from Ampere on only DRAM and SRAM. Scenarios know no more than these
// two; on older boards what hits SRAM is booked to the L2 cache.
static bool location_known(const struct board *b, unsigned location) {
    if (b->arch >= ARCH_AMPERE) {
        return location == NVML_LOCATION_DRAM || location == NVML_LOCATION_SRAM;
    }
    return location <= NVML_LOCATION_REGISTER_FILE || location == NVML_LOCATION_TEXTURE || location == NVML_LOCATION_CBU;
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, unsigned type, unsigned counter, unsigned location,
                                                    unsigned long long *out) {
    BEGIN_DEVICE(CALL_DeviceGetMemoryErrorCounter, device);
    NEED(out != NULL && type <= NVML_ERROR_TYPE_UNCORRECTED && counter <= NVML_AGGREGATE_ECC && location < NVML_LOCATION_COUNT);
    NEED_ECC();
    NEED_SUPPORT(location_known(c.b, location));
    bool uncorrected = type == NVML_ERROR_TYPE_UNCORRECTED, aggregate = counter == NVML_AGGREGATE_ECC;
    uint64_t count = 0;
    if (location == NVML_LOCATION_DRAM) {
        count = ecc_count(c.s, c.gpu, uncorrected, IN_DRAM, aggregate, c.t);
    } else if (location == NVML_LOCATION_SRAM || location == NVML_LOCATION_L2) {
        count = ecc_count(c.s, c.gpu, uncorrected, IN_SRAM, aggregate, c.t);
    }
    *out = or_garbage(&c, count);
    return NVML_SUCCESS;
}

LATER nvmlReturn_t nvmlDeviceGetSramEccErrorStatus(nvmlDevice_t device, nvmlEccSramErrorStatus_v1_t *out) {
    BEGIN_DEVICE(CALL_DeviceGetSramEccErrorStatus, device);
    NEED(out != NULL);
    if (out->version != VERSION_OF(nvmlEccSramErrorStatus_v1_t, 1)) {
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    }
    NEED_ECC();
    NEED_SUPPORT(c.b->arch >= ARCH_AMPERE);
    *out = (nvmlEccSramErrorStatus_v1_t){.version = out->version};
    // All of them parity errors in the L2 cache.
    out->aggregateUncParity = out->aggregateUncBucketL2 = or_garbage(&c, ecc_count(c.s, c.gpu, true, IN_SRAM, true, c.t));
    out->aggregateCor = or_garbage(&c, ecc_count(c.s, c.gpu, false, IN_SRAM, true, c.t));
    out->volatileUncParity = or_garbage(&c, ecc_count(c.s, c.gpu, true, IN_SRAM, false, c.t));
    out->volatileCor = or_garbage(&c, ecc_count(c.s, c.gpu, false, IN_SRAM, false, c.t));
    return NVML_SUCCESS;
}

#define NEED_REPAIR(way)                            \
    do {                                            \
        NEED_ECC();                                 \
        NEED_SUPPORT(c.b->repair == (way));         \
    } while (0)

// Hidden from callers of the 450 branch as well, although that has it: so that a missing call is met without one that could be made.
LATER nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned *corrected, unsigned *uncorrected, unsigned *pending,
                                             unsigned *failure) {
    BEGIN_DEVICE(CALL_DeviceGetRemappedRows, device);
    NEED(corrected != NULL && uncorrected != NULL && pending != NULL && failure != NULL);
    NEED_REPAIR(REPAIR_REMAP_ROWS);
    NEED_SUPPORT(c.layout->count == 0);
    *corrected = (unsigned)or_garbage(&c, remapped_rows(c.s, c.gpu, false, c.t));
    *uncorrected = (unsigned)or_garbage(&c, remapped_rows(c.s, c.gpu, true, c.t));
    *pending = repair_pending(c.s, c.gpu, c.t);
    *failure = remap_failed(c.s, c.gpu, c.t);
    return NVML_SUCCESS;
}

// How many banks have all, most, some or none of their spare rows left; each remapped row takes one bank from the top.
LATER nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device, nvmlRowRemapperHistogramValues_t *out) {
    enum { BANKS = 640 };
    BEGIN_DEVICE(CALL_DeviceGetRowRemapperHistogram, device);
    NEED(out != NULL);
    NEED_REPAIR(REPAIR_REMAP_ROWS);
    uint64_t rows = remapped_rows(c.s, c.gpu, false, c.t) + remapped_rows(c.s, c.gpu, true, c.t);
    unsigned used = rows < BANKS ? (unsigned)rows : BANKS;
    *out = (nvmlRowRemapperHistogramValues_t){.max = BANKS - used, .high = used};
    if (remap_failed(c.s, c.gpu, c.t) && used > 0) {
        out->high--;
        out->none = 1;
    }
    return NVML_SUCCESS;
}

// Each page lies 64 KiB behind the one before, as 64 KiB is what is retired at once.
static nvmlReturn_t pages(enum call_id id, nvmlDevice_t device, unsigned cause, unsigned *count, unsigned long long *addresses,
                          unsigned long long *timestamps) {
    BEGIN_DEVICE(id, device);
    NEED(count != NULL && cause <= 1);
    NEED_REPAIR(REPAIR_RETIRE_PAGES);
    unsigned room = *count;
    *count = (unsigned)retired_pages(c.s, c.gpu, cause == 1, c.t);
    if (room < *count) {
        return NVML_ERROR_INSUFFICIENT_SIZE;
    }
    NEED(addresses != NULL || *count == 0);
    for (unsigned i = 0; i < *count; i++) {
        addresses[i] = 0x100000 * (1ULL + cause) + 0x10000ULL * i;
        if (timestamps != NULL) {
            timestamps[i] = (unsigned long long)c.s->epoch;
        }
    }
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetRetiredPages(nvmlDevice_t device, unsigned cause, unsigned *count, unsigned long long *addresses) {
    return pages(CALL_DeviceGetRetiredPages, device, cause, count, addresses, NULL);
}

EXPORT nvmlReturn_t nvmlDeviceGetRetiredPages_v2(nvmlDevice_t device, unsigned cause, unsigned *count, unsigned long long *addresses,
                                                 unsigned long long *timestamps) {
    return pages(CALL_DeviceGetRetiredPages_v2, device, cause, count, addresses, timestamps);
}

EXPORT nvmlReturn_t nvmlDeviceGetRetiredPagesPendingStatus(nvmlDevice_t device, unsigned *pending) {
    BEGIN_DEVICE(CALL_DeviceGetRetiredPagesPendingStatus, device);
    NEED(pending != NULL);
    NEED_REPAIR(REPAIR_RETIRE_PAGES);
    *pending = retirement_pending(c.s, c.gpu, false, c.t) || retirement_pending(c.s, c.gpu, true, c.t);
    return NVML_SUCCESS;
}
