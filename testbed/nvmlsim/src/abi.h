// Copyright The inferwatch Authors
// SPDX-License-Identifier: Apache-2.0

// The binary interface of NVML: names, numbers and layouts as callers compiled against NVIDIA's nvml.h expect them. Only what this
// library answers is here. test/abi.c compares every layout with the real header.
#ifndef NVMLSIM_ABI_H
#define NVMLSIM_ABI_H

#include <stddef.h>

#ifdef NVMLSIM_OLD
// A function that the 450 branch does not export: hidden like everything else.
#define LATER
#else
#define LATER __attribute__((visibility("default")))
#endif
#define EXPORT __attribute__((visibility("default")))

typedef enum {
    NVML_SUCCESS = 0,
    NVML_ERROR_UNINITIALIZED = 1,
    NVML_ERROR_INVALID_ARGUMENT = 2,
    NVML_ERROR_NOT_SUPPORTED = 3,
    NVML_ERROR_NO_PERMISSION = 4,
    NVML_ERROR_ALREADY_INITIALIZED = 5,
    NVML_ERROR_NOT_FOUND = 6,
    NVML_ERROR_INSUFFICIENT_SIZE = 7,
    NVML_ERROR_INSUFFICIENT_POWER = 8,
    NVML_ERROR_DRIVER_NOT_LOADED = 9,
    NVML_ERROR_TIMEOUT = 10,
    NVML_ERROR_IRQ_ISSUE = 11,
    NVML_ERROR_LIBRARY_NOT_FOUND = 12,
    NVML_ERROR_FUNCTION_NOT_FOUND = 13,
    NVML_ERROR_CORRUPTED_INFOROM = 14,
    NVML_ERROR_GPU_IS_LOST = 15,
    NVML_ERROR_RESET_REQUIRED = 16,
    NVML_ERROR_OPERATING_SYSTEM = 17,
    NVML_ERROR_LIB_RM_VERSION_MISMATCH = 18,
    NVML_ERROR_IN_USE = 19,
    NVML_ERROR_MEMORY = 20,
    NVML_ERROR_NO_DATA = 21,
    NVML_ERROR_VGPU_ECC_NOT_SUPPORTED = 22,
    NVML_ERROR_INSUFFICIENT_RESOURCES = 23,
    NVML_ERROR_FREQ_NOT_SUPPORTED = 24,
    NVML_ERROR_ARGUMENT_VERSION_MISMATCH = 25,
    NVML_ERROR_DEPRECATED = 26,
    NVML_ERROR_NOT_READY = 27,
    NVML_ERROR_GPU_NOT_FOUND = 28,
    NVML_ERROR_INVALID_STATE = 29,
    NVML_ERROR_RESET_TYPE_NOT_SUPPORTED = 30,
    NVML_ERROR_UNKNOWN = 999
} nvmlReturn_t;

typedef struct nvmlDevice_st *nvmlDevice_t;
typedef struct nvmlGpuInstance_st *nvmlGpuInstance_t;
typedef struct nvmlEventSet_st *nvmlEventSet_t;
typedef struct nvmlGpmSample_st *nvmlGpmSample_t;

#define NVML_VALUE_NOT_AVAILABLE_64 0xFFFFFFFFFFFFFFFFULL
#define NVML_NO_INSTANCE 0xFFFFFFFFU
#define NVML_NVLINK_MAX_LINKS 36

// The version word of a versioned struct: its size, and its number in the top byte.
#define VERSION_OF(type, number) ((unsigned)sizeof(type) | ((unsigned)(number) << 24))

#define ABI_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " must have " #size " bytes")
#define ABI_AT(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field " must be at " #offset)

typedef struct {
    char busIdLegacy[16];
    unsigned domain, bus, device, pciDeviceId;
    unsigned pciSubSystemId;
    char busId[32];
} nvmlPciInfo_t;
ABI_SIZE(nvmlPciInfo_t, 68);
ABI_AT(nvmlPciInfo_t, busId, 36);

// What the older forms of nvmlDeviceGetPciInfo fill: without a suffix up to the device id, _v2 with the subsystem id and four words
// that were reserved.
#define PCI_INFO_V1_SIZE offsetof(nvmlPciInfo_t, pciSubSystemId)
#define PCI_INFO_V2_SIZE 52

typedef struct {
    unsigned gpu, memory;
} nvmlUtilization_t;
ABI_SIZE(nvmlUtilization_t, 8);

typedef struct {
    unsigned long long total, free, used;
} nvmlMemory_t;
ABI_SIZE(nvmlMemory_t, 24);

typedef struct {
    unsigned version;
    unsigned long long total, reserved, free, used;
} nvmlMemory_v2_t;
ABI_SIZE(nvmlMemory_v2_t, 40);
_Static_assert(VERSION_OF(nvmlMemory_v2_t, 2) == 0x02000028, "version of nvmlMemory_v2_t");

typedef struct {
    unsigned long long bar1Total, bar1Free, bar1Used;
} nvmlBAR1Memory_t;
ABI_SIZE(nvmlBAR1Memory_t, 24);

typedef struct {
    unsigned pid;
    unsigned long long usedGpuMemory;
} nvmlProcessInfo_v1_t;
ABI_SIZE(nvmlProcessInfo_v1_t, 16);

typedef struct {
    unsigned pid;
    unsigned long long usedGpuMemory;
    unsigned gpuInstanceId, computeInstanceId;
} nvmlProcessInfo_v2_t;
ABI_SIZE(nvmlProcessInfo_v2_t, 24);
ABI_AT(nvmlProcessInfo_v2_t, gpuInstanceId, 16);

typedef struct {
    unsigned pid;
    unsigned long long timeStamp;
    unsigned smUtil, memUtil, encUtil, decUtil;
} nvmlProcessUtilizationSample_t;
ABI_SIZE(nvmlProcessUtilizationSample_t, 32);
ABI_AT(nvmlProcessUtilizationSample_t, smUtil, 16);

typedef enum {
    NVML_VALUE_TYPE_DOUBLE = 0,
    NVML_VALUE_TYPE_UNSIGNED_INT = 1,
    NVML_VALUE_TYPE_UNSIGNED_LONG = 2,
    NVML_VALUE_TYPE_UNSIGNED_LONG_LONG = 3,
    NVML_VALUE_TYPE_SIGNED_LONG_LONG = 4,
    NVML_VALUE_TYPE_SIGNED_INT = 5,
    NVML_VALUE_TYPE_UNSIGNED_SHORT = 6
} nvmlValueType_t;

typedef union {
    double dVal;
    int siVal;
    unsigned uiVal;
    unsigned long ulVal;
    unsigned long long ullVal;
    long long sllVal;
    unsigned short usVal;
} nvmlValue_t;
ABI_SIZE(nvmlValue_t, 8);

typedef struct {
    unsigned long long timeStamp; // microseconds since 1970
    nvmlValue_t sampleValue;
} nvmlSample_t;
ABI_SIZE(nvmlSample_t, 16);

typedef struct {
    unsigned fieldId, scopeId;
    long long timestamp, latencyUsec;
    nvmlValueType_t valueType;
    nvmlReturn_t nvmlReturn;
    nvmlValue_t value;
} nvmlFieldValue_t;
ABI_SIZE(nvmlFieldValue_t, 40);
ABI_AT(nvmlFieldValue_t, value, 32);

typedef struct {
    nvmlDevice_t device;
    unsigned long long eventType, eventData;
    unsigned gpuInstanceId, computeInstanceId;
} nvmlEventData_t;
ABI_SIZE(nvmlEventData_t, 32);
ABI_AT(nvmlEventData_t, gpuInstanceId, 24);
// What nvmlEventSetWait without a suffix fills: callers that were built for it have no instance ids.
#define EVENT_DATA_V1_SIZE offsetof(nvmlEventData_t, gpuInstanceId)

typedef struct {
    unsigned multiprocessorCount, sharedCopyEngineCount, sharedDecoderCount, sharedEncoderCount, sharedJpegCount, sharedOfaCount;
    unsigned gpuInstanceSliceCount, computeInstanceSliceCount;
    unsigned long long memorySizeMB;
} nvmlDeviceAttributes_t;
ABI_SIZE(nvmlDeviceAttributes_t, 40);
// nvmlDeviceGetAttributes without a suffix ends before the slice counts (nvml.h 11.0).
#define ATTRIBUTES_V1_SIZE offsetof(nvmlDeviceAttributes_t, gpuInstanceSliceCount)

typedef struct {
    unsigned max, high, partial, low, none;
} nvmlRowRemapperHistogramValues_t;
ABI_SIZE(nvmlRowRemapperHistogramValues_t, 20);

typedef struct {
    unsigned version;
    unsigned long long aggregateUncParity, aggregateUncSecDed, aggregateCor;
    unsigned long long volatileUncParity, volatileUncSecDed, volatileCor;
    unsigned long long aggregateUncBucketL2, aggregateUncBucketSm, aggregateUncBucketPcie, aggregateUncBucketMcu;
    unsigned long long aggregateUncBucketOther;
    unsigned bThresholdExceeded;
} nvmlEccSramErrorStatus_v1_t;
ABI_SIZE(nvmlEccSramErrorStatus_v1_t, 104);

typedef struct {
    unsigned version;
    unsigned sensorType;
    int temperature;
} nvmlTemperature_v1_t;
ABI_SIZE(nvmlTemperature_v1_t, 12);

typedef struct {
    unsigned version;
    int marginTemperature;
} nvmlMarginTemperature_v1_t;
ABI_SIZE(nvmlMarginTemperature_v1_t, 8);

typedef struct {
    unsigned long long referenceTime, violationTime; // microseconds, nanoseconds
} nvmlViolationTime_t;
ABI_SIZE(nvmlViolationTime_t, 16);

typedef struct {
    unsigned start, size;
} nvmlGpuInstancePlacement_t;
ABI_SIZE(nvmlGpuInstancePlacement_t, 8);

typedef struct {
    unsigned id, isP2pSupported, sliceCount, instanceCount, multiprocessorCount, copyEngineCount, decoderCount, encoderCount;
    unsigned jpegCount, ofaCount;
    unsigned long long memorySizeMB;
} nvmlGpuInstanceProfileInfo_t;
ABI_SIZE(nvmlGpuInstanceProfileInfo_t, 48);

typedef struct {
    nvmlDevice_t device;
    unsigned id, profileId;
    nvmlGpuInstancePlacement_t placement;
} nvmlGpuInstanceInfo_t;
ABI_SIZE(nvmlGpuInstanceInfo_t, 24);

typedef struct {
    char *shortName, *longName, *unit;
} nvmlGpmMetricInfo_t;

typedef struct {
    unsigned metricId;
    nvmlReturn_t nvmlReturn;
    double value;
    nvmlGpmMetricInfo_t metricInfo;
} nvmlGpmMetric_t;
ABI_SIZE(nvmlGpmMetric_t, 40);

// The array had 210 entries in nvml.h 13.0 and has 333 in 13.3: only its first numMetrics may be touched.
typedef struct {
    unsigned version, numMetrics;
    nvmlGpmSample_t sample1, sample2;
    nvmlGpmMetric_t metrics[];
} nvmlGpmMetricsGet_t;
ABI_AT(nvmlGpmMetricsGet_t, metrics, 24);

typedef struct {
    unsigned version, isSupportedDevice;
} nvmlGpmSupport_t;
ABI_SIZE(nvmlGpmSupport_t, 8);

enum { NVML_CLOCK_GRAPHICS, NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_CLOCK_VIDEO, NVML_CLOCK_COUNT };
enum { NVML_VOLATILE_ECC, NVML_AGGREGATE_ECC };
enum { NVML_ERROR_TYPE_CORRECTED, NVML_ERROR_TYPE_UNCORRECTED };
enum { NVML_LOCATION_L1, NVML_LOCATION_L2, NVML_LOCATION_DRAM, NVML_LOCATION_REGISTER_FILE, NVML_LOCATION_TEXTURE,
       NVML_LOCATION_TEXTURE_SHM, NVML_LOCATION_CBU, NVML_LOCATION_SRAM, NVML_LOCATION_COUNT };
enum { NVML_THRESHOLD_SHUTDOWN, NVML_THRESHOLD_SLOWDOWN, NVML_THRESHOLD_MEM_MAX, NVML_THRESHOLD_GPU_MAX,
       NVML_THRESHOLD_ACOUSTIC_MIN, NVML_THRESHOLD_ACOUSTIC_CURR, NVML_THRESHOLD_ACOUSTIC_MAX, NVML_THRESHOLD_GPS_CURR,
       NVML_THRESHOLD_COUNT };
enum { NVML_SAMPLES_POWER, NVML_SAMPLES_GPU, NVML_SAMPLES_MEMORY, NVML_SAMPLES_ENC, NVML_SAMPLES_DEC, NVML_SAMPLES_PROCESSOR_CLOCK,
       NVML_SAMPLES_MEMORY_CLOCK, NVML_SAMPLES_MODULE_POWER, NVML_SAMPLES_JPG, NVML_SAMPLES_OFA, NVML_SAMPLES_COUNT };

#define NVML_EVENT_SBE 0x1ULL
#define NVML_EVENT_DBE 0x2ULL
#define NVML_EVENT_PSTATE 0x4ULL
#define NVML_EVENT_XID 0x8ULL
#define NVML_EVENT_CLOCK 0x10ULL
#define NVML_EVENT_MIG_CONFIG 0x100ULL

#define NVML_REASON_GPU_IDLE 0x1ULL
#define NVML_REASON_APPLICATION_CLOCKS 0x2ULL
#define NVML_REASON_SW_POWER_CAP 0x4ULL
#define NVML_REASON_HW_SLOWDOWN 0x8ULL
#define NVML_REASON_SYNC_BOOST 0x10ULL
#define NVML_REASON_SW_THERMAL 0x20ULL
#define NVML_REASON_HW_THERMAL 0x40ULL
#define NVML_REASON_HW_POWER_BRAKE 0x80ULL
#define NVML_REASON_DISPLAY_CLOCKS 0x100ULL

#endif
