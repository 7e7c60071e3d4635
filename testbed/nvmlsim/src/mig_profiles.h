// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#ifndef NVMLSIM_MIG_PROFILES_H
#define NVMLSIM_MIG_PROFILES_H

#include "board.h"

extern const struct mig_table mig_a100_40gb, mig_a100_80gb, mig_h100_80gb, mig_b200_180gb;

#endif
