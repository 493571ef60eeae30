# SPDX-License-Identifier: MIT
"""Kernels of the guest kit (tests/guests, guest-patches) as guests of tl."""

import glob
import os
import re
import tarfile
import time

import guest
import images
import machine

MIB = 1 << 20
LOG = f"{guest.CONSOLE_LOGS}/*kit*.log"


def disk():
    """The kernels as a disk that holds a tape archive; dom0 has no other way
    to files."""
    path = os.path.join(images.LOGS, "kit.img")
    with tarfile.open(path, "w") as archive:
        for kernel in glob.glob(os.path.join(images.BUILD, "guests", "*.elf")):
            archive.add(kernel, os.path.basename(kernel))
    with open(path, "r+b") as f:
        f.truncate(-(-os.path.getsize(path) // MIB) * MIB)
    return path


def boot(new_machine, **options):
    """A machine whose dom0 has all kernels in /tmp/kit."""
    options.setdefault("smp", 2)
    m = new_machine(mem=1536, dom0_mem=640, disks=(("virtio", disk()),),
                    **options)
    m.boot()
    m.run("mkdir /tmp/kit && tar xf /dev/vda -C /tmp/kit")
    return m


def create(m, image, extra="", how="", **keys):
    """tl create of a guest called kit; its console's log begins anew."""
    m.run(f"rm -f {LOG}")
    keys = {"name": "kit", "type": "pv", "memory": 32, "vcpus": 1,
            "kernel": f"/tmp/kit/{image}.elf", "extra": extra, **keys}
    text = "".join(f"{k} = {v}\\n" if isinstance(v, int) else
                   f"{k} = \\\"{v}\\\"\\n" for k, v in keys.items())
    m.run(f"printf \"{text}\" > /tmp/kit.cfg")
    return m.try_run(f"tl create -q {how} /tmp/kit.cfg 2>&1", 60)


def started(m, *args, **keys):
    status, out = create(m, *args, **keys)
    if status:
        m.fail(f"tl create ended with {status}:\n{out}")


def said(m):
    """What its console said so far."""
    return m.run(f"cat {LOG} 2> /dev/null; true")


def state(m, name="kit"):
    """Its state letters as tl list has them; None if there is no such guest.
    A hypervisor may talk about a guest's death between the lines."""
    for _ in range(5):
        status, out = m.try_run(f"tl list {name} 2> /dev/null")
        found = re.search(rf"^{name} +\d+ +\d+ +\d+ +(\S+) ", out, re.MULTILINE)
        if status or found:
            return found and found[1]
    return m.fail(f"no word of {name}'s state")


def until(m, holds, what, timeout=60):
    """Waits until the function of the machine holds."""
    end = time.monotonic() + timeout * machine.PATIENCE
    while not holds(m):
        if time.monotonic() > end:
            m.fail(f"{what} within {timeout} s; the console:\n"
                   f"{said(m)[-2000:]}")
        time.sleep(0.3)


def ended(m, timeout=120):
    until(m, lambda m: state(m) is None, "the guest does not end", timeout)


def life(m, image, extra="", timeout=120, **keys):
    """From create to the guest's own end; what it said."""
    started(m, image, extra, on_crash="destroy", **keys)
    ended(m, timeout)
    return said(m)
