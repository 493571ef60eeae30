#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes dom0's data disk, an ext4 image with the label "guests" that dom0
# mounts on /srv: kernels, initramfs, configurations and disks of the guests.
#   mk_data_disk.sh OUT IMAGES     (IMAGES is build/images)
set -euo pipefail

out=$1 images=$2
here=$(dirname "$0")

tree=$(mktemp -d -p "$images")
trap 'rm -rf "$tree"' EXIT
kernel() {
    cp "$images"/pkg/"$2"/boot/vmlinuz-* "$tree/vmlinuz-$1"
    cp "$images/guest-$1.cpio.gz" "$tree/initrd-$1"
}
kernel 6.1 linux-image-amd64
kernel 6.1-cloud linux-image-cloud-amd64
kernel 6.12 linux-image-6.12-amd64
cp "$here"/cfg/*.cfg "$tree/"
cp -r "$images/stress" "$tree/stress"
for disk in example g1 g2; do
    cp --sparse=always "$images/guest-root.img" "$tree/$disk.img"
done

rm -f "$out.tmp"
mke2fs -q -t ext4 -L guests -d "$tree" -E root_owner=0:0 -m 0 "$out.tmp" 2G
mv "$out.tmp" "$out"
