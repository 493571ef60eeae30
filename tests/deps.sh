#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs the Debian 12 packages that building and testing need. Quick, silent
# and offline when all are there. `--list` prints the names and does nothing;
# with other arguments they are the command to run afterwards.
set -eu

packages=(
    # build
    gcc make git libc6-dev python3 cpio xz-utils zstd lz4 gzip
    libxml2-dev zlib1g-dev liblzma-dev libzstd-dev liblz4-dev
    uuid-dev libjson-c-dev libncurses-dev
    # images and virtual machines
    qemu-system-x86 qemu-utils grub-pc-bin grub-efi-amd64-bin grub-common
    xorriso mtools ovmf busybox-static debootstrap e2fsprogs kmod apt dpkg-dev
    fdisk socat iproute2 ca-certificates
    # tests
    libcmocka-dev libxen-dev clang clang-format clang-tidy libclang-rt-14-dev llvm
    python3-pytest python3-pytest-xdist python3-pexpect
)

if [ "${1:-}" = --list ]; then
    printf '%s\n' "${packages[@]}"
    exit 0
fi

# What comes after, if anything.
finish() {
    [ $# -eq 0 ] && exit 0
    exec "$@"
}

if ! command -v dpkg-query > /dev/null; then
    echo "deps: no dpkg here; on Debian 12 these packages are needed:" >&2
    echo "  ${packages[*]}" >&2
    finish "$@"
fi

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' |
    awk '$2 == "installed" { print $1 }')
missing=()
for p in "${packages[@]}"; do
    grep -qxF "$p" <<< "$installed" || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && finish "$@"

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo > /dev/null; then
        echo "deps: not root and no sudo; install: ${missing[*]}" >&2
        exit 1
    fi
    as_root=(sudo)
fi

echo "deps: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -q
"${as_root[@]}" apt-get install -qy --no-install-recommends "${missing[@]}"
finish "$@"
