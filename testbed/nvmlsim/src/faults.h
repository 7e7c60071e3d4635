// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Which faults are on.
#ifndef NVMLSIM_FAULTS_H
#define NVMLSIM_FAULTS_H

#include "scenario.h"

// The first fault of that kind that is on at t and means the GPU; gpu -1 stands for the driver as a whole. NULL: none.
const struct fault *fault_active(const struct scenario *, enum fault_kind, int gpu, double t);
// The fault that keeps a call from returning, or makes it slow: one of its GPU's, or one of the whole driver. gpu -1: a call without one.
const struct fault *fault_delay(const struct scenario *, enum fault_kind, enum call_id, int gpu, double t);
// What the call gives at once because of a fault; NVML_SUCCESS: there is none.
nvmlReturn_t fault_return(const struct scenario *, enum call_id, int gpu, double t);
bool fault_field(const struct scenario *, unsigned field, int gpu, double t);
unsigned fault_garbage_of(const struct scenario *, int gpu, double t);

// Whether this process sees the GPU as lost; *waits_on: its event sets do not notice.
bool gpu_is_lost(const struct scenario *, int gpu, double t, bool *waits_on);
// When the fault's loss of the GPU ends: by itself, or by a gpu_back. *reinit: processes see it only after their next nvmlInit.
double lost_until(const struct scenario *, const struct fault *, int gpu, bool *reinit);
// Whether the GPU is among those that this process can count.
bool gpu_is_present(const struct scenario *, int gpu, double t);
const struct layout *gpu_layout(const struct scenario *, int gpu, double t);

#endif
