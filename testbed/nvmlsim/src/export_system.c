// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// Starting and stopping, versions, process names.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "activity.h"
#include "call.h"
#include "faults.h"
#include "library.h"
#include "returns.h"
#include "snapshot.h"

// By which a program tells this library from a real one.
#ifdef NVMLSIM_OLD
EXPORT const char *const inferwatch_nvmlsim = "nvmlsim 1 old";
#else
EXPORT const char *const inferwatch_nvmlsim = "nvmlsim 1";
#endif

static nvmlReturn_t init_result(struct call *c) {
    if (fault_active(c->s, FAULT_LIBRARY_ABSENT, -1, c->now) != NULL) {
        return NVML_ERROR_LIBRARY_NOT_FOUND;
    }
    const struct fault *fails = fault_active(c->s, FAULT_INIT_FAILS, -1, c->now);
    if (fails != NULL) {
        return fails->code;
    }
    if (library_mismatched(c->s, c->now)) {
        return NVML_ERROR_LIB_RM_VERSION_MISMATCH;
    }
    return fault_return(c->s, c->id, -1, c->now);
}

static nvmlReturn_t init(enum call_id id) {
    struct call c __attribute__((cleanup(call_end))) = {.id = id, .gpu = -1, .slice = WHOLE_GPU};
    if (!snapshot_open()) {
        return NVML_ERROR_DRIVER_NOT_LOADED;
    }
    c.s = snapshot_acquire();
    c.now = scenario_now(c.s);
    c.t = fmax(0, c.now);
    call_wait(&c);
    nvmlReturn_t result = init_result(&c);
    if (result == NVML_SUCCESS) {
        library_enter(c.s, c.now);
    }
    return result;
}

EXPORT nvmlReturn_t nvmlInit(void) {
    return init(CALL_Init);
}

EXPORT nvmlReturn_t nvmlInit_v2(void) {
    return init(CALL_Init_v2);
}

EXPORT nvmlReturn_t nvmlInitWithFlags(unsigned flags) {
    (void)flags; // both of NVML's flags are about failing without GPUs or attaching to them
    return init(CALL_InitWithFlags);
}

EXPORT nvmlReturn_t nvmlShutdown(void) {
    BEGIN(CALL_Shutdown);
    return library_leave() ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

EXPORT const char *nvmlErrorString(nvmlReturn_t code) {
    return return_text(code);
}

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length) {
    BEGIN(CALL_SystemGetDriverVersion);
    return call_text(&c, version, length, scenario_driver(c.s, c.t));
}

EXPORT nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned length) {
    char text[96];
    BEGIN(CALL_SystemGetNVMLVersion);
    (void)snprintf(text, sizeof text, "%u.%s", c.s->cuda / 1000, scenario_driver(c.s, c.t));
    return call_text(&c, version, length, text);
}

static nvmlReturn_t cuda_version(enum call_id id, int *version) {
    BEGIN(id);
    NEED(version != NULL);
    *version = (int)c.s->cuda;
    return NVML_SUCCESS;
}

EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version) {
    return cuda_version(CALL_SystemGetCudaDriverVersion, version);
}

EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) {
    return cuda_version(CALL_SystemGetCudaDriverVersion_v2, version);
}

// The name that the scenario gives the process; NULL: none.
static const char *scenario_process_name(const struct call *c, unsigned pid) {
    for (int i = 0; i < c->s->processes; i++) {
        const struct process *p = &c->s->process[i];
        if (p->pid == pid && p->name[0] != '\0' && window_active(&p->when, c->t)) {
            return p->name;
        }
    }
    return NULL;
}

// The first argument of the process, as NVML gives it. False: there is no such process.
static bool proc_name(unsigned pid, char *out, size_t size) {
    char path[40];
    (void)snprintf(path, sizeof path, "/proc/%u/cmdline", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    size_t read = fread(out, 1, size - 1, file);
    (void)fclose(file);
    out[read] = '\0';
    return read > 0;
}

EXPORT nvmlReturn_t nvmlSystemGetProcessName(unsigned pid, char *name, unsigned length) {
    char text[1024];
    BEGIN(CALL_SystemGetProcessName);
    NEED(name != NULL && length > 0);
    const char *given = scenario_process_name(&c, pid);
    if (given == NULL && !proc_name(pid, text, sizeof text)) {
        return NVML_ERROR_NOT_FOUND;
    }
    // Names are cut to the buffer, unlike other strings.
    (void)snprintf(name, length, "%s", given != NULL ? given : text);
    return NVML_SUCCESS;
}
