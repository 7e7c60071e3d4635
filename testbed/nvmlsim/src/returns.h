// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef NVMLSIM_RETURNS_H
#define NVMLSIM_RETURNS_H

#include <stdbool.h>

#include "abi.h"

// text is a number or a name such as GPU_IS_LOST. False: neither.
bool return_named(const char *text, nvmlReturn_t *out);
// What NVML's nvmlErrorString says.
const char *return_text(nvmlReturn_t);

#endif
