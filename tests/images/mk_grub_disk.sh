#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes a guest's disk that boots by itself, with GRUB's menu on it:
#   mk_grub_disk.sh OUT ROOT_IMG KERNEL INITRD [MODULES]
# ROOT_IMG is the guests' root file system, which receives a /boot. With
# MODULES, the folder of GRUB's modules for PV guests, GRUB itself is there too:
# then the one that the host starts chain-loads it, and the menu is its.
set -euo pipefail

out=$1 root=$2 kernel=$3 initrd=$4 modules=${5:-}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
args="console=hvc0 root=/dev/xvda trellis.mode=test"
entry() {
    echo "menuentry \"$1\" { linux /boot/vmlinuz $args $2; initrd /boot/initrd; }"
}
{
    echo "set timeout=30"
    echo "set default=0"
    entry "First" "trellis.name=grub trellis.entry=first"
    entry "Second" "trellis.name=grub trellis.entry=second"
} > "$tmp/menu"

{
    echo "mkdir /boot"
    echo "mkdir /boot/grub"
    echo "write $kernel /boot/vmlinuz"
    echo "write $initrd /boot/initrd"
    if [ -z "$modules" ]; then
        echo "write $tmp/menu /boot/grub/grub.cfg"
    else
        # Where grub-install puts it, and the host's GRUB looks first.
        echo 'configfile (xen/xvda)/boot/grub/chained.cfg' > "$tmp/start"
        grub-mkimage -O x86_64-xen -d "$modules" -p '(xen/xvda)/boot/grub' \
            -c "$tmp/start" -o "$tmp/grub.elf" \
            normal configfile ext2 linux gzio xzio test echo
        echo "mkdir /boot/xen"
        echo "write $tmp/grub.elf /boot/xen/pvboot-x86_64.elf"
        echo "write $tmp/menu /boot/grub/chained.cfg"
    fi
} > "$tmp/commands"

cp --sparse=always "$root" "$out.tmp"
debugfs -w -f "$tmp/commands" "$out.tmp" > "$tmp/log" 2>&1
if grep -qiE 'no space|not found|error|invalid' "$tmp/log"; then
    cat "$tmp/log" >&2
    exit 1
fi
mv "$out.tmp" "$out"
