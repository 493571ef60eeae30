#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trace the micro-benchmark kernel and count what silicon pays for.

The kernel, told `steps`, calls bench_step_mark() around each operation. This
drives QEMU by its gdb stub: it runs to a mark, switches on the log of executed
instructions (one per translated block) and off at the next mark, and looks at
every instruction between them, the hypervisor's included: CR3 loads, TLB
flushes, locked operations, fences, MSR accesses per operation. With
--functions it also says in which functions the instructions are, with --listing
which they are, one by one.

Counts go into the JSON that run.py wrote.
"""

import argparse
import bisect
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
KINDS = ("cr3", "flush", "locked", "fence", "msr")
BEGIN, END, REPORT, BASELINE = range(4)
RDX, RSI, RDI = 3, 4, 5  # places in the stub's block of registers


def classify(code):
    """Kind of one instruction by its bytes, or None. Intel SDM vol. 2."""
    at, locked = 0, False
    while code[at] in (0x66, 0xf0, 0xf2, 0xf3, 0x2e, 0x3e, 0x64, 0x65):
        locked |= code[at] == 0xf0
        at += 1
    if code[at] & 0xf0 == 0x40:
        at += 1
    op, modrm = code[at], code[at + 1]
    if locked or (op in (0x86, 0x87) and modrm < 0xc0):
        return "locked"
    if op != 0x0f:
        return None
    op, modrm = modrm, code[at + 2]
    if op == 0x22:
        return {3: "cr3", 4: "flush"}.get(modrm >> 3 & 7)
    if op == 0x01 and modrm >> 3 & 7 == 7 and modrm < 0xc0:
        return "flush"  # INVLPG
    if op == 0x38 and modrm == 0x82:
        return "flush"  # INVPCID
    if op == 0xae and modrm in (0xf0, 0xe8, 0xf8):
        return "fence"
    if op in (0x30, 0x32):
        return "msr"
    return None


class Stub:
    """The remote serial protocol, as much as is needed, over a pipe."""

    def __init__(self, command):
        # pylint: disable=consider-using-with
        self.qemu = subprocess.Popen(command, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)
        self.ask("?")
        self.send("QStartNoAckMode")
        self.receive()

    def send(self, text):
        data = text.encode()
        self.qemu.stdin.write(b"$%s#%02x" % (data, sum(data) & 255))
        self.qemu.stdin.flush()

    def receive(self):
        read = self.qemu.stdout.read
        while True:
            c = read(1)
            if c == b"$":
                break
            if not c:
                raise EOFError("QEMU has gone")
        text = bytearray()
        while (c := read(1)) != b"#":
            text += c
        read(2)
        return text.decode()

    def ask(self, text):
        self.send(text)
        reply = self.receive()
        if text == "?":
            self.qemu.stdin.write(b"+")
        return reply

    def register(self, number):
        block = bytes.fromhex(self.ask("g"))
        return int.from_bytes(block[number * 8:number * 8 + 8], "little")

    def monitor(self, command):
        self.send("qRcmd," + command.encode().hex())
        while self.receive() != "OK":
            pass

    def memory(self, address, size):
        reply = self.ask(f"m{address:x},{size:x}")
        return None if reply.startswith("E") else bytes.fromhex(reply)

    def string(self, address):
        return self.memory(address, 64).split(b"\0")[0].decode()

    def close(self):
        self.qemu.kill()
        self.qemu.wait()


def show_listing(image, seen, units):
    """The image's instructions that an operation executes, with counts."""
    out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", image],
                         stdout=subprocess.PIPE, check=False, text=True).stdout
    for line in out.splitlines():
        name = re.match(r"^[0-9a-f]+ (<\S+>:)$", line)
        if name:
            function = name.group(1)
        at = re.match(r"^\s*([0-9a-f]{16}):\s+(.*)$", line)
        times = seen.get(int(at.group(1), 16), 0) / units if at else 0
        if times >= 0.5:
            print(f"{function}\n" * bool(function)
                  + f"  {times:6.1f}  {at.group(1)[-6:]}  {at.group(2)}")
            function = ""


class Symbols:
    def __init__(self, image):
        out = subprocess.run(["nm", "-n", image], stdout=subprocess.PIPE,
                             check=False, text=True).stdout
        rows = re.findall(r"^([0-9a-f]+) [tTwW] (\S+)$", out, re.MULTILINE)
        self.starts = [int(a, 16) for a, _ in rows]
        self.names = [n for _, n in rows]

    def find(self, name):
        return self.starts[self.names.index(name)]

    def name(self, address):
        i = bisect.bisect(self.starts, address) - 1
        if i < 0 or address - self.starts[i] > 0x10000:
            return "(elsewhere)"
        return self.names[i]


TRACE = re.compile(rb"\[[0-9a-f]+/([0-9a-f]+)/")
# Its bytes, when QEMU translates it first: with isolation the hypervisor is not
# mapped any more where the stub could be asked.
INSN = re.compile(rb"^0x([0-9a-f]+):\s+((?:[0-9a-f]{2} )+)", re.MULTILINE)


def read_trace(stub, log, kinds, seen):
    """Counts by address of what the log has got; kinds of new addresses."""
    text = log.read()
    for at, code in INSN.findall(text):
        kinds[int(at, 16)] = classify(bytes.fromhex(code.decode())
                                      + b"\0" * 16)
    for rip in (int(m, 16) for m in TRACE.findall(text)):
        if rip not in kinds:
            code = stub.memory(rip, 16) or stub.memory(rip, 4)
            kinds[rip] = classify(code + b"\0" * 16) if code else None
        seen[rip] += 1


def measure(command, mark, log_path):
    """{operation: (units, {address: times})}, {address: kind}."""
    kinds, result = {}, {}
    seen, base = collections.Counter(), collections.Counter()
    stub = Stub(command)
    try:
        stub.ask(f"Z1,{mark:x},1")
        log = open(log_path, "rb")  # pylint: disable=consider-using-with
        while True:
            stub.ask("c")
            what, name, units = (stub.register(r) for r in (RDI, RSI, RDX))
            stub.ask("s")  # or it stops here again
            if what == BEGIN:
                stub.monitor("singlestep on")
                stub.monitor("log exec,nochain,in_asm")
            elif what == END:
                stub.monitor("log none")
                stub.monitor("singlestep off")
                read_trace(stub, log, kinds, seen)
            elif what == REPORT:
                name = stub.string(name)
                if not name:
                    break
                seen.subtract(base)
                result[name] = (units, seen)
                seen = collections.Counter()
            elif what == BASELINE:
                base, seen = seen, collections.Counter()
        log.close()
    finally:
        stub.close()
    return result, kinds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hv", default=os.path.join(TOP, "build/trellis.elf"))
    parser.add_argument("--reference",
                        default=os.path.join(TOP, "build/images/xen.elf"))
    parser.add_argument("--kernel",
                        default=os.path.join(TOP, "build/guests/bench.elf"))
    parser.add_argument("--cpu", default="EPYC,-smap")
    parser.add_argument("--append", default="", help="hypervisor options")
    parser.add_argument("--functions", action="store_true",
                        help="instructions by function")
    parser.add_argument("--listing", metavar="OPERATION",
                        help="the instructions of this row of the table")
    parser.add_argument("--out", default=os.path.join(TOP, "build/bench"))
    args = parser.parse_args()

    kernel = Symbols(args.kernel)
    table = {}
    for label, image in (("xen", args.reference), ("trellis", args.hv)):
        if not os.path.exists(image):
            continue
        with tempfile.TemporaryDirectory() as room:
            trace = os.path.join(room, "trace")
            with open(trace, "wb"):
                pass
            result, kinds = measure([
                "qemu-system-x86_64", "-accel", "tcg", "-cpu", args.cpu,
                "-icount", "shift=0,sleep=off", "-m", "256",
                "-display", "none", "-no-reboot", "-monitor", "none",
                "-serial", "null", "-net", "none", "-S", "-D", trace,
                "-rtc", "base=2024-01-01T00:00:00,clock=vm",
                "-gdb", "stdio", "-kernel", image,
                "-append", "console=com1 " + args.append,
                "-initrd", args.kernel + " steps",
            ], kernel.find("bench_step_mark"), trace)
        symbols = Symbols(image)
        for name, (units, seen) in result.items():
            row = table.setdefault(name, {})
            row[label] = {
                kind: round(sum(n for a, n in seen.items()
                                if kinds.get(a) == kind) / units, 2)
                for kind in KINDS}
            if args.listing == name and label == "trellis":
                print(f"\n{name}:")
                show_listing(image, seen, units)
            if args.functions and label == "trellis":
                print(f"\n{name}:")
                by = collections.Counter()
                for a, n in seen.items():
                    where = symbols if a >= symbols.starts[0] else kernel
                    if kernel.starts[0] <= a <= kernel.starts[-1] + 4096:
                        where = kernel
                    by[where.name(a)] += n / units
                for f, n in by.most_common():
                    print(f"  {n:8.1f}  {f}")

    print(f"{'per operation: Xen / Trellis':36}"
          + "".join(f"{k:>14}" for k in KINDS))
    worse = []
    for name, row in table.items():
        x, t = row.get("xen"), row.get("trellis")
        cells = [f"{(x or {}).get(k, '-')} / {(t or {}).get(k, '-')}"
                 for k in KINDS]
        print(f"{name:36}" + "".join(f"{c:>14}" for c in cells))
        if x and t:
            worse += [f"{name}: {k}" for k in KINDS[:4] if t[k] > x[k]]
    print("More than Xen: " + (", ".join(worse) or "nowhere"))
    path = os.path.join(args.out, args.cpu.split(",")[0] + ".json")
    record = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as old:
            record = json.load(old)
    record["steps"] = table
    os.makedirs(args.out, exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        json.dump(record, out, indent=1)
        out.write("\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
