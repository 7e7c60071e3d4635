// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// The scenario in force, shared by all threads without a lock.
#ifndef NVMLSIM_SNAPSHOT_H
#define NVMLSIM_SNAPSHOT_H

#include "scenario.h"

// Reads the scenario that NVMLSIM_SCENARIO names, unless it is in force already. False: there is none, or it is wrong.
bool snapshot_open(void);
// The scenario in force, after a look whether its file has changed; it stays valid until it is released.
const struct scenario *snapshot_acquire(void);
void snapshot_release(const struct scenario *);

#endif
