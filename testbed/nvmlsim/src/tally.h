// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Counts calls, and fields asked for, in the file that NVMLSIM_CALLS names: shared by all processes that have it, for proofs that
// two programs ask the same. Without it nothing is counted.
#ifndef NVMLSIM_TALLY_H
#define NVMLSIM_TALLY_H

#include "calls.h"

void tally_call(enum call_id);
void tally_field(unsigned field);

#endif
