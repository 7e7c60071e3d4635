// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Fields about ECC, retired pages and remapped rows.
#include "counts.h"
#include "fields.h"

enum {
    FIELD_ECC_CURRENT = 1,
    FIELD_ECC_PENDING = 2,
    FIELD_ECC_FIRST_TOTAL = 3,    // SBE, DBE volatile, SBE, DBE aggregate
    FIELD_ECC_LAST_TOTAL = 6,
    FIELD_ECC_FIRST_VOLATILE = 7, // SBE, DBE of L1, L2, device memory, registers, textures; DBE of CBU
    FIELD_ECC_LAST_VOLATILE = 17,
    FIELD_ECC_FIRST_AGGREGATE = 18,
    FIELD_ECC_LAST_AGGREGATE = 28,
    FIELD_RETIRED_SBE = 29,
    FIELD_RETIRED_DBE = 30,
    FIELD_RETIRED_PENDING = 31,
    FIELD_RETIRED_PENDING_SBE = 92,
    FIELD_RETIRED_PENDING_DBE = 93,
    FIELD_REMAPPED_COR = 142,
    FIELD_REMAPPED_UNC = 143,
    FIELD_REMAPPED_PENDING = 144,
    FIELD_REMAPPED_FAILURE = 145,
};

static bool within(unsigned id, unsigned first, unsigned last) {
    return id >= first && id <= last;
}

// Which part the place-th pair of fields is about.
static bool read_part(const struct call *c, nvmlFieldValue_t *f, unsigned place, bool aggregate) {
    enum { PART_L1, PART_L2, PART_DEVICE_MEMORY, PART_REGISTERS, PART_TEXTURES, PART_CBU };
    unsigned part = place / 2;
    bool uncorrected = place % 2 == 1 || part == PART_CBU;
    bool supported = c->g->ecc && (part == PART_DEVICE_MEMORY || c->b->arch < ARCH_AMPERE);
    if (part == PART_CBU && c->b->arch < ARCH_VOLTA) {
        supported = false;
    }
    uint64_t count = 0;
    if (part == PART_DEVICE_MEMORY) {
        count = ecc_count(c->s, c->gpu, uncorrected, IN_DRAM, aggregate, c->t);
    } else if (part == PART_L2) {
        count = ecc_count(c->s, c->gpu, uncorrected, IN_SRAM, aggregate, c->t);
    }
    return field_ull(f, supported, count);
}

static bool read_retired(const struct call *c, nvmlFieldValue_t *f) {
    bool retires = c->g->ecc && c->b->repair == REPAIR_RETIRE_PAGES;
    switch (f->fieldId) {
    case FIELD_RETIRED_SBE:
    case FIELD_RETIRED_DBE:
        return field_ull(f, retires, retired_pages(c->s, c->gpu, f->fieldId == FIELD_RETIRED_DBE, c->t));
    case FIELD_RETIRED_PENDING:
        return field_ull(f, retires, retirement_pending(c->s, c->gpu, false, c->t) || retirement_pending(c->s, c->gpu, true, c->t));
    case FIELD_RETIRED_PENDING_SBE:
    case FIELD_RETIRED_PENDING_DBE:
        return field_ull(f, retires, retirement_pending(c->s, c->gpu, f->fieldId == FIELD_RETIRED_PENDING_DBE, c->t));
    default:
        return false;
    }
}

static bool read_remapped(const struct call *c, nvmlFieldValue_t *f) {
    bool remaps = c->g->ecc && c->b->repair == REPAIR_REMAP_ROWS;
    switch (f->fieldId) {
    case FIELD_REMAPPED_COR:
    case FIELD_REMAPPED_UNC:
        return field_uint(f, remaps, (unsigned)remapped_rows(c->s, c->gpu, f->fieldId == FIELD_REMAPPED_UNC, c->t));
    case FIELD_REMAPPED_PENDING:
        return field_uint(f, remaps, repair_pending(c->s, c->gpu, c->t));
    case FIELD_REMAPPED_FAILURE:
        return field_uint(f, remaps, remap_failed(c->s, c->gpu, c->t));
    default:
        return false;
    }
}

bool field_read_ecc(const struct call *c, nvmlFieldValue_t *f) {
    unsigned id = f->fieldId;
    if (id == FIELD_ECC_CURRENT || id == FIELD_ECC_PENDING) {
        return field_ull(f, c->b->ecc != ECC_ABSENT, c->g->ecc);
    }
    if (within(id, FIELD_ECC_FIRST_TOTAL, FIELD_ECC_LAST_TOTAL)) {
        unsigned place = id - FIELD_ECC_FIRST_TOTAL;
        return field_ull(f, c->g->ecc, ecc_count(c->s, c->gpu, place % 2 == 1, ANYWHERE, place >= 2, c->t));
    }
    if (within(id, FIELD_ECC_FIRST_VOLATILE, FIELD_ECC_LAST_VOLATILE)) {
        return read_part(c, f, id - FIELD_ECC_FIRST_VOLATILE, false);
    }
    if (within(id, FIELD_ECC_FIRST_AGGREGATE, FIELD_ECC_LAST_AGGREGATE)) {
        return read_part(c, f, id - FIELD_ECC_FIRST_AGGREGATE, true);
    }
    return read_retired(c, f) || read_remapped(c, f);
}
