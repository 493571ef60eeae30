# SPDX-License-Identifier: MIT
"""Whether a machine that hangs executes code that its memory does not hold.

Linux changes its code under an INT3 and then makes all CPUs serialise. QEMU
before 8.1, with a thread per CPU, may keep a translation that it began while
another CPU's store changed the code: a CPU then executes the INT3 although it
has gone. Either Linux dies of it (died()), or it goes back to the instruction
and finds the INT3 again, for ever (loops()). Seen in the emulator's own words:
the loop ended at once when a breakpoint made it translate that page anew. On a
real processor neither can be.
"""

import re
import subprocess
import time

# What Linux prints: the byte at fault, in angle brackets, is no INT3.
OOPS = re.compile(r"int3: 0000 \[#1\](?:(?!Code: )(?s:.))*"
                  r"Code: [^<\n]*<(?!cc>)")

TRAP_BP = 3
STUB_BYTES = 16   # from one gate's code to the next
SAMPLES = 300
ENOUGH = 5        # samples of one CPU at one address


def died(serial):
    """The text of a serial line that ends with Linux dead of stale code."""
    return bool(OOPS.search(serial))


def gate(image, vector):
    """The address that a vector's gate leads to."""
    for line in subprocess.run(["nm", image], check=True, text=True,
                               stdout=subprocess.PIPE).stdout.splitlines():
        value, _, name = line.split()
        if name == "vector_stubs":
            return int(value, 16) + vector * STUB_BYTES
    return 0


def at_gate(hmp, address):
    """Yields (CPU, RSP) of those that stand there."""
    for cpu in hmp("info registers -a").split("CPU#")[1:]:
        number = re.match(r"\d+", cpu)
        rip = re.search(r"RIP=([0-9a-f]+)", cpu)
        rsp = re.search(r"RSP=([0-9a-f]+)", cpu)
        if rip and int(rip.group(1), 16) == address:
            yield int(number.group(0)), int(rsp.group(1), 16)


def memory(hmp, cpu, address, count):
    """Bytes as that CPU's page tables have them; none if they have none."""
    out = hmp(f"x/{count}bx {address:#x}", cpu)
    return [int(b, 16) for b in re.findall(r"0x([0-9a-f]{2})\b",
                                           out.partition(":")[2])]


def sample(hmp, address):
    """Yields (CPU, RIP) of the frames that were just pushed at the gate."""
    hmp("stop")
    try:
        for cpu, rsp in at_gate(hmp, address):
            frame = memory(hmp, cpu, rsp, 8)
            yield cpu, int.from_bytes(bytes(frame), "little")
    finally:
        hmp("cont")


def loops(hmp, image):
    """The address at which a CPU takes INT3 after INT3 although none is there;
    None: no CPU does. hmp(command, cpu=0) asks QEMU's monitor."""
    seen = {}
    address = gate(image, TRAP_BP)
    for _ in range(SAMPLES):
        for cpu, rip in sample(hmp, address):
            code = memory(hmp, cpu, rip - 2, 2)
            if len(code) < 2 or code[1] == 0xcc or code == [0xcd, 0x03]:
                continue
            seen[cpu, rip] = seen.get((cpu, rip), 0) + 1
            if seen[cpu, rip] == ENOUGH:
                return rip - 1
        time.sleep(0.01)
    return None
