# SPDX-License-Identifier: MIT
"""Debian's tools of Xen 4.17, unmodified, on this hypervisor: the same script
runs on Debian's Xen, and the answers have to be the same, field by field.

What Debian's Xen answered is kept in tests/clients/recorded. `--hv xen` checks
that it still answers so, `--hv xen --record` keeps its answers anew.
"""

import os
import sys

import pytest

import images

sys.path.insert(0, os.path.join(images.TOP, "tests/clients"))
from compare import keyed, lines, tree  # noqa: E402
from script import Script  # noqa: E402

PV = """name = "{name}"
type = "pv"
kernel = "/srv/vmlinuz-6.1-cloud"
ramdisk = "/srv/initrd-6.1-cloud"
extra = "console=hvc0 {extra}"
memory = 128
vcpus = 2
{more}
"""


@pytest.fixture
def script(new_machine, request):
    """A script on a fresh machine; a test ends with end(script)."""
    m = new_machine(initramfs="clients", smp=2, mem=1536, dom0_mem=640,
                    guests=True, args=getattr(request, "param", ""))
    s = Script(m.boot())
    s.name = request.node.originalname
    s.recording = request.config.getoption("--record")
    return s


def end(s):
    if s.recording:
        s.record(s.name)
    s.check(s.name)
    s.m.finish()


def write_config(s, name, extra="", more=""):
    text = PV.format(name=name, extra=extra, more=more).replace("\n", "\\n")
    s.m.run(f"printf '{text}' > /tmp/{name}.cfg")


def console_says(s, name, what, timeout=60):
    s.until(f"grep -q '{what}' /var/log/xen/console/guest-{name}.log", timeout)


def started(s, name):
    """A guest without a disk: it ends in a shell of its initramfs."""
    write_config(s, name)
    s.do(f"xl create /tmp/{name}.cfg", lines)
    console_says(s, name, "a shell instead")


def test_xl(script):
    """What xl tells of a machine and of a guest, and a guest's short life."""
    s = script
    s.do("xl info", keyed)
    for command in ("list", "list -v", "vcpu-list", "uptime", "claims",
                    "cpupool-list", "cpupool-list -c", "sched-credit2",
                    "sched-credit"):
        s.do(f"xl {command}")
    s.do("xl dmesg | wc -l | grep -v ^0", view=lambda out: {})
    write_config(s, "p1")
    s.do("xl create /tmp/p1.cfg", lines)
    console_says(s, "p1", "a shell instead")
    s.do("xl domid p1")
    s.do("xl domname 1")
    s.do("xl list -l p1", tree)
    s.do("xl vcpu-list p1")
    s.console("xl console p1", "echo got $((40 + 2))", "got 42")
    s.do("xl pause p1")
    s.do("xl list p1")
    s.do("xl unpause p1")
    s.do("xl destroy p1")
    s.do("xl list")
    s.do("xl list p1", lines)
    end(s)


@pytest.mark.full
def test_vcpus_and_memory(script):
    """vcpu-*, mem-*, scheduler and pools, of a running guest."""
    s = script
    started(s, "p1")
    s.do("xl vcpu-pin p1 0 1")
    s.do("xl vcpu-list p1")
    s.do("xl vcpu-pin p1 all 0-1 0")
    s.do("xl vcpu-list p1")
    s.do("xl vcpu-pin p1 7 1", lines)
    s.do("xl vcpu-pin p1 all all all")
    s.do("xl vcpu-set p1 1")
    s.until("xl vcpu-list p1 | grep -q -- '- *--p'")
    s.do("xl vcpu-set p1 2")
    # A kernel leaves it to udev to start what has come.
    s.console("xl console p1", "echo 1 > /sys/devices/system/cpu/cpu1/online; "
              "echo on$((1 + 1))", "on2")
    s.until("! xl vcpu-list p1 | grep -q -- '- *--p'")
    s.do("xl vcpu-set p1 3", lines)
    for mib in (100, 128):
        s.do(f"xl mem-set p1 {mib}")
        s.until(f"xl list p1 | grep -q ' {mib} '")
    s.do("xl mem-max p1 120", lines)
    s.do("xl mem-max p1 160")
    s.do("xl list -l p1", tree)
    s.do("xl sched-credit2 -d p1 -w 512 -c 50")
    s.do("xl sched-credit2")
    s.do("xl sched-credit2 -d p1 -w 70000", lines)
    s.do("xl sched-credit2 -s -r 2000")
    s.do("xl sched-credit2 -s")
    for other in ("credit", "rtds"):
        s.do(f"xl sched-{other} -d p1", lines)
    s.do("xl cpupool-numa-split")
    s.do("xl cpupool-list")
    s.do("xl cpupool-cpu-remove Pool-node0 1")
    s.do("xl cpupool-list -c")
    s.do("""xl cpupool-create 'name="two"' 'sched="credit2"' 'cpus=["1"]'""",
         lines)
    s.do("xl cpupool-list -c")
    s.do("xl cpupool-list")
    s.do("xl cpupool-migrate p1 two")
    s.do("xl cpupool-list")
    s.do("xl cpupool-destroy two", lines)
    s.do("xl cpupool-rename two three")
    s.do("xl cpupool-migrate p1 Pool-node0")
    s.do("xl cpupool-migrate Domain-0 three", lines)
    s.do("xl cpupool-destroy three", lines)
    s.do("xl cpupool-cpu-add Pool-node0 1")
    s.do("xl cpupool-list")
    s.do("xl cpupool-cpu-remove Pool-node0 0-1", lines)
    s.do("""xl cpupool-create 'name="c1"' 'sched="credit"'""", lines)
    s.do("xl destroy p1")
    end(s)


@pytest.mark.full
def test_save_restore(script):
    """A guest goes to a file and comes back, as itself and as a copy; what its
    shell knew it knows afterwards."""
    s = script
    started(s, "r1")
    s.console("xl console r1", "kept=$((40 + 2)); echo a$kept", "a42")
    s.m.run("xl save r1 /tmp/r1.save", 120)
    s.m.run("xl restore /tmp/r1.save", 120)
    s.console("xl console r1", "echo b$kept", "b42")
    s.m.run("xl save -c r1 /tmp/r1.save", 120)
    s.console("xl console r1", "echo c$kept", "c42")
    s.m.run("xl save -p r1 /tmp/r1.save", 120)
    s.m.run("xl list r1")
    s.m.run("xl unpause r1")
    s.console("xl console r1", "echo d$kept", "d42")
    s.m.run("xl destroy r1")
    s.m.run("xl restore -p /tmp/r1.save", 120)
    s.m.run("xl unpause r1")
    s.console("xl console r1", "echo e$kept", "e42")
    s.m.run("xl destroy r1")
    s.m.finish()


@pytest.mark.full
@pytest.mark.parametrize("script", ["clients.store=c", "clients.store=ocaml"],
                         indirect=True)
def test_hundred(script):
    """With two guests running, 100 short commands in a row: none fails."""
    s = script
    for name in "p1", "p2":
        write_config(s, name)
        s.m.run(f"xl create /tmp/{name}.cfg")
    for _ in range(20):
        for command in ("info", "list", "vcpu-list", "sched-credit2",
                        "cpupool-list"):
            s.m.run(f"xl {command} > /dev/null")
    s.m.run("xl destroy p1 && xl destroy p2")
    s.m.finish()
