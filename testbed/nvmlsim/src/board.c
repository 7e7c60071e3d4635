// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "board.h"

#include <string.h>

#include "mig_profiles.h"

// Each board's figures come from what is named with it: NVIDIA's data sheets and architecture white papers, and for clocks, limits,
// usable memory and temperatures the output of nvidia-smi -q on such a board. Full-load temperatures and idle powers depend on the
// machine; typical ones are used.
static const struct board boards[] = {
    {
        // H100 data sheet (SXM5, 700 W, 900 GB/s NVLink); nvidia-smi -q: 81559 MiB, 1980/2619 MHz, 26.562 GB/s a link,
        // shutdown, slowdown and maximum at T.Limit -8, -2 and 0.
        .name = "H100-SXM5-80GB", .product = "NVIDIA H100 80GB HBM3", .vbios = "96.00.89.00.01",
        .arch = ARCH_HOPPER, .brand = BRAND_NVIDIA, .compute_major = 9, .compute_minor = 0, .since = 525,
        .pci_device = 0x233010DE, .pci_subsystem = 0x16C110DE,
        .memory_mib = 81559, .reserved_mib = 551, .bar1_mib = 131072, .bus_width = 5120, .cores = 16896, .multiprocessors = 132,
        .power = {.idle = 70, .standard = 700, .min = 200, .max = 700},
        .sm = {.idle = 345, .base = 1095, .max = 1980}, .memory_clock = {.idle = 2619, .max = 2619}, .video_max = 1545,
        .celsius = {.idle = 29, .full = 72, .gpu_max = 87, .slowdown = 89, .shutdown = 95, .memory_max = 95},
        .pcie = {.generation = 5, .width = 16}, .nvlink = {.links = 18, .version = 4, .mbps = 26562, .wired = true},
        .ecc = ECC_ON, .repair = REPAIR_REMAP_ROWS, .decoders = 7, .jpegs = 7, .ofas = 1,
        .serial = true, .sample_us = 100000, .mig = &mig_h100_80gb,
    },
    {
        // A100 80GB data sheet (SXM4, 400 W, 600 GB/s NVLink); nvidia-smi -q: 81920 MiB, 1410/1593 MHz, 25 GB/s a link, 92/89/85 and 95 C.
        .name = "A100-SXM4-80GB", .product = "NVIDIA A100-SXM4-80GB", .vbios = "92.00.9E.00.05",
        .arch = ARCH_AMPERE, .brand = BRAND_NVIDIA, .compute_major = 8, .compute_minor = 0, .since = 450,
        .pci_device = 0x20B210DE, .pci_subsystem = 0x146310DE,
        .memory_mib = 81920, .reserved_mib = 769, .bar1_mib = 131072, .bus_width = 5120, .cores = 6912, .multiprocessors = 108,
        .power = {.idle = 60, .standard = 400, .min = 100, .max = 400},
        .sm = {.idle = 210, .base = 1275, .max = 1410}, .memory_clock = {.idle = 1593, .max = 1593}, .video_max = 1290,
        .celsius = {.idle = 30, .full = 70, .gpu_max = 85, .slowdown = 89, .shutdown = 92, .memory_max = 95},
        .pcie = {.generation = 4, .width = 16}, .nvlink = {.links = 12, .version = 3, .mbps = 25000, .wired = true},
        .ecc = ECC_ON, .repair = REPAIR_REMAP_ROWS, .decoders = 5, .jpegs = 1, .ofas = 1,
        .serial = true, .sample_us = 166667, .mig = &mig_a100_80gb,
    },
    {
        // A100 40GB data sheet (PCIe, 250 W, NVLink by bridges alone); nvidia-smi -q: 40960 MiB, 1410/1215 MHz, 92/89/85 and 95 C.
        .name = "A100-PCIE-40GB", .product = "NVIDIA A100-PCIE-40GB", .vbios = "92.00.25.00.08",
        .arch = ARCH_AMPERE, .brand = BRAND_NVIDIA, .compute_major = 8, .compute_minor = 0, .since = 450,
        .pci_device = 0x20F110DE, .pci_subsystem = 0x145F10DE,
        .memory_mib = 40960, .reserved_mib = 425, .bar1_mib = 65536, .bus_width = 5120, .cores = 6912, .multiprocessors = 108,
        .power = {.idle = 35, .standard = 250, .min = 150, .max = 250},
        .sm = {.idle = 210, .base = 765, .max = 1410}, .memory_clock = {.idle = 1215, .max = 1215}, .video_max = 1290,
        .celsius = {.idle = 31, .full = 73, .gpu_max = 85, .slowdown = 89, .shutdown = 92, .memory_max = 95},
        .pcie = {.generation = 4, .width = 16}, .nvlink = {.links = 12, .version = 3, .mbps = 25000, .wired = false},
        .ecc = ECC_ON, .repair = REPAIR_REMAP_ROWS, .decoders = 5, .jpegs = 1, .ofas = 1,
        .serial = true, .sample_us = 166667, .mig = &mig_a100_40gb,
    },
    {
        // L4 data sheet (72 W, 24 GB GDDR6, passive, no NVLink, 2 NVENC, 4 NVDEC); nvidia-smi -q: 23034 MiB, 2040/6251 MHz, P8 at idle.
        .name = "L4", .product = "NVIDIA L4", .vbios = "95.04.29.00.06",
        .arch = ARCH_ADA, .brand = BRAND_NVIDIA, .compute_major = 8, .compute_minor = 9, .since = 525,
        .pci_device = 0x27B810DE, .pci_subsystem = 0x16CA10DE,
        .memory_mib = 23034, .reserved_mib = 457, .bar1_mib = 32768, .bus_width = 192, .cores = 7424, .multiprocessors = 58,
        .power = {.idle = 13, .standard = 72, .min = 40, .max = 72},
        .sm = {.idle = 210, .base = 795, .max = 2040}, .memory_clock = {.idle = 405, .max = 6251}, .video_max = 1770, .idle_pstate = 8,
        .celsius = {.idle = 38, .full = 75, .gpu_max = 85, .slowdown = 87, .shutdown = 90},
        .pcie = {.generation = 4, .width = 16},
        .ecc = ECC_ON, .repair = REPAIR_REMAP_ROWS, .encoders = 2, .decoders = 4, .jpegs = 4, .ofas = 1,
        .serial = true, .sample_us = 166667,
    },
    {
        // GeForce RTX 4090 (Ada white paper: 450 W, 24 GB GDDR6X, 16384 cores, 2 NVENC); nvidia-smi -q: 24564 MiB, 3105/10501 MHz,
        // limits 150 to 600 W, ECC off, no serial number, no memory temperature.
        .name = "RTX-4090", .product = "NVIDIA GeForce RTX 4090", .vbios = "95.02.18.80.5F",
        .arch = ARCH_ADA, .brand = BRAND_GEFORCE, .compute_major = 8, .compute_minor = 9, .since = 520,
        .pci_device = 0x268410DE, .pci_subsystem = 0x889510DE,
        .memory_mib = 24564, .reserved_mib = 347, .bar1_mib = 32768, .bus_width = 384, .cores = 16384, .multiprocessors = 128,
        .power = {.idle = 18, .standard = 450, .min = 150, .max = 600},
        .sm = {.idle = 210, .base = 2235, .max = 3105}, .memory_clock = {.idle = 405, .max = 10501}, .video_max = 2415, .idle_pstate = 8,
        .celsius = {.idle = 34, .full = 70, .gpu_max = 84, .slowdown = 88, .shutdown = 91},
        .fans = 2, .pcie = {.generation = 4, .width = 16},
        .ecc = ECC_OFF, .encoders = 2, .decoders = 1, .ofas = 1,
        .sample_us = 166667,
    },
    {
        // RTX A6000 data sheet (300 W, 48 GB GDDR6, NVLink by a bridge, 112.5 GB/s both ways); nvidia-smi -q: 49140 MiB, 2100/8001 MHz,
        // 14.062 GB/s a link, 98/95/93 C, ECC off as shipped.
        .name = "RTX-A6000", .product = "NVIDIA RTX A6000", .vbios = "94.02.5C.00.02",
        .arch = ARCH_AMPERE, .brand = BRAND_NVIDIA_RTX, .compute_major = 8, .compute_minor = 6, .since = 455,
        .pci_device = 0x223010DE, .pci_subsystem = 0x145910DE,
        .memory_mib = 49140, .reserved_mib = 454, .bar1_mib = 65536, .bus_width = 384, .cores = 10752, .multiprocessors = 84,
        .power = {.idle = 22, .standard = 300, .min = 100, .max = 300},
        .sm = {.idle = 210, .base = 1410, .max = 2100}, .memory_clock = {.idle = 405, .max = 8001}, .video_max = 1950, .idle_pstate = 8,
        .celsius = {.idle = 33, .full = 80, .gpu_max = 93, .slowdown = 95, .shutdown = 98},
        .fans = 1, .pcie = {.generation = 4, .width = 16}, .nvlink = {.links = 4, .version = 3, .mbps = 14062, .wired = false},
        .ecc = ECC_OFF, .repair = REPAIR_REMAP_ROWS, .encoders = 1, .decoders = 2, .ofas = 1,
        .serial = true, .sample_us = 166667,
    },
    {
        // T4 data sheet (70 W, 16 GB GDDR6, passive); nvidia-smi -q: 15360 MiB, 1590/5001 MHz, limits 60 to 70 W, 96/93/85 C.
        .name = "T4", .product = "Tesla T4", .vbios = "90.04.96.00.9F",
        .arch = ARCH_TURING, .brand = BRAND_NVIDIA, .compute_major = 7, .compute_minor = 5, .since = 410,
        .pci_device = 0x1EB810DE, .pci_subsystem = 0x12A210DE,
        .memory_mib = 15360, .reserved_mib = 443, .bar1_mib = 256, .bus_width = 256, .cores = 2560, .multiprocessors = 40,
        .power = {.idle = 10, .standard = 70, .min = 60, .max = 70},
        .sm = {.idle = 300, .base = 585, .max = 1590}, .memory_clock = {.idle = 405, .max = 5001}, .video_max = 1470, .idle_pstate = 8,
        .celsius = {.idle = 36, .full = 76, .gpu_max = 85, .slowdown = 93, .shutdown = 96},
        .pcie = {.generation = 3, .width = 16},
        .ecc = ECC_ON, .repair = REPAIR_RETIRE_PAGES, .encoders = 1, .decoders = 2, .jpegs = 1,
        .serial = true, .sample_us = 166667,
    },
    {
        // V100 data sheet (SXM2, 300 W, 32 GB HBM2, 300 GB/s NVLink); nvidia-smi -q: 32768 MiB, 1530/877 MHz, 25.781 GB/s a link,
        // 90/87/83 and 85 C.
        .name = "V100", .product = "Tesla V100-SXM2-32GB", .vbios = "88.00.80.00.01",
        .arch = ARCH_VOLTA, .brand = BRAND_TESLA, .compute_major = 7, .compute_minor = 0, .since = 390,
        .pci_device = 0x1DB510DE, .pci_subsystem = 0x124910DE,
        .memory_mib = 32768, .reserved_mib = 268, .bar1_mib = 32768, .bus_width = 4096, .cores = 5120, .multiprocessors = 80,
        .power = {.idle = 42, .standard = 300, .min = 150, .max = 300},
        .sm = {.idle = 135, .base = 1290, .max = 1530}, .memory_clock = {.idle = 877, .max = 877}, .video_max = 1372,
        .celsius = {.idle = 33, .full = 68, .gpu_max = 83, .slowdown = 87, .shutdown = 90, .memory_max = 85},
        .pcie = {.generation = 3, .width = 16}, .nvlink = {.links = 6, .version = 2, .mbps = 25781, .wired = true},
        .ecc = ECC_ON, .repair = REPAIR_RETIRE_PAGES, .encoders = 3, .decoders = 1,
        .serial = true, .sample_us = 166667,
    },
    {
        // P100 data sheet (SXM2, 300 W, 16 GB HBM2, NVLink 1 at 20 GB/s a link); nvidia-smi -q: 16384 MiB, 1480/715 MHz, 85/82 C.
        // Before Volta: no energy counter.
        .name = "P100", .product = "Tesla P100-SXM2-16GB", .vbios = "86.00.52.00.02",
        .arch = ARCH_PASCAL, .brand = BRAND_TESLA, .compute_major = 6, .compute_minor = 0, .since = 367,
        .pci_device = 0x15F910DE, .pci_subsystem = 0x116B10DE,
        .memory_mib = 16384, .reserved_mib = 104, .bar1_mib = 16384, .bus_width = 4096, .cores = 3584, .multiprocessors = 56,
        .power = {.idle = 32, .standard = 300, .min = 150, .max = 300},
        .sm = {.idle = 405, .base = 1328, .max = 1480}, .memory_clock = {.idle = 715, .max = 715}, .video_max = 1328,
        .celsius = {.idle = 34, .full = 66, .gpu_max = 80, .slowdown = 82, .shutdown = 85},
        .pcie = {.generation = 3, .width = 16}, .nvlink = {.links = 4, .version = 1, .mbps = 20000, .wired = true},
        .ecc = ECC_ON, .repair = REPAIR_RETIRE_PAGES, .encoders = 3, .decoders = 1,
        .serial = true, .sample_us = 166667,
    },
    {
        // B200 data sheet (1000 W, 180 GB HBM3e, 1.8 TB/s NVLink 5); nvidia-smi -q: 183359 MiB, 1965/3996 MHz, 53.125 GB/s a link.
        .name = "B200", .product = "NVIDIA B200", .vbios = "97.00.82.00.18",
        .arch = ARCH_BLACKWELL, .brand = BRAND_NVIDIA, .compute_major = 10, .compute_minor = 0, .since = 570,
        .pci_device = 0x290110DE, .pci_subsystem = 0x199910DE,
        .memory_mib = 183359, .reserved_mib = 719, .bar1_mib = 262144, .bus_width = 8192, .cores = 18944, .multiprocessors = 148,
        .power = {.idle = 140, .standard = 1000, .min = 200, .max = 1000},
        .sm = {.idle = 120, .base = 1095, .max = 1965}, .memory_clock = {.idle = 3996, .max = 3996}, .video_max = 1965,
        .celsius = {.idle = 30, .full = 75, .gpu_max = 90, .slowdown = 92, .shutdown = 98, .memory_max = 105},
        .pcie = {.generation = 5, .width = 16}, .nvlink = {.links = 18, .version = 5, .mbps = 53125, .wired = true},
        .ecc = ECC_ON, .repair = REPAIR_REMAP_ROWS, .decoders = 7, .jpegs = 7, .ofas = 1,
        .serial = true, .sample_us = 100000, .mig = &mig_b200_180gb,
    },
    {
        // A vGPU in a virtual machine, half an A100 80GB for compute (vGPU software guide: profile A100D-40C). The guest sees no
        // sensors, limits, links, error counters or events of the board.
        .name = "A100D-40C-vGPU", .product = "GRID A100D-40C", .vbios = "00.00.00.00.00", .platform = PLATFORM_VGPU_GUEST,
        .arch = ARCH_AMPERE, .brand = BRAND_VCS, .compute_major = 8, .compute_minor = 0, .since = 450,
        .pci_device = 0x20B510DE, .pci_subsystem = 0x15AC10DE,
        .memory_mib = 40960, .reserved_mib = 2560, .bar1_mib = 4096, .bus_width = 5120, .cores = 6912, .multiprocessors = 108,
        .power = {.idle = 35, .standard = 300, .min = 150, .max = 300},
        .sm = {.idle = 210, .base = 1065, .max = 1410}, .memory_clock = {.idle = 1512, .max = 1512}, .video_max = 1275,
        .pcie = {.generation = 4, .width = 16}, .decoders = 5, .jpegs = 1, .ofas = 1,
        .sample_us = 166667,
    },
    {
        // A GeForce RTX 4090 seen from Linux under WSL 2 (CUDA on WSL user guide, known limitations): no state that can be changed
        // (ECC, compute and persistence mode), no process utilisation, no memory of single processes.
        .name = "RTX-4090-WSL2", .product = "NVIDIA GeForce RTX 4090", .vbios = "95.02.18.80.5F", .platform = PLATFORM_WSL,
        .arch = ARCH_ADA, .brand = BRAND_GEFORCE, .compute_major = 8, .compute_minor = 9, .since = 520,
        .pci_device = 0x268410DE, .pci_subsystem = 0x889510DE,
        .memory_mib = 24564, .reserved_mib = 347, .bar1_mib = 32768, .bus_width = 384, .cores = 16384, .multiprocessors = 128,
        .power = {.idle = 18, .standard = 450, .min = 150, .max = 600},
        .sm = {.idle = 210, .base = 2235, .max = 3105}, .memory_clock = {.idle = 405, .max = 10501}, .video_max = 2415, .idle_pstate = 8,
        .celsius = {.idle = 34, .full = 70, .gpu_max = 84, .slowdown = 88, .shutdown = 91},
        .fans = 2, .pcie = {.generation = 4, .width = 16},
        .encoders = 2, .decoders = 1, .ofas = 1,
        .sample_us = 166667,
    },
};

enum { BOARDS = sizeof(boards) / sizeof(boards[0]) };

const struct board *board_at(int i) {
    return i >= 0 && i < BOARDS ? &boards[i] : NULL;
}

const struct board *board_find(const char *name) {
    for (int i = 0; i < BOARDS; i++) {
        if (strcmp(boards[i].name, name) == 0) {
            return &boards[i];
        }
    }
    return NULL;
}

const struct mig_profile *mig_profile_find(const struct board *b, const char *name) {
    for (int i = 0; b->mig != NULL && i < b->mig->count; i++) {
        if (strcmp(b->mig->profile[i].name, name) == 0) {
            return &b->mig->profile[i];
        }
    }
    return NULL;
}
