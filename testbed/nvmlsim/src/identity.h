// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Names, ids and addresses of GPUs and MIG devices. They follow from the place in the scenario and the board, so they are the same
// in every process.
#ifndef NVMLSIM_IDENTITY_H
#define NVMLSIM_IDENTITY_H

#include "scenario.h"

enum { UUID_SIZE = 48, BUS_ID_SIZE = 32, SERIAL_SIZE = 30 };

void gpu_uuid(const struct scenario *, int gpu, char out[UUID_SIZE]);
// Another layout gives its devices other UUIDs.
void mig_uuid(const struct scenario *, int gpu, const struct layout *, int slice, char out[UUID_SIZE]);
void gpu_serial(const struct scenario *, int gpu, char out[SERIAL_SIZE]);
unsigned gpu_bus(int gpu);
void gpu_bus_id(int gpu, char out[BUS_ID_SIZE]);
// Ids as the driver gives them: 0 for the whole board, 1 and 2 for large parts, from 3 for two slices, from 7 for one.
unsigned gpu_instance_id(const struct layout *, int slice);

#endif
