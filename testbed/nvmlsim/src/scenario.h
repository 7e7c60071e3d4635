// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// A scenario as read from its file: which GPUs there are, what they do, what happens to them and when. It never changes once read;
// every reading is a function of it and the time.
#ifndef NVMLSIM_SCENARIO_H
#define NVMLSIM_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>

#include "abi.h"
#include "board.h"
#include "calls.h"
#include "curve.h"

enum { MAX_GPUS = 64, MAX_SLICES = 7, MAX_DRIVERS = 16, MAX_RESETS = 64, MAX_FIELDS = 16 };

// Seconds from start on, again and again with a period. for_s is INFINITY without an end, every 0 without a repetition.
struct window {
    double at, for_s, every;
};

bool window_active(const struct window *, double t);
// How often it began at or before t.
uint64_t window_begun(const struct window *, double t);
// How much of a to b lies within it.
double window_overlap(const struct window *, double a, double b);

struct layout {
    int count; // 0: MIG is off
    const struct mig_profile *profile[MAX_SLICES];
};

struct gpu {
    const struct board *board;
    struct layout layout;
    struct history load;
    struct history slice_load[MAX_SLICES]; // with spans: the slice has a load of its own
    uint64_t memory_low, memory_high;      // bytes in use beside the listed processes, at load 0 and 1
    unsigned limit_w;
    bool ecc;
    bool samples_empty_when_idle;
    unsigned pcie_bits;                    // width of the byte counters
    double pcie_rate[2], pcie_start[2];    // TX, RX; bytes a second at load 1, bytes
    double nvlink_rate[2];
    unsigned nvlinks_active;
    int resets;
    double reset[MAX_RESETS];              // when counters start anew, ascending, reset[0] = 0
    // The weighted load area from the last reset before area_t to area_t: spares calls the integral since t = 0.
    double area_t, area;
};

struct process {
    int gpu;
    unsigned pid;
    enum { PROCESS_COMPUTE, PROCESS_GRAPHICS, PROCESS_MPS } type;
    uint64_t memory;
    double sm, enc, dec;
    int mig; // -1: none
    struct window when;
    char name[128]; // "": what /proc says
};

enum event_kind { EVENT_XID, EVENT_THROTTLE, EVENT_ECC, EVENT_REMAP, EVENT_RETIRE, EVENT_PCIE_REPLAY, EVENT_NVLINK_ERROR,
                  EVENT_LINK_DOWN, EVENT_RECOVERY };

struct event {
    enum event_kind kind;
    uint64_t gpus; // a bit each
    struct window when;
    unsigned code;             // xid; recovery action
    int mig;                   // xid, -1: none
    uint64_t reason;           // throttle: the bits that show
    unsigned reason_index;     // throttle: enum reason
    bool uncorrected;          // ecc, remap, retire
    bool sram;                 // ecc
    bool pending, failure;     // remap, retire
    uint64_t count;
    unsigned link;
    unsigned error;            // nvlink: NVML_NVLINK_ERROR_*
};

enum reason { REASON_SW_POWER_CAP, REASON_HW_SLOWDOWN, REASON_SYNC_BOOST, REASON_SW_THERMAL, REASON_HW_THERMAL,
              REASON_HW_POWER_BRAKE, REASON_COUNT };

enum fault_kind { FAULT_LIBRARY_ABSENT, FAULT_INIT_FAILS, FAULT_VERSION_MISMATCH, FAULT_GPU_LOST, FAULT_GPU_BACK, FAULT_GPU_RESET,
                  FAULT_HOTPLUG, FAULT_CALL_HANGS, FAULT_CALL_SLOW, FAULT_CALL_FAILS, FAULT_NOT_SUPPORTED, FAULT_UNKNOWN_ERROR,
                  FAULT_GARBAGE, FAULT_MIG_CHANGE, FAULT_EVENT_STORM, FAULT_KINDS };

enum garbage { GARBAGE_UTILIZATION = 1 << 0, GARBAGE_POWER = 1 << 1, GARBAGE_TEMPERATURE = 1 << 2, GARBAGE_ENERGY = 1 << 3,
               GARBAGE_MEMORY = 1 << 4, GARBAGE_PROCESSES = 1 << 5, GARBAGE_STRINGS = 1 << 6, GARBAGE_FIELDS = 1 << 7,
               GARBAGE_CLOCKS = 1 << 8, GARBAGE_ECC = 1 << 9, GARBAGE_SAMPLES = 1 << 10, GARBAGE_ALL = (1 << 11) - 1 };

struct fault {
    enum fault_kind kind;
    uint64_t gpus;
    bool every_gpu;              // no gpu= was given
    struct window when;
    bool call[CALL_COUNT];       // which calls it means
    bool names_calls;
    int fields;
    unsigned field[MAX_FIELDS];
    bool driver_wide;            // scope=all
    bool reinit;                 // back=reinit, seen=reinit
    bool set_waits_on;           // wait=timeout
    nvmlReturn_t code;
    double seconds, rate;
    unsigned xid;
    bool clock_events;
    unsigned garbage;
    struct layout layout;
};

struct driver {
    double from;
    char version[80];
};

struct scenario {
    char *path;
    double epoch; // unix seconds
    bool fixed;
    double fixed_t;
    int drivers;
    struct driver driver[MAX_DRIVERS];
    unsigned cuda; // 1000 major + 10 minor
    unsigned latency_us[CALL_COUNT];
    int gpus;
    struct gpu gpu[MAX_GPUS];
    int processes, events, faults, curves;
    struct process *process;
    struct event *event;
    struct fault *fault;
    struct curve **curve;
    _Atomic int64_t holders; // snapshot.c
};

// Reads the file, which was last modified at mtime (unix seconds). NULL: it said on stderr what is wrong.
struct scenario *scenario_read(const char *path, double mtime);
void scenario_free(struct scenario *);

const char *scenario_driver(const struct scenario *, double t);
// The driver in force at t, counted from 0.
int scenario_driver_number(const struct scenario *, double t);

#endif
