# SPDX-License-Identifier: MIT
"""Debian guests, started and ended by our tools in dom0.

The tests share one machine; a failed test costs the next one a new boot. Each
must leave the host as it found it: memory, event channels, devices, store.
"""

import re
import time

import pytest

import guest
import machine

MIB = 1 << 20
GATEWAY = "192.168.77.1"

# Kernel and CPUs; the rest only with --full.
KERNELS = [("6.1", 1), ("6.1-cloud", 2), ("6.12", 2),
           pytest.param("6.1", 2, marks=pytest.mark.full),
           pytest.param("6.1-cloud", 1, marks=pytest.mark.full),
           pytest.param("6.12", 1, marks=pytest.mark.full)]

# What dom0 knows of guests; each line must be the same before and after.
TRACES = {
    # The folders of a backend's kind stay, empty, once there was one.
    "store": "for d in domain vm libxl trellis; do "
             "tl store ls -f /local/$d; done 2>/dev/null | sort | "
             "grep -vE '^/local/domain/0/backend(/vbd|/vif)?( |$)'",
    "domains": "tl list | tail -n +2 | awk '{ print $1 }'",
    "backends": "ls /sys/bus/xen-backend/devices",
    "network": "ls /sys/class/net",
    "bridge": "ls /sys/class/net/xenbr0/brif",
    "loop devices": "losetup -a",
    "event channels": "grep -c xen-dyn /proc/interrupts",
    "mounts": "wc -l < /proc/mounts",
}


class Host:
    """The shared machine and what to compare at a test's end."""

    def __init__(self, hv, number):
        self.m = machine.Machine(f"guests-{hv}-{number}", hv=hv, smp=2,
                                 mem=3072, guests=True)
        self.m.boot()
        self.good = True

    def free_memory(self):
        info = self.m.json("tl info -j")
        found = [v for k, v in info.items() if "free" in k and "mem" in k]
        assert found, f"tl info -j has no free memory: {info}"
        return int(found[0])

    def traces(self):
        seen = {what: self.m.run(f"{command}; true")
                for what, command in TRACES.items()}
        seen["free memory"] = self.free_memory()
        return seen

    def compare(self, before, timeout=30):
        """Waits until all is as before; frames are freed bit by bit."""
        end = time.monotonic() + timeout * machine.PATIENCE
        while True:
            now = self.traces()
            left = {what: (before[what], now[what])
                    for what in before if before[what] != now[what]}
            if not left:
                return
            if time.monotonic() > end:
                self.m.fail("left behind (before, after): "
                            + "; ".join(f"{k}: {v}" for k, v in left.items()))
            time.sleep(1)


class Hosts:
    """Hands out the shared machine, a new one after a failure."""

    def __init__(self, hv):
        self.hv = hv
        self.host = None
        self.boots = 0

    def get(self):
        if self.host is not None and not self.host.good:
            self.close()
        if self.host is None:
            self.boots += 1
            self.host = Host(self.hv, self.boots)
        return self.host

    def close(self):
        if self.host is not None:
            self.host.m.kill()
        self.host = None


@pytest.fixture(scope="module")
def hosts(hv):
    shared = Hosts(hv)
    yield shared
    try:
        if shared.host is not None and shared.host.good:
            shared.host.m.finish()
    finally:
        shared.close()


@pytest.fixture
def host(hosts, request):
    shared = hosts.get()
    shared.good = False
    before = shared.traces()
    yield shared
    if not getattr(request.node, "failed", True):
        shared.compare(before)
        shared.m.check()
        shared.good = True


@pytest.mark.parametrize("kernel,vcpus", KERNELS)
def test_kernel(host, kernel, vcpus):
    """Each kernel comes up with its CPUs, its disk and its network."""
    g = guest.Guest(host.m, "g1", kernel, vcpus).create()
    assert kernel.split("-", maxsplit=1)[0] in g.report("uname")
    assert g.report("disk").endswith("ok")
    assert re.search(r" 0% packet loss", g.report(f"ping {GATEWAY}"))
    assert g.run("nproc") == str(vcpus)
    bad = [line for line in g.run("dmesg").split("\n")
           if machine.BAD_DMESG.search(line)
           and not machine.GOOD_DMESG.search(line)]
    assert not bad, "\n".join(bad)
    g.shutdown()


def test_disk_across_reboot(host):
    """What a guest wrote and synced is there after it restarts."""
    g = guest.Guest(host.m, "g1", vcpus=2).create()
    g.run(f"stream write /srv/big 31 {48 * MIB} && sync", 180)
    g.reboot()
    g.run("echo 3 > /proc/sys/vm/drop_caches; "
          f"stream check /srv/big 31 {48 * MIB}", 180)
    g.run("rm /srv/big && sync")
    g.shutdown()


def test_tcp(host):
    """64 MiB between dom0 and a guest, each way, every byte compared."""
    size = 64 * MIB
    g = guest.Guest(host.m, "g1").create()
    for way, back in (("send", "recv"), ("recv", "send")):
        g.run(f"stream listen 7001 {way} 41 {size} > /tmp/s 2>&1 &")
        time.sleep(1)
        mine = host.m.run(f"stream connect 192.168.77.21 7001 {back} 41 {size}",
                          240)
        theirs = g.run("sleep 1; cat /tmp/s")
        assert mine.split()[-1] == theirs.split()[-1]
    g.shutdown()


def test_two_guests(host):
    """Two guests at once reach each other and move 16 MiB."""
    size = 16 * MIB
    g1 = guest.Guest(host.m, "g1").create()
    g2 = guest.Guest(host.m, "g2", "6.12").create()
    g1.run("ping -c 3 192.168.77.22")
    g2.run("ping -c 3 192.168.77.21")
    g2.run(f"stream listen 7002 recv 42 {size} > /tmp/s 2>&1 &")
    time.sleep(1)
    sent = g1.run(f"stream connect 192.168.77.22 7002 send 42 {size}", 240)
    assert sent.split()[-1] == g2.run("sleep 1; cat /tmp/s").split()[-1]
    g1.shutdown()
    g2.shutdown()


def test_console(host):
    """Early output is kept, attach and detach work, all is in the log."""
    g = guest.Guest(host.m, "g1").create()
    assert "Linux version" in g.console_log()
    g.run("echo first visit > /dev/kmsg; echo visit-$((1 + 1))")
    assert g.run("echo again-$((2 + 2))") == "again-4"
    assert "visit-2" in g.console_log()
    g.shutdown()


def test_pause(host):
    """A paused guest does not run; an unpaused one goes on."""
    g = guest.Guest(host.m, "g1").create()
    host.m.run("tl pause g1")
    assert host.m.try_run("ping -c 2 -W 1 192.168.77.21")[0] != 0
    host.m.run("tl unpause g1")
    host.m.run("ping -c 2 192.168.77.21")
    g.shutdown()


ENDS = {
    "shutdown": lambda g: g.shutdown(),
    "reboot": lambda g: (g.reboot(), g.destroy()),
    "crash": lambda g: g.crash(),
    "destroy": lambda g: g.destroy(),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_is_left(host, end, pytestconfig):
    """Life cycles that end in each way leave the host as it was."""
    cycles = pytestconfig.getoption("--cycles") or \
        (50 if pytestconfig.getoption("--full") else 1)
    before = host.traces()
    for _ in range(cycles):
        g = guest.Guest(host.m, "g1", on_crash="destroy").create()
        ENDS[end](g)
        host.compare(before)


def test_wrong_config(host):
    """A wrong key is named with its line and what may have been meant."""
    host.m.run("sed 's/^memory/memroy/' /srv/g1.cfg > /tmp/wrong.cfg")
    status, out = host.m.try_run("tl create /tmp/wrong.cfg 2>&1")
    assert status != 0
    assert "memroy" in out and "memory" in out, out
    assert re.search(r"wrong\.cfg:\d+|line \d+", out), out
