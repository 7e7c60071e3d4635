#!/bin/sh
# Copyright The inferwatch Authors
# SPDX-License-Identifier: Apache-2.0

# Builds and runs the tests. Called by make check, which sets CC, FLAGS, SOURCES, LIBS, OUT and NVML_H.
set -eu

dir="$OUT/check"
mkdir -p "$dir/objects"
failed=0

for source in $SOURCES; do
    $CC $FLAGS -c -o "$dir/objects/$(basename "$source" .c).o" "$source"
done

for source in test/test_*.c; do
    name=$(basename "$source" .c)
    $CC $FLAGS -Isrc -o "$dir/$name" "$source" "$dir"/objects/*.o $LIBS
    if ! NVMLSIM_TEST_DIR="$dir" "$dir/$name" scenarios/*.scenario; then
        echo "FAIL $name"
        failed=1
    fi
done

# What the two builds export.
exports() {
    nm -D --defined-only "$1" | awk '$3 ~ /^nvml|^inferwatch/ { print $3 }' | sort
}
for build in "" old/; do
    extra=$(nm -D --defined-only "$OUT/${build}libnvidia-ml.so.1" | awk '$3 !~ /^nvml|^inferwatch_nvmlsim$/' | wc -l)
    if [ "$extra" -ne 0 ]; then
        echo "FAIL ${build}libnvidia-ml.so.1 exports $extra symbols that are not NVML's"
        failed=1
    fi
done
for symbol in nvmlDeviceGetMemoryInfo_v2 nvmlDeviceGetComputeRunningProcesses_v3 nvmlDeviceGetMPSComputeRunningProcesses_v3 \
    nvmlGpmMetricsGet nvmlDeviceGetCurrentClocksEventReasons nvmlDeviceGetRemappedRows nvmlDeviceGetAttributes_v2; do
    exports "$OUT/libnvidia-ml.so.1" | grep -qx "$symbol" || { echo "FAIL $symbol is not exported"; failed=1; }
    ! exports "$OUT/old/libnvidia-ml.so.1" | grep -qx "$symbol" || { echo "FAIL the old build exports $symbol"; failed=1; }
done

if [ -n "$NVML_H" ]; then
    $CC -Isrc -Itest -DOWN -o "$dir/abi_own" test/abi.c
    $CC -Itest -include "$NVML_H" -Wno-deprecated-declarations -o "$dir/abi_real" test/abi.c
    "$dir/abi_own" > "$dir/abi_own.txt"
    "$dir/abi_real" > "$dir/abi_real.txt"
    diff "$dir/abi_own.txt" "$dir/abi_real.txt" || { echo "FAIL the layouts differ from $NVML_H"; failed=1; }
    # Every export is a function of the real library, in its present form or one with another suffix.
    exports "$OUT/libnvidia-ml.so.1" | grep '^nvml' | while read -r symbol; do
        grep -q "[ *]$symbol *(" "$NVML_H" || { echo "FAIL $symbol is not in $NVML_H"; exit 1; }
    done || failed=1
    echo "ok abi: $(wc -l < "$dir/abi_real.txt") sizes, offsets and numbers as in $NVML_H"
fi
[ "$failed" -eq 0 ]
