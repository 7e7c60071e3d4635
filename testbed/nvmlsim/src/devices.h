// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Device handles. They are fixed for the life of the process: one for each GPU of a scenario, and one for each place of a MIG device.
#ifndef NVMLSIM_DEVICES_H
#define NVMLSIM_DEVICES_H

#include "scenario.h"

enum { WHOLE_GPU = -1 };

nvmlDevice_t device_handle(int gpu, int slice);
nvmlGpuInstance_t instance_handle(int gpu, int slice);
// False: it is no handle of ours.
bool device_parse(nvmlDevice_t, int *gpu, int *slice);
bool instance_parse(nvmlGpuInstance_t, int *gpu, int *slice);

#endif
