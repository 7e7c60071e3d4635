// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// The readings that follow from a GPU's activity: power, energy, temperature, clocks, utilisation, memory, traffic, counts.
#ifndef NVMLSIM_PHYSICS_H
#define NVMLSIM_PHYSICS_H

#include "activity.h"

double gpu_power_w(const struct scenario *, int gpu, double t);
// The power averaged over the second before t.
double gpu_average_power_w(const struct scenario *, int gpu, double t);
double gpu_energy_mj(const struct scenario *, int gpu, double t);

double gpu_celsius(const struct scenario *, int gpu, double t);
double gpu_memory_celsius(const struct scenario *, int gpu, double t);
unsigned gpu_fan_percent(const struct scenario *, int gpu, double t);

// MHz of a clock domain, NVML_CLOCK_*.
unsigned gpu_clock(const struct scenario *, int gpu, int domain, double t);
unsigned gpu_max_clock(const struct board *, int domain);
unsigned gpu_pstate(const struct scenario *, int gpu, double t);
uint64_t gpu_reasons(const struct scenario *, int gpu, double t);
// How long the reason has throttled the GPU since its counters began, in ns.
uint64_t gpu_throttle_ns(const struct scenario *, int gpu, enum reason, double t);

// Utilisation in percent over the sample period that ended last, at the end of the sample period `end`.
double sample_end(const struct board *, double t);
unsigned utilization_percent(const struct gpu *, const struct history *, double end);
unsigned memory_busy_percent(unsigned utilization);
// Encoder and decoder utilisation in percent, of one MIG device or of all (slice -1).
unsigned encoder_percent(const struct scenario *, int gpu, int slice, double t);
unsigned decoder_percent(const struct scenario *, int gpu, int slice, double t);

// Bytes in use, at most `most`: by processes on one MIG device, or all of the board.
uint64_t memory_used(const struct scenario *, int gpu, int slice, uint64_t most, double t);

enum { TX, RX };
uint64_t pcie_counter(const struct scenario *, int gpu, int direction, double t);
bool link_active(const struct scenario *, int gpu, unsigned link, double t);
uint64_t link_bytes(const struct scenario *, int gpu, unsigned link, int direction, double t);
uint64_t all_link_bytes(const struct scenario *, int gpu, int direction, double t);

// How often events of that kind that `matches` accepts came, times their count, since `since`.
typedef bool (*event_match)(const struct event *, unsigned key);
uint64_t event_count(const struct scenario *, int gpu, enum event_kind, event_match, unsigned key, double since, double t);

#endif
