# SPDX-License-Identifier: MIT
"""Debian's kernel on a processor with Meltdown, isolated and not.

The hypervisor says at boot what it does about it; processes come and go on two
CPUs, so page tables are made, shared between threads and dropped; the audit
then looks into the page tables that are live.
"""

import pytest

CPU = "Skylake-Server,-smap"

WORK = ("for i in 1 2 3 4 5 6 7 8; do "
        "(for j in 1 2 3 4 5; do cat /proc/self/maps; done | md5sum) & "
        "done > /dev/null; wait; echo done")


@pytest.mark.ours_only("what our log says of isolation; our debug build")
@pytest.mark.parametrize("option, says", [
    ("", "all domains"),
    ("xpti=off", "off"),
])
def test_dom0(new_machine, option, says):
    m = new_machine(hv="debug", cpu=CPU, smp=2, mem=1024, hv_args=option)
    m.start()
    m.expect(r"isolation \(xpti\): " + says)
    m.wait_ready(timeout=240)
    assert m.run(WORK, timeout=120) == "done"
    m.finish()
