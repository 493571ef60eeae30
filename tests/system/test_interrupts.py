# SPDX-License-Identifier: MIT
"""Interrupts of devices as Debian's drivers in dom0 use them."""

import re
import time

import pytest

import machine

# A PCI Express root port with two messages: Linux's port driver asks for both,
# and the second one is that of error reporting (AER).
ROOT_PORT = ("-device", "ioh3420,id=root,chassis=1,slot=1")
FIND = ("for d in /sys/bus/pci/devices/*; do case $(cat $d/vendor $d/device) "
        "in *8086*3420) echo $d; break; esac; done")


def messages(m):
    """The interrupts that the port's driver has of it."""
    return sorted(int(n) for n in
                  m.run(f"ls $({FIND})/msi_irqs 2>/dev/null || true").split())


def counts(m, irq):
    """How often the interrupt came, on any CPU."""
    line = re.search(rf"^ *{irq}:((?: +\d+)+) +(.*)$",
                     m.run("cat /proc/interrupts"), re.MULTILINE)
    assert line, f"no line of interrupt {irq}"
    assert "xen-pirq" in line[2], line[0]
    return sum(int(n) for n in line[1].split())


def wait_for_more(m, irq, before):
    end = time.monotonic() + 20 * machine.PATIENCE
    while counts(m, irq) <= before:
        if time.monotonic() > end:
            m.fail(f"interrupt {irq} does not come")
        time.sleep(0.3)


def error_arrives(m, times):
    """An error of the port goes to its second message, and so to AER."""
    irqs = messages(m)
    before = [counts(m, irq) for irq in irqs]
    out = m.qmp("human-monitor-command",
                **{"command-line": "pcie_aer_inject_error root COMP_TIME"})
    assert out.get("return", "").startswith("OK"), out
    wait_for_more(m, irqs[1], before[1])
    assert counts(m, irqs[0]) == before[0]
    end = time.monotonic() + 20 * machine.PATIENCE
    while m.run("dmesg").count("AER: device recovery successful") < times:
        if time.monotonic() > end:
            m.fail(f"AER was not told of error {times}")
        time.sleep(0.3)


@pytest.mark.ours_only("Debian's Xen gives a device one message only, unless "
                       "an IOMMU remaps interrupts")
@pytest.mark.full
def test_a_device_with_two_messages(new_machine):
    m = new_machine(machine="q35", qemu=ROOT_PORT)
    m.boot()
    port = m.run(FIND)
    driver = "/sys/bus/pci/drivers/pcieport"
    assert len(messages(m)) == 2
    error_arrives(m, 1)
    # The driver lets the device go, and takes it once more.
    m.run(f"basename {port} > {driver}/unbind")
    assert not messages(m)
    m.run(f"basename {port} > {driver}/bind")
    assert len(messages(m)) == 2
    error_arrives(m, 2)
    m.finish()
