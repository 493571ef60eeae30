#!/bin/bash
# SPDX-License-Identifier: MIT
# usage: run.sh FOLDER CC CFLAGS NAME:SOURCE,SOURCE...
# Builds and runs each model as it is, then once per line of NAME.broken:
#     description | file.c | sed expression
# and expects it to be found out. MODEL=NAME runs one only.
set -u
out=$1 cc=$2 flags=$3
shift 3
dir=$(dirname "$0")
passed=0 failed=0

# build MODEL INTO SOURCE...
build() {
    local name=$1 into=$2 objs=() src
    shift 2
    mkdir -p "$into"
    for src in "$@"; do
        local from=$src
        [ ! -f "$into/$(basename "$src")" ] || from=$into/$(basename "$src")
        # shellcheck disable=SC2086
        $cc -I"$into/include" $flags -I"$(dirname "$src")" -include "$dir/hooks.h" -c \
            -o "$into/$(basename "$src" .c).o" "$from" || return 1
        objs+=("$into/$(basename "$src" .c).o")
    done
    # shellcheck disable=SC2086
    $cc $flags -c -o "$into/explore.o" "$dir/explore.c" &&
        $cc -I"$into/include" $flags -include "$dir/hooks.h" -c \
            -o "$into/model.o" "$dir/$name.c" &&
        $cc -Wl,-T,tests/unit/hostarch/percpu.lds -o "$into/$name" \
            "$into/model.o" "${objs[@]}" "$into/explore.o" "$out/libhost.a" \
            -lcmocka
}

# change_file FILE SED INTO SOURCE...: a changed copy where the build takes it
# from first; prints its name if it differs.
change_file() {
    local file=$1 change=$2 into=$3 src to
    shift 3
    for src in "$@" $(find hypervisor -name "$file"); do
        [ "$(basename "$src")" = "$file" ] || continue
        to=$into/$file
        [[ $src != */include/* ]] || to=$into/include/${src##*/include/}
        mkdir -p "$(dirname "$to")"
        sed -E "$change" "$src" > "$to"
        cmp -s "$src" "$to" || echo "$to"
        return
    done
}

host() {
    local f
    mkdir -p "$out/host"
    for f in tests/unit/hostarch/*.c; do
        # shellcheck disable=SC2086
        $cc $flags -c -o "$out/host/$(basename "$f" .c).o" "$f" || return 1
    done
    rm -f "$out/libhost.a"
    ar rcsD "$out/libhost.a" "$out"/host/*.o
}

host || { echo "FAIL model: hostarch does not build"; failed=1; }
for model in "$@"; do
    name=${model%%:*}
    IFS=, read -ra sources <<< "${model#*:}"
    [ -z "${MODEL:-}" ] || [ "$MODEL" = "$name" ] || continue
    rm -rf "${out:?}/$name"*
    if ! build "$name" "$out/$name.d" "${sources[@]}"; then
        echo "FAIL model $name: does not build"
        failed=$((failed + 1))
        continue
    fi
    echo "model $name:"
    timeout 600 "$out/$name.d/$name" > "$out/$name.log" 2>&1
    head -n -1 "$out/$name.log"
    read -r p f < <(tail -1 "$out/$name.log")
    case "$p$f" in '' | *[!0-9]*) p=0 f=1 ;; esac
    passed=$((passed + p)) failed=$((failed + f))

    n=0
    while IFS='|' read -r what file change; do
        case $what in '' | \#*) continue ;; esac
        n=$((n + 1))
        into=$out/$name.broken$n
        file=$(echo "$file" | tr -d ' ')
        broken=$(change_file "$file" "$change" "$into" "${sources[@]}")
        if [ -z "$broken" ] ||
            ! flags="$flags -Wno-error" build "$name" "$into" "${sources[@]}" \
                > "$into/log" 2>&1; then
            echo "FAIL model $name: cannot be broken: $what"
            failed=$((failed + 1))
        elif timeout 300 "$into/$name" > "$into/log" 2>&1; then
            echo "FAIL model $name: not noticed: $what"
            failed=$((failed + 1))
        else
            found=$(grep -v -e ' holds$' -e '^[0-9 ]*$' "$into/log" | head -1 |
                sed 's/.* deep  //; s/.*BUG/BUG/' | cut -c1-60)
            printf '  broken: %-46s %s\n' "$what" "${found:-crashes}"
            passed=$((passed + 1))
        fi
    done < "$dir/$name.broken"
done
mkdir -p build/results
echo "$passed $failed" > build/results/model
echo "model: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
