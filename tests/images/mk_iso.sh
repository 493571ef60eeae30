#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes an ISO that GRUB boots on BIOS and on UEFI machines:
#   mk_iso.sh OUT HYPERVISOR ITS-ARGUMENTS KERNEL ITS-ARGUMENTS INITRAMFS
set -euo pipefail

out=$1 hv=$2 hv_args=$3 kernel=$4 kernel_args=$5 initramfs=$6

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/boot/grub"
cp "$hv" "$tree/boot/hypervisor"
cp "$kernel" "$tree/boot/vmlinuz"
case $initramfs in
*.cpio) gzip -1 < "$initramfs" > "$tree/boot/initramfs" ;;
*) cp "$initramfs" "$tree/boot/initramfs" ;;
esac

# The word "placeholder" stands where an image's name would: loaders differ in
# whether they hand it on.
cat > "$tree/boot/grub/grub.cfg" << CFG
set timeout=0
serial --unit=0 --speed=115200
terminal_input console serial
terminal_output console serial
menuentry "Trellis" {
    multiboot2 /boot/hypervisor placeholder $hv_args
    module2 /boot/vmlinuz placeholder $kernel_args
    module2 --nounzip /boot/initramfs
}
CFG

mkdir -p "$(dirname "$out")"
if ! grub-mkrescue -o "$out.tmp" "$tree" -- -volid TRELLIS > "$out.log" 2>&1; then
    cat "$out.log" >&2
    exit 1
fi
mv "$out.tmp" "$out"
rm "$out.log"
