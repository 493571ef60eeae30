# SPDX-License-Identifier: MIT
"""A dom0 kernel that cannot be booted ends in one clear line, not in silence,
a triple fault or a walk through garbage."""

import os
import re

import pytest

import images


def truncated(data):
    return data[:len(data) // 2]


def corrupt_payload(data):
    """Damage within the packed kernel; its header stays good."""
    at = len(data) * 2 // 3
    return data[:at] + os.urandom(4096) + data[at + 4096:]


def garbage(data):
    return os.urandom(1 << 20) + data[:0]


def not_pv(data):
    """An ELF program that no Xen note describes."""
    del data
    with open(images.host_tool("stream"), "rb") as f:
        return f.read()


def empty(data):
    return data[:0] + b"\n"


# What the line must say something about.
KERNELS = {
    "truncated": (truncated, "truncated|corrupt|decompress|incomplete|beyond"),
    "corrupt": (corrupt_payload, "corrupt|decompress|damaged|checksum"),
    "garbage": (garbage, "neither|unknown|not a|no .*(ELF|bzImage)"),
    "empty": (empty, "neither|unknown|not a|no .*(ELF|bzImage)|small|short"),
    "not-pv": (not_pv, "note|not .*PV|paravirt"),
}


def said(m, wanted):
    """Waits for the hypervisor's last word; returns what dealt with it."""
    m.start()
    match = m.expect(r"(?i)[^\r\n]*(dom0|domain 0|kernel)[^\r\n]*"
                     rf"({wanted})[^\r\n]*", 60, "a line that names the fault",
                     death=False)
    return match.group(0)


@pytest.mark.trellis
@pytest.mark.parametrize("fault", KERNELS)
def test_bad_kernel(new_machine, tmp_path, fault):
    damage, wanted = KERNELS[fault]
    with open(images.kernel("6.1"), "rb") as f:
        data = damage(f.read())
    path = tmp_path / "vmlinuz"
    path.write_bytes(data)
    m = new_machine(kernel=str(path), smp=1, mem=1024, hv_args="noreboot")
    line = said(m, wanted)
    assert not re.search(r"(?i)page fault|general protection|double fault",
                         line), line


@pytest.mark.trellis
def test_oversized(new_machine):
    """A good kernel that does not fit into dom0's memory."""
    m = new_machine(smp=1, mem=1024, dom0_mem=32, hv_args="noreboot")
    said(m, "memory|fit|large|big|small|room")
