// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// What this process did with the library: whether nvmlInit was called, when, and under which driver the library was loaded.
#ifndef NVMLSIM_LIBRARY_H
#define NVMLSIM_LIBRARY_H

#include <stdbool.h>

#include "scenario.h"

// One more nvmlInit at t.
void library_enter(const struct scenario *, double t);
// One less; false: there was none.
bool library_leave(void);
bool library_initialized(void);
// When the last nvmlInit that was not nested in another came, as unix seconds.
double library_since(void);
// Whether the driver and the library of this process differ at t; once they do, they do to the end.
bool library_mismatched(const struct scenario *, double t);

#endif
