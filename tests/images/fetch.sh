#!/bin/bash
# SPDX-License-Identifier: MIT
# Fetches Debian packages and unpacks them, without installing, for the images:
#
#   fetch.sh OUT PACKAGE...    OUT/PACKAGE/ receives the package's files
#
# A meta-package (linux-image-amd64) is followed to the package that it names
# today, so that a version bump in the archive needs no change here. What is
# already unpacked stays as it is: a second run is quick and needs no network.
# `rm -r build/images/pkg` brings the newest versions.
set -euo pipefail

out=$1
dl=$out/dl.$$   # make may have several of us running at once
shift

die() {
    echo "fetch: $*" >&2
    exit 1
}

# The first real dependency of a meta-package of the kernel; else the name.
resolve() {
    case $1 in
    linux-image-*)
        apt-cache depends --important "$1" 2> /dev/null |
            awk -v self="$1" '$1 == "Depends:" && $2 ~ /^linux-image-/ \
                { print $2; found = 1; exit } END { if (!found) print self }'
        ;;
    *) echo "$1" ;;
    esac
}

update_lists() {
    local as_root=()
    [ "$(id -u)" -eq 0 ] || as_root=(sudo)
    echo "fetch: reading the package lists"
    "${as_root[@]}" apt-get update -qq > "$out/apt.log" 2>&1 ||
        echo "fetch: apt-get update failed, going on with the lists at hand" >&2
}

# Downloads the wanted packages, each into the folder of the name asked for.
download() {
    local name real
    rm -rf "$dl"
    mkdir -p "$dl"
    for name; do
        real=$(resolve "$name")
        mkdir "$dl/$name"
        echo "$real" > "$dl/$name/real"
    done
    (cd "$dl" && cat ./*/real | xargs apt-get download > ../apt.log 2>&1)
}

unpack() {
    local name real deb
    for name; do
        real=$(cat "$dl/$name/real")
        deb=$(echo "$dl/${real}"_*.deb)
        [ -e "$deb" ] || die "apt-get downloaded no $real"
        echo "fetch: $(basename "$deb")"
        rm -rf "${out:?}/$name"
        mkdir -p "$out/$name"
        dpkg-deb -x "$deb" "$out/$name"
        basename "$deb" > "$out/$name/.done"
    done
    rm -rf "$dl"
}

command -v apt-get > /dev/null || die "no apt-get here: the images are made on Debian 12"
mkdir -p "$out"
wanted=()
for name; do
    [ -e "$out/$name/.done" ] || wanted+=("$name")
done
[ ${#wanted[@]} -gt 0 ] || exit 0

# A list that is older than the archive names files that are gone, and a fresh
# machine has no list: read it and try once more.
download "${wanted[@]}" || { update_lists && download "${wanted[@]}"; } || {
    cat "$out/apt.log" >&2
    die "cannot download ${wanted[*]}. The first build needs Debian's main" \
        "and security archives; later ones use what is under $out."
}
unpack "${wanted[@]}"
