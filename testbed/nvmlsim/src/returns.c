// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

#include "returns.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *text;
    nvmlReturn_t code;
} returns[] = {
    {"SUCCESS", "Success", NVML_SUCCESS},
    {"UNINITIALIZED", "Uninitialized", NVML_ERROR_UNINITIALIZED},
    {"INVALID_ARGUMENT", "Invalid Argument", NVML_ERROR_INVALID_ARGUMENT},
    {"NOT_SUPPORTED", "Not Supported", NVML_ERROR_NOT_SUPPORTED},
    {"NO_PERMISSION", "Insufficient Permissions", NVML_ERROR_NO_PERMISSION},
    {"ALREADY_INITIALIZED", "Already Initialized", NVML_ERROR_ALREADY_INITIALIZED},
    {"NOT_FOUND", "Not Found", NVML_ERROR_NOT_FOUND},
    {"INSUFFICIENT_SIZE", "Insufficient Size", NVML_ERROR_INSUFFICIENT_SIZE},
    {"INSUFFICIENT_POWER", "Insufficient External Power", NVML_ERROR_INSUFFICIENT_POWER},
    {"DRIVER_NOT_LOADED", "Driver Not Loaded", NVML_ERROR_DRIVER_NOT_LOADED},
    {"TIMEOUT", "Timeout", NVML_ERROR_TIMEOUT},
    {"IRQ_ISSUE", "Interrupt Request Issue", NVML_ERROR_IRQ_ISSUE},
    {"LIBRARY_NOT_FOUND", "NVML Shared Library Not Found", NVML_ERROR_LIBRARY_NOT_FOUND},
    {"FUNCTION_NOT_FOUND", "Function Not Found", NVML_ERROR_FUNCTION_NOT_FOUND},
    {"CORRUPTED_INFOROM", "Corrupted infoROM", NVML_ERROR_CORRUPTED_INFOROM},
    {"GPU_IS_LOST", "GPU is lost", NVML_ERROR_GPU_IS_LOST},
    {"RESET_REQUIRED", "GPU requires reset", NVML_ERROR_RESET_REQUIRED},
    {"OPERATING_SYSTEM", "GPU access blocked by the operating system", NVML_ERROR_OPERATING_SYSTEM},
    {"LIB_RM_VERSION_MISMATCH", "Driver/library version mismatch", NVML_ERROR_LIB_RM_VERSION_MISMATCH},
    {"IN_USE", "In use by another client", NVML_ERROR_IN_USE},
    {"MEMORY", "Insufficient Memory", NVML_ERROR_MEMORY},
    {"NO_DATA", "No data", NVML_ERROR_NO_DATA},
    {"VGPU_ECC_NOT_SUPPORTED", "ECC is not supported on vGPU", NVML_ERROR_VGPU_ECC_NOT_SUPPORTED},
    {"INSUFFICIENT_RESOURCES", "Insufficient Resources", NVML_ERROR_INSUFFICIENT_RESOURCES},
    {"FREQ_NOT_SUPPORTED", "Frequency Not Supported", NVML_ERROR_FREQ_NOT_SUPPORTED},
    {"ARGUMENT_VERSION_MISMATCH", "Argument Version Mismatch", NVML_ERROR_ARGUMENT_VERSION_MISMATCH},
    {"DEPRECATED", "Deprecated", NVML_ERROR_DEPRECATED},
    {"NOT_READY", "Not Ready", NVML_ERROR_NOT_READY},
    {"GPU_NOT_FOUND", "GPU Not Found", NVML_ERROR_GPU_NOT_FOUND},
    {"INVALID_STATE", "Invalid State", NVML_ERROR_INVALID_STATE},
    {"RESET_TYPE_NOT_SUPPORTED", "Reset Type Not Supported", NVML_ERROR_RESET_TYPE_NOT_SUPPORTED},
    {"UNKNOWN", "Unknown Error", NVML_ERROR_UNKNOWN},
};

enum { RETURNS = sizeof returns / sizeof returns[0] };

bool return_named(const char *text, nvmlReturn_t *out) {
    char *end;
    long number = strtol(text, &end, 10);
    for (int i = 0; i < RETURNS; i++) {
        if (strcmp(returns[i].name, text) == 0) {
            *out = returns[i].code;
            return true;
        }
    }
    *out = (nvmlReturn_t)number;
    return end != text && *end == '\0' && number > 0 && number < 1000;
}

const char *return_text(nvmlReturn_t code) {
    for (int i = 0; i < RETURNS; i++) {
        if (returns[i].code == code) {
            return returns[i].text;
        }
    }
    return "Unknown Error";
}
