#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Makes a folder in which one program runs under chroot: with its libraries,
a shell's worth of busybox, and mount points."""

import argparse
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "lib"))
import elf  # noqa: E402


def copy(source, tree, path):
    target = os.path.join(tree, path.lstrip("/"))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copyfile(source, target)
    os.chmod(target, 0o755)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--libs", action="append", default=[])
    parser.add_argument("--busybox", default="/bin/busybox")
    args = parser.parse_args()

    shutil.rmtree(args.out, ignore_errors=True)
    for path in ("dev", "proc", "sys", "tmp", "run", "etc"):
        os.makedirs(os.path.join(args.out, path))
    copy(args.program, args.out,
         "usr/bin/" + os.path.basename(args.program))
    for name, path in elf.closure([args.program], args.libs).items():
        copy(path, args.out, name if name.startswith("/")
             else f"lib/x86_64-linux-gnu/{name}")
    copy(args.busybox, args.out, "bin/busybox")
    for name in ("sh", "true"):
        os.symlink("busybox", os.path.join(args.out, "bin", name))
    subprocess.run(["touch", os.path.join(args.out, ".done")], check=True)


if __name__ == "__main__":
    main()
