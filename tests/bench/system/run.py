#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count what whole systems cost, in instructions, on two hypervisors.

The same Debian kernel and initramfs boot as control domain on Trellis and on
Debian's Xen, in QEMU with one CPU and -icount. A plugin (count.c) counts every
instruction executed, apart for hypervisor, kernel and programs; waiting costs
none. Prints a table, writes build/bench/system-CPU.json.

--functions NAME says where the hypervisor's instructions of one row are.
"""

import argparse
import bisect
import collections
import glob
import json
import lzma
import os
import re
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
OUT = os.path.join(TOP, "build/bench")
IMAGES = os.path.join(TOP, "build/images")

BEGIN, END, MAIN, WARM = range(4)
HYPERVISOR, KERNEL = range(16, 18)

# Marks at which the plugin writes each address's count, with --functions.
DETAILED = (BEGIN, END, HYPERVISOR, KERNEL, MAIN)

# What each may cost, as a share of the same on Xen.
AIMS = {
    "boot to user space": 0.80,
    "fork+exec+exit": 0.70,
    "page-fault sweep, per page": 0.60,
    "compile of a small program": 0.90,
}


def entry_point(image):
    """Where a multiboot image starts; its first 8 KiB say so."""
    with open(image, "rb") as f:
        head = f.read(8192)
    at = head.index(struct.pack("<I", 0x1badb002))
    flags, = struct.unpack_from("<I", head, at + 4)
    if flags & 1 << 16:
        return struct.unpack_from("<I", head, at + 28)[0]
    return struct.unpack_from("<I", head, 24)[0]


def plain_kernel(bzimage, out):
    """Unpacks a bzImage to the ELF file in it (boot protocol 2.08)."""
    with open(bzimage, "rb") as f:
        data = f.read()
    sects = data[0x1f1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (sects + 1) * 512 + offset
    payload = data[start:start + length - 4]
    if payload.startswith(b"\xfd7zXZ"):
        payload = lzma.decompress(payload)
    elif payload.startswith(b"\x28\xb5\x2f\xfd"):
        payload = subprocess.run(["zstd", "-dc"], input=payload, check=True,
                                 stdout=subprocess.PIPE).stdout
    with open(out, "wb") as f:
        f.write(payload)
    return out


class Counts(collections.namedtuple("Counts",
                                    "program hypervisor kernel steps")):
    """Instructions; the steps of string instructions are in the rest too."""

    def minus(self, other):
        return Counts(*(a - b for a, b in zip(self, other)))

    def plus(self, other):
        return Counts(*(a + b for a, b in zip(self, other)))

    def per(self, units):
        return Counts(*(a / units for a in self))

    def all(self):
        return self.program + self.hypervisor + self.kernel

    def without_steps(self):
        return self.all() - self.steps


class Marks:
    """What the plugin wrote: per class, and by address where asked for."""

    def __init__(self, path):
        self.list = []  # (number, Counts, {address: n})
        at = {}
        with open(path, encoding="ascii") as f:
            for line in f:
                words = line.split()
                if words[0] == "at":
                    at[int(words[1], 16)] = int(words[2])
                else:
                    self.list.append((int(words[1]),
                                      Counts(*map(int, words[2:])), at))
                    at = {}

    def first(self, number):
        return next((c, at) for n, c, at in self.list if n == number)

    def pairs(self):
        """(instructions, {address: times}) of each BEGIN and END that follow
        a WARM: others are warming up."""
        warm, begin = False, None
        for number, counts, at in self.list:
            if number == WARM:
                warm = True
            elif number == BEGIN and warm:
                warm, begin = False, counts
            elif number == END and begin:
                yield counts.minus(begin), at
                begin = None


class Machine:
    def __init__(self, args, label, image):
        self.args, self.label, self.image = args, label, image

    def run(self, name, kernel, line, initrd):
        """Boots; returns (serial text, Marks)."""
        path = os.path.join(OUT, f"{self.label}-{name}")
        plugin = (f"{OUT}/count.so,out={path}.marks,"
                  f"entry={entry_point(self.image):x}")
        if self.args.functions:
            plugin += f",marks={sum(1 << n for n in DETAILED):x}"
        line = line.replace(",", ",,")
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", self.args.cpu,
            "-icount", "shift=0,sleep=off", "-seed", "1", "-m", "1024",
            "-display", "none", "-vga", "std", "-nodefaults", "-no-reboot",
            "-monitor", "none", "-serial", f"file:{path}.serial",
            "-rtc", "base=2024-01-01T00:00:00,clock=vm",
            "-kernel", self.image, "-append",
            f"console=com1 dom0_mem=768M {self.args.append}",
            "-initrd", f"{kernel} {line},{initrd}", "-plugin", plugin]
        began = time.monotonic()
        try:
            subprocess.run(command, stdin=subprocess.DEVNULL, check=False,
                           timeout=self.args.timeout,
                           stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            print(f"{path}: no end within {self.args.timeout} s")
        if self.args.verbose:
            print(f"{path}: {time.monotonic() - began:.0f} s")
        with open(path + ".serial", encoding="utf-8", errors="replace") as f:
            return f.read(), Marks(path + ".marks")


DOM0_LINE = "console=hvc0 norandmaps nokaslr quiet"


def boot_rows(machine, kernels):
    """{row: (programs, hypervisor, kernel)}, {row: {address: n}}."""
    rows, places = {}, {}
    for name, kernel in kernels.items():
        text, marks = machine.run("boot-" + name.split()[0], kernel,
                                  DOM0_LINE + " only=none",
                                  f"{OUT}/boot.cpio")
        if "WORK END" not in text:
            sys.exit(f"{machine.label}: did not boot the {name}")
        entry, first, user = (marks.first(n)
                              for n in (HYPERVISOR, KERNEL, MAIN))
        # Until the kernel begins, all is the hypervisor's.
        start = first[0].minus(entry[0])
        start = Counts(0, start.all(), 0, start.steps)
        alone = f"hypervisor alone, {name}"
        whole = f"boot to user space, {name}"
        rows[alone], places[alone] = start, first[1]
        rows[whole] = start.plus(user[0].minus(first[0]))
        places[whole] = user[1]
    return rows, places


def work_rows(machine, kernel):
    text, marks = machine.run("work", kernel, DOM0_LINE, f"{OUT}/work.cpio")
    if "WORK END" not in text:
        print(text[-800:])
        sys.exit(f"{machine.label}: the work did not end")
    said = [(n, int(u)) for u, n in
            re.findall(r"^WORK (\d+) (.+?)\r?$", text, re.MULTILINE)]
    pairs = list(marks.pairs())
    rows, places = {}, {}
    for i, (name, units) in enumerate(said):
        counts, at = pairs[i]
        rows[name] = counts.per(units)
        places[name] = {a: n / units for a, n in at.items()}
    return rows, places


def show_functions(image, places, limit=40):
    out = subprocess.run(["nm", "-n", image], stdout=subprocess.PIPE,
                         check=False, text=True).stdout
    symbols = [(int(a, 16), n) for a, n in
               re.findall(r"^([0-9a-f]+) [tTwW] (\S+)$", out, re.MULTILINE)]
    starts = [a for a, _ in symbols]
    total, calls = collections.Counter(), {}
    for address, n in places.items():
        i = bisect.bisect(starts, address) - 1
        if i < 0 or address >= 0xffff880000000000:
            continue
        total[symbols[i][1]] += n
        if address == starts[i]:
            calls[symbols[i][1]] = n
    print(f"{'instructions':>12} {'calls':>8}  function")
    for name, n in total.most_common(limit):
        print(f"{n:12.1f} {calls.get(name, 0):8.2f}  {name}")


def short(n):
    return f"{n / 1e6:.1f} M" if n >= 1e6 else f"{n:.0f}"


def show(results, markdown):
    names = ("", "Xen", "Trellis", "ratio", "less steps", "hv: Xen",
             "hv: Trellis", "aim")
    line = ("| %s | %s | %s | %s | %s | %s | %s | %s |" if markdown
            else "%-35s %9s %9s %6s %10s %9s %11s %5s")
    print(line % names)
    if markdown:
        print("|---|" + "--:|" * 7)
    missed = []
    ours, theirs = results.get("trellis", {}), results.get("xen", {})
    for name in ours or theirs:
        t, x = ours.get(name), theirs.get(name)
        aim = next((a for n, a in AIMS.items() if name.startswith(n)), None)
        ratio = t.all() / x.all() if t and x else None
        steady = t.without_steps() / x.without_steps() if t and x else None
        if aim and ratio and ratio > aim:
            missed.append(name)
        print(line % (name, short(x.all()) if x else "-",
                      short(t.all()) if t else "-",
                      f"{ratio:.2f}" if ratio else "-",
                      f"{steady:.2f}" if steady else "-",
                      short(x.hypervisor) if x else "-",
                      short(t.hypervisor) if t else "-",
                      f"{aim:.2f}" if aim else ""))
    if missed:
        print("above the aim:", "; ".join(missed))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hv", default=os.path.join(TOP, "build/trellis.elf"))
    parser.add_argument("--reference", default=os.path.join(IMAGES, "xen.elf"))
    parser.add_argument("--kernel", default="linux-image-amd64",
                        help="package of the kernel")
    parser.add_argument("--cpu", default="EPYC,-smap,-rdrand,-rdseed")
    parser.add_argument("--append", default="", help="hypervisor options")
    parser.add_argument("--timeout", type=float, default=3600)
    parser.add_argument("--only", default="boot work",
                        help="what to run: boot, work")
    parser.add_argument("--functions", default="", metavar="NAME",
                        help="where the instructions of the rows with that "
                        "word are")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()

    bzimage = glob.glob(f"{IMAGES}/pkg/{args.kernel}/boot/vmlinuz-*")[0]
    plain = plain_kernel(bzimage, f"{OUT}/vmlinux")
    results = {}
    for label, image in (("trellis", args.hv), ("xen", args.reference)):
        if not os.path.exists(image):
            print(f"{image} is not there: {label} left out")
            continue
        if args.functions and label == "xen":
            continue
        machine = Machine(args, label, image)
        rows = results[label] = {}
        places = {}
        for kind, rows_of, kernels in (
                ("boot", boot_rows, {"packed kernel": bzimage,
                                     "plain kernel": plain}),
                ("work", work_rows, plain)):
            if kind in args.only:
                done, at = rows_of(machine, kernels)
                rows |= done
                places |= at
        for name in places if args.functions else ():
            if args.functions in name:
                print(f"{name}:")
                show_functions(image, places[name])
    if args.functions:
        return
    show(results, args.markdown)
    record = {"cpu": args.cpu, "kernel": os.path.basename(bzimage),
              "unit": "instructions",
              "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
              "results": {hv: {name: c._asdict() for name, c in rows.items()}
                          for hv, rows in results.items()}}
    path = os.path.join(OUT, f"system-{args.cpu.split(',')[0]}.json")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(record, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
