#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the disk of a whole Debian 12 as control domain, with systemd, Debian's
# own tools of Xen, and a guest that its services start:
#   mk_debian_root.sh OUT
# OUT receives disk.img (the root file system), vmlinuz and initrd.img. Needs
# root: debootstrap makes devices and changes its root.
set -euo pipefail

out=$1
here=$(dirname "$0")

die() {
    echo "mk_debian_root: $*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || die "debootstrap needs root"
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
    'Codename: bookworm' | head -n 1)
[ -n "$mirror" ] || die "apt knows no archive of Debian 12 here"

tmp=$(mktemp -d)
root=$tmp/dom0 guest=$tmp/guest log=$out/log
cleanup() {
    mountpoint -q "$root/proc" && umount "$root/proc"
    rm -rf "$tmp"
}
trap cleanup EXIT
mkdir -p "$out"

run() {
    "$@" >> "$log" 2>&1 || {
        tail -n 30 "$log" >&2
        die "\`$*\` failed; the whole output is in $log"
    }
}

inside() {
    run env DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" "$@"
}

# The same for both: what xen-tools gives its guests, and no password.
: > "$log"
run debootstrap --variant=minbase \
    --include=systemd-sysv,dbus,udev,kmod,iproute2,iputils-ping,ifupdown \
    bookworm "$root" "$mirror"
inside passwd -d root
run cp -a "$root" "$guest"
cp -r "$here"/debian/guest/. "$guest/"

# No service starts while it is made; the kernel's package makes the initrd.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
run mount -t proc proc "$root/proc"
inside apt-get install -qy --no-install-recommends initramfs-tools zstd \
    bridge-utils linux-image-amd64 xen-utils-4.17 xen-utils-common \
    xenstore-utils
run umount "$root/proc"
rm "$root/usr/sbin/policy-rc.d"
cp -r "$here"/debian/dom0/. "$root/"
mkdir -p "$root/usr/lib/trellis"
cp "$here"/dom0/usr/lib/trellis/testshell "$root/usr/lib/trellis/"
inside apt-get clean
rm -rf "$root"/var/lib/apt/lists/* "$guest"/var/{lib/apt/lists,cache/apt}/*

cp "$root"/boot/vmlinuz-* "$out/vmlinuz"
cp "$root"/boot/initrd.img-* "$out/initrd.img"
ln -s "$(basename "$root"/boot/vmlinuz-*)" "$root/boot/vmlinuz"
ln -s "$(basename "$root"/boot/initrd.img-*)" "$root/boot/initrd.img"
mkdir -p "$root/srv/domains/guest1"
run mke2fs -q -F -t ext4 -d "$guest" -m 0 "$root/srv/domains/guest1/disk.img" 600M
run mke2fs -q -F -t ext4 -L dom0 -d "$root" -m 0 "$out/disk.img.tmp" 4G
mv "$out/disk.img.tmp" "$out/disk.img"
