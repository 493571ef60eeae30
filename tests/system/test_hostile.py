# SPDX-License-Identifier: MIT
"""A guest that attacks the hypervisor, beside a guest that works.

tests/guests/fuzz is started by tl as an ordinary guest of four vcpus; each
does random hypercalls with arguments that are nearly right. Meanwhile a Debian
guest writes and reads its disk and moves data to dom0, and every byte is
compared. The hypervisor is the debug build: assertions, lock ranks, audit.

If the attacker's domain ends before its goal, the next seed goes on.
"""

import os
import re
import time

import pytest

import guest
import images
import machine

MIB = 1 << 20
LOG = f"{guest.CONSOLE_LOGS}/*attacker*.log"
CONFIG = ["name = \"attacker\"", "type = \"pv\"", "kernel = \"/tmp/fuzz.elf\"",
          "memory = 16", "vcpus = 4", "on_crash = \"destroy\""]

# The work: rounds until there is a file /tmp/stop. Each has a seed of its own.
LOOP = ("n=1; while [ ! -e /tmp/stop ]; do {round}; sleep {pause}; done "
        "> /tmp/{name}.log 2>&1; echo ended >> /tmp/{name}.log")
DISK = (f"stream write /srv/work $n {4 * MIB} && sync && "
        "echo 3 > /proc/sys/vm/drop_caches && "
        f"stream check /srv/work $n {4 * MIB} && n=$((n + 1)) || "
        "{ echo FAILED $n; break; }")
SERVE = (f"stream listen 7003 send $n {2 * MIB} && n=$((n + 1)) || "
         "{ echo FAILED $n; break; }")
# The other end may not listen yet.
FETCH = (f"stream connect 192.168.77.21 7003 recv $n {2 * MIB} && "
         "n=$((n + 1)); true")
WRONG = re.compile(r"FAILED|wrong|ended early|I/O error", re.IGNORECASE)


class Attacker:
    """The domain of tests/guests/fuzz, one life after the other."""

    def __init__(self, m, calls_each):
        self.m = m
        self.calls_each = calls_each
        self.seed = 0
        self.calls = 0
        self.ends = []
        for line in CONFIG:
            m.run(f"echo '{line}' >> /tmp/attacker.cfg")

    def log(self):
        return self.m.run(f"cat {LOG} 2>/dev/null; true")

    def live(self, timeout):
        """One life: to its end or its goal; adds its calls."""
        self.seed += 1
        self.m.run(f"rm -f {LOG}")
        # Debian's Xen does an iret in a multicall, and the guest strays.
        more = " no-iret" if self.m.opt.hv == "xen" else ""
        self.m.run("tl create /tmp/attacker.cfg 'extra=\""
                   f"seed={self.seed} calls={self.calls_each}{more}\"'", 60)
        end = time.monotonic() + timeout * machine.PATIENCE
        while self.m.try_run("tl domid attacker")[0] == 0:
            if time.monotonic() > end:
                self.m.fail(f"seed {self.seed} hangs:\n{self.log()[-2000:]}")
            time.sleep(1)
        self.judge(self.log())

    def judge(self, said):
        if "BREACH" in said:
            self.m.fail(f"seed {self.seed}:\n{said[-3000:]}")
        counts = re.findall(r"fuzz: (?:at|done) (\d+) calls", said)
        self.calls += int(counts[-1]) if counts else 0
        self.ends.append("done" if "fuzz: done" in said else "crashed")
        print(f"seed {self.seed}: {self.ends[-1]}, {self.calls} calls so far\n"
              f"{said[-3000:]}", flush=True)

    def run(self, goal, timeout):
        lives = 4 + 2 * goal / self.calls_each
        while self.calls < goal:
            if self.seed > lives:
                self.m.fail(f"only {self.calls} calls: {self.ends}")
            self.live(timeout)
        # One that ends early now and then is its own affair; all of them are
        # an attack that does not happen.
        assert "done" in self.ends


class Work:
    """Checked disk and network work of the Debian guest."""

    def __init__(self, m, pause):
        self.m = m
        self.guest = guest.Guest(m, "g1", vcpus=2).create()
        for who, name, round_ in ((self.guest, "disk", DISK),
                                  (self.guest, "serve", SERVE),
                                  (m, "fetch", FETCH)):
            loop = LOOP.format(name=name, round=round_, pause=pause)
            who.run(f"({loop}) & true")

    def stop(self):
        """All rounds were right; returns how many of disk and network."""
        self.guest.run("touch /tmp/stop")
        self.wait("disk", self.guest)
        # The server ends with its last connection.
        self.wait("serve", self.guest)
        self.m.run("touch /tmp/stop")
        self.wait("fetch", self.m)
        rounds = []
        for who, name in ((self.guest, "disk"), (self.guest, "serve"),
                          (self.m, "fetch")):
            log = who.run(f"grep -v 'Connection refused' /tmp/{name}.log | "
                          "tail -n 30")
            bad = who.run(f"grep -ciE '{WRONG.pattern}' /tmp/{name}.log; true")
            if bad != "0":
                self.m.fail(f"{name} work was wrong:\n{log}")
            rounds.append(int(who.run(
                f"grep -c 'checksum' /tmp/{name}.log; true")))
        return rounds

    def wait(self, name, who, timeout=60):
        end = time.monotonic() + timeout * machine.PATIENCE
        while who.try_run(f"grep -q ended /tmp/{name}.log")[0]:
            if time.monotonic() > end:
                self.m.fail(f"{name} work does not end:\n"
                            + who.run(f"tail -n 30 /tmp/{name}.log"))
            time.sleep(0.5)


def kernel_disk():
    """The attacker's kernel as a disk; dom0 has no other way to files."""
    path = os.path.join(images.LOGS, "attacker.img")
    with open(os.path.join(images.BUILD, "guests", "fuzz.elf"), "rb") as f:
        image = f.read()
    with open(path, "wb") as f:
        f.write(image)
        f.truncate(-(-len(image) // MIB) * MIB)
    return path, len(image)


def attack(new_machine, hv, goal, calls_each, timeout, pause):
    disk, size = kernel_disk()
    m = new_machine(hv="debug" if hv == "trellis" else hv, smp=2, mem=2048,
                    guests=True, disks=(("virtio", disk),))
    m.boot()
    m.run(f"head -c {size} /dev/vdb > /tmp/fuzz.elf")
    work = Work(m, pause)
    attacker = Attacker(m, calls_each)
    began = time.monotonic()
    attacker.run(goal, timeout)
    print(f"{attacker.calls} calls in {time.monotonic() - began:.0f} s, ends: "
          f"{attacker.ends}")
    rounds = work.stop()
    print(f"rounds of disk (each twice), server, client: {rounds}")
    assert all(rounds)
    m.finish()


def test_attack(new_machine, hv):
    """Some ten thousand calls; half a minute on an idle machine."""
    attack(new_machine, hv, 25_000, 25_000, 120, 0.2)


@pytest.mark.full
def test_long_attack(new_machine, hv):
    """Ten million calls of many seeds, which differ in what they use."""
    attack(new_machine, hv, 10_000_000, 250_000, 600, 1)
