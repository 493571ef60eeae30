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
    return os.urandom(len(data))


def not_pv(_):
    """An ELF program that no Xen note describes."""
    with open(images.host_tool("stream"), "rb") as f:
        return f.read()


def empty(data):
    return data[:1]


# What the line must say something about.
KERNELS = {
    "truncated": (truncated, "truncated"),
    "corrupt": (corrupt_payload, "corrupt"),
    "garbage": (garbage, "not an ELF image"),
    "empty": (empty, "too short|not an ELF image"),
    "not-pv": (not_pv, "not a paravirtualized kernel"),
}


def said(m, wanted):
    """Waits for the hypervisor's last word; returns what dealt with it."""
    m.start()
    match = m.expect(rf"dom0 kernel: [^\r\n]*({wanted})[^\r\n]*", 120,
                     "a line that names the fault", death=False)
    return match.group(0)


@pytest.mark.ours_only("the words of our builder of dom0")
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


@pytest.mark.ours_only("the words of our builder of dom0")
def test_oversized(new_machine):
    """A good kernel that does not fit into dom0's memory."""
    m = new_machine(smp=1, mem=1024, dom0_mem=32, hv_args="noreboot")
    said(m, "not enough memory|too large")
