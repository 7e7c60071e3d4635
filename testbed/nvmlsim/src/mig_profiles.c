// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// What boards can be divided into: NVIDIA's MIG user guide (profiles, engines), nvidia-smi mig -lgip (ids, memory, multiprocessors);
// for the B200 the figures of go-nvml's mock of it.
#include "mig_profiles.h"

enum { P1 = 0, P2 = 1, P3 = 2, P4 = 3, P7 = 4, P1_ME = 7, P1_LARGE = 9 };

#define TABLE(profiles) {.count = sizeof(profiles) / sizeof((profiles)[0]), .profile = (profiles)}

// name, index, id; slices, memory slices; instances, multiprocessors, copy engines, decoders, JPEG, OFA; MiB
static const struct mig_profile a100_40gb[] = {
    {"1g.5gb", P1, 19, 1, 1, 7, 14, 1, 0, 0, 0, 4864},      {"1g.5gb+me", P1_ME, 20, 1, 1, 1, 14, 1, 1, 1, 1, 4864},
    {"1g.10gb", P1_LARGE, 15, 1, 2, 4, 14, 1, 1, 0, 0, 9984}, {"2g.10gb", P2, 14, 2, 2, 3, 28, 2, 1, 0, 0, 9984},
    {"3g.20gb", P3, 9, 3, 4, 2, 42, 3, 2, 0, 0, 20096},     {"4g.20gb", P4, 5, 4, 4, 1, 56, 4, 2, 0, 0, 20096},
    {"7g.40gb", P7, 0, 7, 8, 1, 98, 7, 5, 1, 1, 40192},
};
static const struct mig_profile a100_80gb[] = {
    {"1g.10gb", P1, 19, 1, 1, 7, 14, 1, 0, 0, 0, 9728},     {"1g.10gb+me", P1_ME, 20, 1, 1, 1, 14, 1, 1, 1, 1, 9728},
    {"1g.20gb", P1_LARGE, 15, 1, 2, 4, 14, 1, 1, 0, 0, 19968}, {"2g.20gb", P2, 14, 2, 2, 3, 28, 2, 1, 0, 0, 19968},
    {"3g.40gb", P3, 9, 3, 4, 2, 42, 3, 2, 0, 0, 40192},     {"4g.40gb", P4, 5, 4, 4, 1, 56, 4, 2, 0, 0, 40192},
    {"7g.80gb", P7, 0, 7, 8, 1, 98, 7, 5, 1, 1, 80640},
};
static const struct mig_profile h100_80gb[] = {
    {"1g.10gb", P1, 19, 1, 1, 7, 16, 1, 1, 1, 0, 9984},     {"1g.10gb+me", P1_ME, 20, 1, 1, 1, 16, 1, 1, 1, 1, 9984},
    {"1g.20gb", P1_LARGE, 15, 1, 2, 4, 26, 1, 1, 1, 0, 20096}, {"2g.20gb", P2, 14, 2, 2, 3, 32, 2, 2, 2, 0, 20096},
    {"3g.40gb", P3, 9, 3, 4, 2, 60, 3, 3, 3, 0, 40448},     {"4g.40gb", P4, 5, 4, 4, 1, 64, 4, 4, 4, 0, 40448},
    {"7g.80gb", P7, 0, 7, 8, 1, 132, 8, 7, 7, 1, 81152},
};
static const struct mig_profile b200_180gb[] = {
    {"1g.23gb", P1, 19, 1, 1, 7, 18, 1, 1, 0, 0, 23552},    {"1g.23gb+me", P1_ME, 20, 1, 1, 1, 18, 1, 1, 1, 1, 23552},
    {"1g.45gb", P1_LARGE, 15, 1, 2, 4, 18, 1, 1, 0, 0, 46080}, {"2g.45gb", P2, 14, 2, 2, 3, 36, 2, 2, 1, 0, 46080},
    {"3g.90gb", P3, 9, 3, 4, 2, 54, 3, 3, 2, 0, 92160},     {"4g.90gb", P4, 5, 4, 4, 1, 72, 4, 4, 2, 0, 92160},
    {"7g.180gb", P7, 0, 7, 8, 1, 126, 7, 7, 4, 1, 184320},
};

const struct mig_table mig_a100_40gb = TABLE(a100_40gb);
const struct mig_table mig_a100_80gb = TABLE(a100_80gb);
const struct mig_table mig_h100_80gb = TABLE(h100_80gb);
const struct mig_table mig_b200_180gb = TABLE(b200_180gb);
