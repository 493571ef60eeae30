#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs every layer of tests, the quick ones first, all of them whatever fails,
# and prints the sum. Each layer's target writes "passed failed" to
# build/results/LAYER; a layer that ends badly without counts is one failure.
set -uo pipefail
cd "$(dirname "$0")/.."

layers=(lint abi unit fuzz model guests system)
passed=0 failed=0 summary=() broken=()

# What a layer that failed said of it, once more, where it is found.
tell() {
    echo "== failed in $1"
    grep -E 'FAIL|[1-9][0-9]* failed|: no |hypervisor: |Error|^E  ' \
        "build/results/$1.out" | tail -n 40
}

jobs=$(nproc)
if ! make -j"$jobs" --no-print-directory hypervisor tools guests; then
    echo "0 passed, 1 failed"
    exit 1
fi

mkdir -p build/results
for layer in "${layers[@]}"; do
    rm -f "build/results/$layer"
    echo "== $layer"
    began=$SECONDS
    make -j"$jobs" --no-print-directory "test-$layer" 2>&1 |
        tee "build/results/$layer.out"
    status=${PIPESTATUS[0]}
    p=0 f=0
    [ ! -e "build/results/$layer" ] || read -r p f < "build/results/$layer"
    # A target's failure counts even where no single test is to blame; so does
    # a layer that ran nothing.
    if [ "$status" -ne 0 ] || [ $((p + f)) -eq 0 ]; then
        [ "$f" -gt 0 ] || f=1
    fi
    summary+=("$(printf '%-8s %4d passed, %d failed  (%d s)' \
        "$layer" "$p" "$f" $((SECONDS - began)))")
    passed=$((passed + p)) failed=$((failed + f))
    [ "$f" -eq 0 ] || broken+=("$layer")
done

for layer in "${broken[@]}"; do
    tell "$layer"
done
echo "== results after $SECONDS s"
printf '%s\n' "${summary[@]}"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
