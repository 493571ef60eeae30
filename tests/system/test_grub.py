# SPDX-License-Identifier: MIT
"""Guests that boot by GRUB for PV guests, as Debian's packages have it."""

import pytest

import guest
import images

DOWN = "\x1b[B"
ENTER = "\r"


@pytest.fixture
def host(new_machine):
    m = new_machine(smp=2, mem=3072, disks=(("virtio", images.grub_disk()),))
    m.boot()
    yield m


def choose_second(g):
    """At GRUB's menu: the entry below the first."""
    g.attach()
    try:
        g.m.expect("will be executed automatically", 120, "GRUB's menu")
        g.m.send(DOWN)
        g.m.expect("Second", 60, "the menu drawn again")
        g.m.send(ENTER)
        g.m.expect("Linux version", 240, "the guest's own kernel")
    finally:
        g.detach()


@pytest.mark.full
@pytest.mark.parametrize("name", ["grub", "chain"])
def test_grub(host, name):
    """GRUB reads menu, kernel and initrd from the guest's disk, and the kernel
    that it starts finds the disk, as it was chosen by hand."""
    g = guest.Guest(host, "grub")
    g.config = f"/srv/{name}.cfg"
    g.keys = {}
    g.create(ready=False)
    choose_second(g)
    g.wait_ready(timeout=240)
    assert "trellis.entry=second" in g.run("cat /proc/cmdline")
    assert g.report("disk").endswith("ok")
    g.shutdown()
    host.finish()
