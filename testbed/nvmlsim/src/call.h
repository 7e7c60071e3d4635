// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// What every exported call begins and ends with: whether NVML may be called at all, the scenario and the time that it answers from,
// the device that it is about, and the faults that keep it, slow it or make it fail.
#ifndef NVMLSIM_CALL_H
#define NVMLSIM_CALL_H

#include "devices.h"
#include "scenario.h"

struct call {
    const struct scenario *s;
    double now;              // as the clock says: for faults and events
    double t;                // the same, but 0 before the epoch: for readings
    enum call_id id;
    int gpu, slice;          // -1: none; slice is WHOLE_GPU for a GPU
    const struct gpu *g;
    const struct board *b;
    const struct layout *layout;
    unsigned garbage;
};

nvmlReturn_t call_begin(struct call *, enum call_id);
nvmlReturn_t call_begin_device(struct call *, enum call_id, nvmlDevice_t);
// For a call that found out only now which GPU it is about.
nvmlReturn_t call_about(struct call *, int gpu);
// Waits while a fault keeps or slows the call; for calls that do not begin with one of the above.
void call_wait(struct call *);
// Spends the call's latency and gives the scenario back. A call that did not begin ends as well.
void call_end(struct call *);

#define BEGIN(id)                                                     \
    struct call c __attribute__((cleanup(call_end)));                 \
    do {                                                              \
        nvmlReturn_t begun_ = call_begin(&c, id);                    \
        if (begun_ != NVML_SUCCESS) {                                 \
            return begun_;                                            \
        }                                                             \
    } while (0)

#define BEGIN_DEVICE(id, device)                                      \
    struct call c __attribute__((cleanup(call_end)));                 \
    do {                                                              \
        nvmlReturn_t begun_ = call_begin_device(&c, id, device); \
        if (begun_ != NVML_SUCCESS) {                                 \
            return begun_;                                            \
        }                                                             \
    } while (0)

#define NEED(condition)                                               \
    do {                                                              \
        if (!(condition)) {                                           \
            return NVML_ERROR_INVALID_ARGUMENT;                       \
        }                                                             \
    } while (0)

#define NEED_SUPPORT(condition)                                       \
    do {                                                              \
        if (!(condition)) {                                           \
            return NVML_ERROR_NOT_SUPPORTED;                          \
        }                                                             \
    } while (0)

// A reading of the whole board: MIG devices do not have it.
#define NEED_WHOLE_GPU() NEED_SUPPORT(c.slice == WHOLE_GPU)

// Writes text to a caller's buffer, or garbage. The buffer must hold it with its NUL.
nvmlReturn_t call_text(const struct call *, char *buffer, unsigned length, const char *text);

// Sleeps, but at most 20 ms, and then answers from the scenario and the time as they are by then.
void call_doze(struct call *, double seconds);
// The same for who waits for an interrupt in a real driver, at most 100 ms: 50 looks a second are a cost that the real wait has not.
void call_rest(struct call *, double seconds);
double monotonic_s(void);

#endif
