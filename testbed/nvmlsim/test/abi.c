// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Prints sizes, offsets and numbers: compiled once with our header (OWN), once with NVIDIA's, the outputs must not differ.
#include <stddef.h>
#include <stdio.h>
#ifdef OWN
#include "abi.h"
#endif

#define SIZE(type) (void)printf("sizeof %s %zu\n", #type, sizeof(type));
#define AT(type, field) (void)printf("offsetof %s.%s %zu\n", #type, #field, offsetof(type, field));
#define NUMBER(name) (void)printf("%s %lld\n", #name, (long long)(name));

int main(void) {
#include "abi.def"
    return 0;
}
