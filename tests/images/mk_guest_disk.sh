#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes the guests' root file system, an ext4 disk image, without root rights:
#   mk_guest_disk.sh OUT STREAM [PROGRAM...]
# STREAM is the test program of tests/images/src; a file that it makes is what
# the guest checks when it starts. Static PROGRAMs go to /usr/bin too.
set -euo pipefail

out=$1 stream=$2
shift
here=$(dirname "$0")

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/{bin,dev,etc,mnt,proc,root,run,srv,sys,tmp,var/log,usr/bin,usr/share/trellis}
cp /bin/busybox "$tree/bin/"
for name in $(/bin/busybox --list); do
    [ "$name" = busybox ] || ln -s busybox "$tree/bin/$name"
done
ln -s bin "$tree/sbin"
cp -r "$here"/guest-root/. "$tree/"
cp "$@" "$tree/usr/bin/"
echo 'root::0:0:root:/root:/bin/sh' > "$tree/etc/passwd"
echo 'root:x:0:' > "$tree/etc/group"
"$stream" write "$tree/usr/share/trellis/data" 2026 $((8 << 20)) > "$tree/log"
rm "$tree/log"
(cd "$tree/usr/share/trellis" && sha256sum data > SHA256SUMS)

rm -f "$out.tmp"
mkdir -p "$(dirname "$out")"
mke2fs -q -t ext4 -L root -d "$tree" -E root_owner=0:0 -m 0 "$out.tmp" 256M
mv "$out.tmp" "$out"
