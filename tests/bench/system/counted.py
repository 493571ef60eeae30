# SPDX-License-Identifier: MIT
"""A machine whose instructions are counted, and what the plugin (count.c) says
of it."""

import bisect
import collections
import lzma
import os
import re
import struct
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
OUT = os.path.join(TOP, "build/bench")
IMAGES = os.path.join(TOP, "build/images")

# dom0's kernel, or a guest's.
LINE = "console=hvc0 norandmaps nokaslr quiet"

BEGIN, END, MAIN, WARM = range(4)
HYPERVISOR, KERNEL = range(16, 18)

# Marks at which the plugin writes each address's count, with --functions.
DETAILED = (BEGIN, END, HYPERVISOR, KERNEL, MAIN)


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

    def run(self, name, kernel, line, initrd, mem=1024, count=True):
        """Boots a control domain that ends by itself; returns (serial text,
        Marks), or (serial text, None) if nothing is to be counted."""
        path = os.path.join(OUT, f"{self.label}-{name}")
        plugin = (f"{OUT}/count.so,out={path}.marks,"
                  f"entry={entry_point(self.image):x}")
        if self.args.functions:
            plugin += f",marks={sum(1 << n for n in DETAILED):x}"
        line = line.replace(",", ",,")
        command = [
            "qemu-system-x86_64", "-accel", "tcg", "-cpu", self.args.cpu,
            "-icount", "shift=0,sleep=off", "-seed", "1", "-m", str(mem),
            "-display", "none", "-vga", "std", "-nodefaults", "-no-reboot",
            "-monitor", "none", "-serial", f"file:{path}.serial",
            "-rtc", "base=2024-01-01T00:00:00,clock=vm",
            "-kernel", self.image, "-append",
            f"console=com1 dom0_mem=768M {self.args.append}",
            "-initrd", f"{kernel} {line},{initrd}"]
        if count:
            command += ["-plugin", plugin]
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
            return f.read(), Marks(path + ".marks") if count else None


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
