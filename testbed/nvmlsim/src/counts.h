// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Counts of errors: ECC, remapped rows, retired pages, PCIe replays, NVLink errors.
#ifndef NVMLSIM_COUNTS_H
#define NVMLSIM_COUNTS_H

#include "physics.h"

enum location { ANYWHERE, IN_DRAM, IN_SRAM };

// Volatile counts begin with the driver or a reset, aggregate ones at t = 0.
uint64_t ecc_count(const struct scenario *, int gpu, bool uncorrected, enum location, bool aggregate, double t);
uint64_t remapped_rows(const struct scenario *, int gpu, bool uncorrected, double t);
uint64_t retired_pages(const struct scenario *, int gpu, bool double_bit, double t);
// Whether a remap or retirement waits for a reset.
bool repair_pending(const struct scenario *, int gpu, double t);
bool retirement_pending(const struct scenario *, int gpu, bool double_bit, double t);
bool remap_failed(const struct scenario *, int gpu, double t);
uint64_t pcie_replays(const struct scenario *, int gpu, double t);

enum link_error { LINK_REPLAY, LINK_RECOVERY, LINK_CRC, LINK_DATA_CRC, LINK_ECC, LINK_ERRORS };
#define ALL_LINKS 0xFFFFFFFFU
uint64_t link_errors(const struct scenario *, int gpu, unsigned link, enum link_error, double t);

#endif
