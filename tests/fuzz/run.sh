#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: run.sh fuzz|merge|replay FOLDER SECONDS NAME...
# fuzz: each for SECONDS. merge: minimise the kept corpus. replay: run every
# kept input once; prints a line for each that fails and counts them.
set -u
verb=$1 out=$2 seconds=$3
shift 3
corpora=$(dirname "$0")/corpus
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export ASAN_OPTIONS=detect_leaks=${FUZZ_LEAKS:-1}:detect_stack_use_after_return=0
passed=0 failed=0

options() {
    make -s --no-print-directory -f - <<< "include $(dirname "$0")/$1.mk
all:; @echo \$($1_RUN)"
}

for name in "$@"; do
    kept=$corpora/$name new=$out/$name.new
    mkdir -p "$kept" "$new"
    # shellcheck disable=SC2046
    case $verb in
    fuzz)
        echo "== $name"
        "$out/$name" $(options "$name") -max_total_time="$seconds" \
            -artifact_prefix="$out/$name-" -print_final_stats=1 \
            "$new" "$kept" > "$out/$name.log" 2>&1 || {
            failed=1
            grep -m1 -E 'ERROR|SUMMARY|BUG' "$out/$name.log"
        }
        grep -E '^stat::(number_of_executed|average_exec)|DONE' \
            "$out/$name.log" | sed 's/^/   /'
        ;;
    merge)
        rm -rf "$out/$name.min"
        mkdir -p "$out/$name.min"
        "$out/$name" $(options "$name") -merge=1 "$out/$name.min" "$kept" \
            "$new" > "$out/$name.log" 2>&1 || {
            echo "FAIL merge $name: $out/$name.log"
            failed=1
            continue
        }
        rm -rf "$kept"
        mv "$out/$name.min" "$kept"
        echo "$name: $(find "$kept" -type f | wc -l) inputs," \
            "$(du -sb "$kept" | cut -f1) bytes"
        ;;
    replay)
        if [ ! -x "$out/$name" ]; then
            echo "FAIL fuzz $name: not built"
            failed=$((failed + 1))
        elif ! timeout 300 "$out/$name" -runs=0 $(options "$name") -artifact_prefix="$out/" "$kept" \
            > "$out/$name.replay.log" 2>&1; then
            echo "FAIL fuzz $name: $out/$name.replay.log"
            grep -m3 -E 'ERROR|SUMMARY|BUG|runtime error' \
                "$out/$name.replay.log"
            failed=$((failed + 1))
        else
            passed=$((passed + 1))
        fi
        ;;
    esac
done
if [ "$verb" = replay ]; then
    mkdir -p build/results
    echo "$passed $failed" > build/results/fuzz
    echo "fuzz: $passed passed, $failed failed"
fi
[ "$failed" -eq 0 ]
