#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs unit test programs and prints what failed, then the sum.
# usage: run.sh FOLDER NAME...
set -u

out=$1
shift
passed=0 failed=0

for name in "$@"; do
    log=$out/$name.log
    if [ ! -f "$out/$name" ]; then
        echo "FAIL $name: not built"
        failed=$((failed + 1))
        continue
    fi
    ASAN_OPTIONS=detect_stack_use_after_return=1 \
        UBSAN_OPTIONS=print_stacktrace=1 \
        CMOCKA_MESSAGE_OUTPUT=STDOUT \
        timeout 300 "$out/$name" > "$log" 2>&1
    rc=$?
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test.*/\1/p' "$log")
    bad=${bad:-0}
    passed=$((passed + ok))
    # A crash or a sanitizer report is a failure even if no check failed.
    if [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1
    fi
    if [ "$bad" -ne 0 ]; then
        echo "FAIL $name (exit code $rc):"
        grep -v -e '^\[ RUN ' -e '^\[       OK' "$log" | head -60
        failed=$((failed + bad))
    elif [ "$ok" -eq 0 ]; then
        echo "FAIL $name: ran no test"
        failed=$((failed + 1))
    fi
done

mkdir -p build/results
echo "$passed $failed" > build/results/unit
echo "unit: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
