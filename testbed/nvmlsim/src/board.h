// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// The boards that a scenario can name, with the figures of the real ones.
#ifndef NVMLSIM_BOARD_H
#define NVMLSIM_BOARD_H

#include <stdbool.h>

enum arch { ARCH_PASCAL = 4, ARCH_VOLTA = 5, ARCH_TURING = 6, ARCH_AMPERE = 7, ARCH_ADA = 8, ARCH_HOPPER = 9, ARCH_BLACKWELL = 10 };
enum brand { BRAND_TESLA = 2, BRAND_GEFORCE = 5, BRAND_VCS = 9, BRAND_NVIDIA_RTX = 13, BRAND_NVIDIA = 14 };
enum ecc { ECC_ABSENT, ECC_OFF, ECC_ON };              // as shipped
enum repair { REPAIR_NONE, REPAIR_RETIRE_PAGES, REPAIR_REMAP_ROWS };
enum platform { PLATFORM_BARE, PLATFORM_VGPU_GUEST, PLATFORM_WSL };

struct mig_profile {
    const char *name;
    unsigned index, id;     // NVML_GPU_INSTANCE_PROFILE_*, and the id that nvidia-smi mig -lgip shows
    unsigned slices, memory_slices;
    unsigned max_instances, multiprocessors, copy_engines, decoders, jpegs, ofas;
    unsigned memory_mib;
};

struct mig_table {
    int count;
    const struct mig_profile *profile;
};

struct board {
    const char *name;       // in scenarios
    const char *product;    // nvmlDeviceGetName
    const char *vbios;
    enum platform platform;
    enum arch arch;
    enum brand brand;
    unsigned compute_major, compute_minor;
    unsigned since;         // first driver branch that knows it
    unsigned pci_device, pci_subsystem;
    unsigned memory_mib, reserved_mib, bar1_mib, bus_width, cores, multiprocessors;
    struct { unsigned idle, standard, min, max; } power; // W; standard is the default limit
    struct { unsigned idle, base, max; } sm;             // MHz
    struct { unsigned idle, max; } memory_clock;         // MHz
    unsigned video_max;                                  // MHz
    unsigned idle_pstate;
    struct { unsigned idle, full, gpu_max, slowdown, shutdown, memory_max; } celsius; // memory_max 0: no memory sensor
    unsigned fans;
    struct { unsigned generation, width; } pcie;
    struct { unsigned links, version, mbps; bool wired; } nvlink; // MB/s of one link, one way; wired: active as shipped
    enum ecc ecc;
    enum repair repair;
    unsigned encoders, decoders, jpegs, ofas;
    bool serial;
    unsigned sample_us;     // period of the utilisation samples
    const struct mig_table *mig;
};

// NULL: there is none of that name.
const struct board *board_find(const char *name);
// The i-th board, NULL behind the last.
const struct board *board_at(int i);

static inline bool board_has_energy(const struct board *b) { return b->platform == PLATFORM_BARE && b->arch >= ARCH_VOLTA; }
static inline bool board_has_gpm(const struct board *b) { return b->platform == PLATFORM_BARE && b->arch >= ARCH_HOPPER; }
// Temperature limits as distances (fields 193 to 196): Ada and later.
static inline bool board_has_tlimit(const struct board *b) { return b->platform != PLATFORM_VGPU_GUEST && b->arch >= ARCH_ADA; }
static inline bool board_is_vgpu(const struct board *b) { return b->platform == PLATFORM_VGPU_GUEST; }

const struct mig_profile *mig_profile_find(const struct board *, const char *name);

#endif
