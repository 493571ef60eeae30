# SPDX-License-Identifier: MIT
"""Operations on 1, 2 and 4 CPUs at once (tests/bench/scaling), by vcpus of one
domain and of several: what one costs there, in CPU time of QEMU, as a ratio to
one CPU alone; with the build of `make lockprof` also which locks were waited
for.
"""

import collections
import os
import statistics

from counted import TOP
from smp import Qemu

KERNEL = os.path.join(TOP, "build/guests/scaling.elf")
LOCKPROF = os.path.join(TOP, "build/lockprof/trellis.elf")

Lock = collections.namedtuple("Lock", "taken waited")  # per operation


def run(label, image, cpus=4):
    """{operation: {vcpus: [us of CPU time per operation]}},
    {operation: {vcpus: {lock: Lock}}}"""
    costs = collections.defaultdict(lambda: collections.defaultdict(list))
    locks = collections.defaultdict(lambda: collections.defaultdict(dict))
    qemu = Qemu(f"{label}-scaling", image, "dom0_mem=64M",
                f"{KERNEL},{KERNEL}",
                "-smp", str(cpus), "-m", "256")
    try:
        name = vcpus = None
        while True:
            match = qemu.wait(
                r"SCALE (?P<what>BEGINS|END)|"
                r"LOCK (?P<taken>\d+) (?P<waited>\d+) (?P<times>\d+) "
                r"(?P<lock>[^\r\n]+)", 60)
            if match["what"] == "END":
                break
            if match["what"] is None:
                locks[name][vcpus][match["lock"]] = Lock(
                    *(int(match[n]) / int(match["times"])
                      for n in ("taken", "waited")))
                continue
            before = qemu.cpu_time()
            match = qemu.wait(r"SCALE ENDS (\d+) (\d+) ([^\r\n]+)", 600)
            took = qemu.cpu_time() - before
            vcpus, times, name = int(match[1]), int(match[2]), match[3]
            costs[name][vcpus].append(took / (vcpus * times) * 1e6)
    finally:
        qemu.end()
    return costs, locks


def ratio(of, vcpus):
    """Of what is too short for the clock: not a number."""
    alone = statistics.median(of[1])
    return statistics.median(of[vcpus]) / alone if alone else float("nan")


def show(costs, markdown):
    """{label: costs}"""
    line = ("| %s | %s | %s | %s | %s | %s | %s |" if markdown
            else "%-36s %10s %10s %10s %10s %10s %10s")
    print(line % ("us on one CPU; on more, to that", "1: Xen", "1: Trellis",
                  "2: Xen", "2: Trellis", "4: Xen", "4: Trellis"))
    if markdown:
        print("|---|" + "--:|" * 6)
    for name in costs["trellis"]:
        of = [costs.get(hv, {}).get(name) for hv in ("xen", "trellis")]
        print(line % (name, *(
            "-" if not c else f"{statistics.median(c[1]):.2f}" if n == 1
            else f"{ratio(c, n):.2f}" for n in (1, 2, 4) for c in of)))


def show_locks(locks, vcpus=4):
    print(f"locks per operation, {vcpus} CPUs: taken, waited for")
    for name, by_vcpus in locks.items():
        text = ", ".join(
            f"{lock} {l.taken:.2f} {l.waited:.3f}" for lock, l in
            sorted(by_vcpus[vcpus].items(), key=lambda i: -i[1].taken)
            if l.taken > 0.01)
        print(f"  {name}: {text or 'none'}")
