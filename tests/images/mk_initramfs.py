#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes an initramfs: busybox, kernel modules, programs, a folder of files.

The modules go to /lib/modules/VERSION/ uncompressed, with a file `order` that
lists them so that each comes after those it depends on: /init loads them with
insmod one after the other. Those in the folder `spare` are for whoever wants
to load one later.
"""

import argparse
import gzip
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import cpio  # noqa: E402
import elf  # noqa: E402
import modules  # noqa: E402


def add_busybox(archive, busybox):
    names = subprocess.run([busybox, "--list"], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.split()
    archive.file("bin/busybox", busybox)
    for name in names:
        if name != "busybox":
            archive.link(f"bin/{name}", "busybox")
    archive.link("sbin", "bin")


def add_skeleton(archive):
    for path in ("dev", "etc", "proc", "sys", "run", "mnt", "root", "srv",
                 "usr/bin", "usr/lib", "var/log"):
        archive.dir(path)
    archive.dir("tmp", 0o1777)
    archive.link("var/run", "/run")
    archive.node("dev/console", 5, 1)
    archive.node("dev/null", 1, 3, 0o666)


def add_modules(archive, kernel, names, spare):
    source = modules.Modules(kernel)
    base = f"lib/modules/{source.version}"
    order = source.load_order(names)
    for name, data in order:
        archive.data(f"{base}/{name}.ko", data)
    archive.data(f"{base}/order",
                 "".join(f"{name}\n" for name, _ in order).encode())
    for name, data in source.load_order(spare):
        archive.data(f"{base}/spare/{name}.ko", data)


def add_programs(archive, programs, others, roots):
    for path in programs:
        archive.file(f"usr/bin/{os.path.basename(path)}", path, 0o755)
    for name, path in elf.closure([*programs, *others], roots).items():
        where = name if name.startswith("/") else f"lib/x86_64-linux-gnu/{name}"
        archive.file(where, path, 0o755)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--kernel", help="unpacked package of the kernel")
    parser.add_argument("--modules", default="", help="names, blank separated")
    parser.add_argument("--spare", default="",
                        help="modules that /init leaves alone")
    parser.add_argument("--files", action="append", default=[],
                        help="folder to lay over the root")
    parser.add_argument("--program", action="append", default=[])
    parser.add_argument("--needs", action="append", default=[],
                        help="program that a folder of --files has: "
                             "libraries only")
    parser.add_argument("--libs", action="append", default=[],
                        help="unpacked package with libraries")
    parser.add_argument("--busybox", default="/bin/busybox")
    parser.add_argument("--gzip", type=int, default=0, metavar="LEVEL")
    args = parser.parse_args()

    archive = cpio.Archive()
    add_skeleton(archive)
    add_busybox(archive, args.busybox)
    if args.kernel:
        add_modules(archive, args.kernel, args.modules.split(),
                    args.spare.split())
    add_programs(archive, args.program, args.needs, args.libs)
    for folder in args.files:
        archive.tree(folder)

    os.makedirs(os.path.dirname(args.out) or ".", exist_ok=True)
    tmp = args.out + ".tmp"
    with open(tmp, "wb") as raw:
        if args.gzip:
            with gzip.GzipFile("", "wb", args.gzip, raw, mtime=0) as out:
                archive.write(out)
        else:
            archive.write(raw)
    os.replace(tmp, args.out)


if __name__ == "__main__":
    main()
