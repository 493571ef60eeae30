#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The longest time without preemption, on two hypervisors.

Runs the test kernel `preempt`, which sets a timer to end inside long operations
and measures how late it comes. Under -icount shift=0 a nanosecond is an
instruction. Debian's Xen lets timers wait for each other (timer_slop), which is
switched off here.
"""

import argparse
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))


def measure(hypervisor, args):
    """Boot once; returns {operation: (work, lateness)}."""
    command = [
        "qemu-system-x86_64", "-accel", "tcg", "-cpu", args.cpu,
        "-icount", "shift=0,sleep=off", "-m", "256", "-nographic",
        "-no-reboot", "-monitor", "none", "-serial", "stdio", "-net", "none",
        "-kernel", hypervisor,
        "-append", "console=com1 loglvl=all timer_slop=1 "
        "dom0_mem=64M,max:192M",
        "-initrd", args.kernel,
    ]
    try:
        text = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=args.timeout,
            check=False).stdout
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
    text = text.decode("utf-8", "replace").replace("\r", "")
    if "RESULT " not in text:
        tail = [line for line in text.splitlines() if line.strip()][-3:]
        print(f"{hypervisor}: no end of the run; the log ends:",
              *tail, sep="\n  ")
    return {name: (work, int(late)) for late, name, work in re.findall(
        r"^LATE (\d+) \d+ (.+?) \| (.+)$", text, re.MULTILINE)}


def us(result, name):
    return f"{result[name][1] / 1000:.1f}" if name in result else "-"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hv", default=os.path.join(TOP, "build/trellis.elf"))
    parser.add_argument("--reference",
                        default=os.path.join(TOP, "build/images/xen.elf"))
    parser.add_argument("--kernel", default=os.path.join(
        TOP, "build/guests/preempt.elf"))
    parser.add_argument("--cpu", default="EPYC,-smap")
    parser.add_argument("--timeout", type=float, default=600)
    parser.add_argument("--markdown", action="store_true",
                        help="print the rows of docs/performance.md")
    args = parser.parse_args()

    xen = measure(args.reference, args)
    ours = measure(args.hv, args)
    row = "| {} | {} | {} | {} |" if args.markdown else "{:48} {:32} {:>8} {:>8}"
    print(row.format("operation", "work", "Xen", "Trellis"))
    for name, (work, _) in ours.items():
        print(row.format(name, work, us(xen, name), us(ours, name)))
    return 0 if ours and set(ours) <= set(xen) else 1


if __name__ == "__main__":
    sys.exit(main())
