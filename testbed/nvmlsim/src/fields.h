// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// The values of nvmlDeviceGetFieldValues.
#ifndef NVMLSIM_FIELDS_H
#define NVMLSIM_FIELDS_H

#include "call.h"

// Fills in the type, the value and the return code of a field of a whole board, by fieldId and scopeId.
void field_read(const struct call *, nvmlFieldValue_t *);

// Parts of it; false: the id is none of theirs.
bool field_read_ecc(const struct call *, nvmlFieldValue_t *);
bool field_read_link(const struct call *, nvmlFieldValue_t *);

// What a field can be set to; all give true.
bool field_uint(nvmlFieldValue_t *, bool supported, unsigned value);
bool field_int(nvmlFieldValue_t *, bool supported, int value);
bool field_ull(nvmlFieldValue_t *, bool supported, uint64_t value);

#endif
