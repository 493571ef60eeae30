#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run the micro-benchmark kernel on two hypervisors and compare.

QEMU's -icount makes the time stamp counter count instructions, so figures are
exact and repeatable on any machine. Prints operation, instructions on each,
ratio, and the aim; writes the same to build/bench/CPU.json.
"""

import argparse
import json
import math
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# What each operation may cost at most, once the fast paths are in.
AIMS = {
    "user system call and back": 180,
    "null hypercall": 70,
    "multicall, per null call": 40,
    "kernel #UD and back": 220,
    "kernel int3 and back": 220,
    "kernel #PF and back": 220,
    "user #PF to kernel and back": 240,
    "event to self, upcall, return": 330,
    "context switch, one multicall": 550,
    "new base pointer": 330,
    "update_va_mapping, no flush": 250,
    "mmu_update per PTE, batch of 1": 300,
    "mmu_update per PTE, batch of 8": 150,
    "mmu_update per PTE, batch of 32": 130,
    "mmu_update per PTE, batch of 128": 125,
    "direct PTE write, mov": 500,
    "direct PTE write, cmpxchg": 500,
    "pin an empty L1": 1200,
    "unpin an empty L1": 1200,
    "pin a full L1, per entry": 60,
    "unpin a full L1, per entry": 60,
    "pin a new L4 tree, per mapped page": 65,
    "unpin it, per mapped page": 65,
    "emulated RDMSR": 300,
    "emulated CR0 read": 300,
    "emulated CLTS": 300,
    "emulated OUT": 300,
    "forced-emulation CPUID": 200,
    "set_timer_op": 200,
    "singleshot timer": 200,
    "grant map": 450,
    "grant unmap": 450,
    "grant copy of 4 KiB": 850,
    "populate one page": 500,
    "decrease by one page": 500,
    "yield, nothing else to run": 250,
    "set_segment_base": 100,
    "stack_switch": 100,
    "get runstate": 100,
}


def measure(hypervisor, args):
    """Boot once; returns {operation: instructions}."""
    command = [
        "qemu-system-x86_64", "-accel", "tcg", "-cpu", args.cpu,
        "-icount", "shift=0,sleep=off", "-m", "256", "-nographic",
        "-no-reboot", "-monitor", "none", "-serial", "stdio", "-net", "none",
        "-rtc", "base=2024-01-01T00:00:00,clock=vm",
        "-kernel", hypervisor,
        "-append", "console=com1 loglvl=all " + args.append,
        "-initrd", args.kernel,
    ]
    text = ""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=args.timeout, check=False)
        text = done.stdout.decode("utf-8", "replace")
    except subprocess.TimeoutExpired as late:
        text = (late.stdout or b"").decode("utf-8", "replace")
    figures = {name.strip(): int(n) / 1000
               for n, name in re.findall(r"^BENCH (\d+) (.+?)\r?$", text,
                                         re.MULTILINE)}
    if "BENCH END" not in text:
        tail = [line for line in text.splitlines() if line.strip()][-4:]
        print(f"{hypervisor}: no end of the run; the log ends:",
              *tail, sep="\n  ")
    return figures


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def show(results):
    names = list(dict.fromkeys(n for r in results.values() for n in r))
    ours, yardstick = results.get("trellis", {}), results.get("xen", {})
    print(f"{'operation':36} {'Xen':>8} {'Trellis':>8} {'ratio':>6} {'aim':>6}")
    ratios = []
    for name in names:
        x, t = yardstick.get(name), ours.get(name)
        ratio = t / x if x and t else None
        if ratio:
            ratios.append(ratio)
        print(f"{name:36} {x or 0:8.0f} "
              + (f"{t:8.0f}" if t is not None else f"{'-':>8}")
              + (f" {ratio:6.2f}" if ratio else f" {'-':>6}")
              + f" {AIMS.get(name, 0):6}")
    if ratios:
        print(f"geometric mean of {len(ratios)} ratios: "
              f"{geometric_mean(ratios):.2f}")


def show_markdown(results):
    """The rows of docs/performance.md."""
    ours, yardstick = results.get("trellis", {}), results.get("xen", {})
    for name, x in yardstick.items():
        t = ours.get(name)
        ratio = f"{t / x:.2f}" if t else ""
        print(f"| {name} | {x:.0f} | " + (f"{t:.0f}" if t else "")
              + f" | {ratio} | {AIMS.get(name, '')} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hv", default=os.path.join(TOP, "build/trellis.elf"))
    parser.add_argument("--reference",
                        default=os.path.join(TOP, "build/images/xen.elf"))
    parser.add_argument("--kernel",
                        default=os.path.join(TOP, "build/guests/bench.elf"))
    parser.add_argument("--cpu", default="EPYC,-smap")
    parser.add_argument("--append", default="", help="hypervisor options")
    parser.add_argument("--timeout", type=float, default=120)
    parser.add_argument("--markdown", action="store_true",
                        help="print the rows of docs/performance.md")
    parser.add_argument("--out", default=os.path.join(TOP, "build/bench"))
    args = parser.parse_args()

    results = {}
    for label, image in (("xen", args.reference), ("trellis", args.hv)):
        if os.path.exists(image):
            results[label] = measure(image, args)
        else:
            print(f"{image} is not there: {label} left out")
    if args.markdown:
        show_markdown(results)
    else:
        print(f"Instructions per operation on {args.cpu}:")
        show(results)
    os.makedirs(args.out, exist_ok=True)
    record = {"cpu": args.cpu, "unit": "instructions",
              "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
              "results": results}
    path = os.path.join(args.out, args.cpu.split(",")[0] + ".json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(record, out, indent=1)
        out.write("\n")
    wanted = set(AIMS)
    return 0 if all(wanted <= set(r) for r in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
