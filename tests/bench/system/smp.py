# SPDX-License-Identifier: MIT
"""Several CPUs, without -icount: both hypervisors' machines are up at the same
time, but only one of them runs at any moment. Each piece of work (work.c, a
copy for each CPU) is done by the one and then by the other, again and again, so
that what else the host does meets both alike.
"""

import atexit
import collections
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

from counted import LINE, OUT

# A thread of QEMU for each CPU. Without XSAVE, whose emulation is wrong for the
# reference's lazy switch of registers (docs/clients.md), and without SMAP, whose
# emulation is wrong.
CPU = "EPYC,-smap,-monitor,-rdrand,-rdseed,-xsave,-avx,-avx2,-f16c,-fma"

# Units of each copy: a quarter of a second or more on one CPU.
PIECES = {
    "system call": 30000,
    "fork+exec+exit": 15,
    "pipe ping-pong": 1500,
    "pipe ping-pong between CPUs": 700,
    "context switch, 8 processes": 2000,
    "page-fault sweep, per page": 4000,
    "compile of a small program": 1,
}

Cost = collections.namedtuple("Cost", "wall cpu")  # seconds


class Qemu:
    """A QEMU process and what it says on its serial line."""

    def __init__(self, name, image, append, initrd, *more):
        self.path = os.path.join(OUT, name)
        self.said = ""
        # pylint: disable=consider-using-with
        self.log = open(self.path + ".serial", "w", encoding="utf-8")
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", CPU,
             "-display", "none", "-vga", "std", "-nodefaults", "-no-reboot",
             "-serial", "stdio", "-kernel", image, "-append",
             "console=com1 " + append, "-initrd", initrd, *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)
        atexit.register(self.process.kill)
        os.set_blocking(self.process.stdout.fileno(), False)

    def wait(self, pattern, seconds):
        """Until the console has said so, a whole line; returns the match. What
        follows is for the next wait."""
        end = time.monotonic() + seconds
        while True:
            match = re.search(rf"{pattern}\r*\n", self.said)
            if match:
                self.said = self.said[match.end():]
                return match
            if time.monotonic() > end or self.process.poll() is not None or \
                    "FAILED" in self.said or "panic" in self.said:
                self.end()
                raise RuntimeError(f"{self.path}: no {pattern!r}")
            more = self.process.stdout.read()
            if more:
                more = more.decode("utf-8", "replace")
                self.said += more
                self.log.write(more)
                self.log.flush()
            else:
                time.sleep(0.002)

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def cpu_time(self):
        """Seconds of the host's CPUs that all its threads have had."""
        folder, total = f"/proc/{self.process.pid}/task", 0
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/schedstat", encoding="ascii") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def cost(self, begins, ends, seconds):
        """(match of `ends`, Cost) between two lines."""
        self.wait(begins, seconds)
        began, cpu = time.monotonic(), self.cpu_time()
        match = self.wait(ends, seconds)
        return match, Cost(time.monotonic() - began, self.cpu_time() - cpu)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Machine(Qemu):
    """It stands still but for the time of a piece of work."""

    def __init__(self, label, image, kernel, cpus):
        monitor = os.path.join(tempfile.gettempdir(),
                               f"bench-qmp-{os.getpid()}-{label}")
        super().__init__(f"{label}-smp{cpus}", image, "dom0_mem=1024M",
                         f"{kernel} {LINE} several=1,{OUT}/work.cpio",
                         "-smp", str(cpus), "-m", "1536",
                         "-qmp", f"unix:{monitor},server=on,wait=off")
        self.wait(f"WORK READY {cpus}", 300)
        self.monitor = socket.socket(socket.AF_UNIX)
        self.monitor.connect(monitor)
        os.unlink(monitor)
        self.answers = self.monitor.makefile()
        self.answers.readline()
        self.tell("qmp_capabilities")
        self.tell("stop")

    def tell(self, command):
        self.monitor.sendall(json.dumps({"execute": command}).encode())
        while "return" not in json.loads(self.answers.readline()):
            pass

    def work(self, name, units):
        """Does a piece once; returns its Cost."""
        self.tell("cont")
        self.say(f"{units} {name}")
        cost = self.cost("WORK BEGINS", "WORK ENDS", 300)[1]
        self.tell("stop")
        return cost


def start(label, image, kernel, cpus, tries=3):
    """A machine that is up. QEMU with a thread for each CPU now and then runs
    code that was changed (docs/testing.md): such a boot is done again."""
    for left in reversed(range(tries)):
        try:
            return Machine(label, image, kernel, cpus)
        except RuntimeError as why:
            print(f"{why}; {left} more tries")
    return sys.exit(f"{label}: does not boot with {cpus} CPUs")


def quartiles(values):
    return statistics.quantiles(values, n=4)


def measure(images, kernel, cpus, args):
    """{piece: [{label: Cost}]}, a round after the other; no further one after
    args.limit seconds."""
    machines = {}
    done = {name: [] for name in PIECES if re.search(args.pieces, name)}
    end = time.monotonic() + args.limit
    try:
        for label, image in images.items():
            machines[label] = start(label, image, kernel, cpus)
        for i in range(args.rounds):
            if i >= 3 and time.monotonic() > end:
                print(f"time is up after {i} rounds")
                break
            # Who is first changes.
            order = list(machines)[::-1 if i % 2 else 1]
            for name in done:
                done[name].append({label: machines[label].work(
                    name, PIECES[name]) for label in order})
    finally:
        for machine in machines.values():
            machine.end()
    return done


def show(done, cpus, markdown):
    """Medians, and the ratio of each pair: median and quartiles."""
    line = ("| %s | %s | %s | %s | %s | %s | %s |" if markdown
            else "%-36s %9s %9s %6s %14s %6s %14s")
    print(line % (f"{cpus} CPUs", "Xen, s", "Trellis, s", "CPU", "quartiles",
                  "wall", "quartiles"))
    if markdown:
        print("|---|" + "--:|" * 6)
    for name, rounds in done.items():
        cells = [name] + [
            f"{statistics.median(r[hv].cpu for r in rounds):.2f}"
            for hv in ("xen", "trellis")]
        for what in "cpu", "wall":
            low, middle, high = quartiles(
                [getattr(r["trellis"], what) / getattr(r["xen"], what)
                 for r in rounds])
            cells += [f"{middle:.2f}", f"{low:.2f}-{high:.2f}"]
        print(line % tuple(cells))
