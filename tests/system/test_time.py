# SPDX-License-Identifier: MIT
"""The control domain where system time is kept by a platform clock."""

import re
import time

import pytest

CPU1 = "/sys/devices/system/xen_cpu/xen_cpu1/online"


def uptime(m):
    """dom0's clock and the host's, which did not come before it."""
    return float(m.run("cut -d' ' -f1 /proc/uptime")), time.monotonic()


@pytest.mark.full
@pytest.mark.ours_only("our clock's options, and its key t")
@pytest.mark.parametrize("options", ["tsc=unstable",
                                     "tsc=unstable clocksource=acpi"])
def test_corrected_clock(new_machine, options):
    """Debian keeps time, its processors go and come, and no timer is lost."""
    m = new_machine(smp=2, hv_args=options)
    m.boot(timeout=240)
    guest, host = uptime(m)
    m.run("sleep 4")
    m.run(f"echo 0 > {CPU1}; sleep 3; echo 1 > {CPU1}; sleep 3")
    guest2, host2 = uptime(m)
    passed, wanted = guest2 - guest, host2 - host
    assert abs(passed - wanted) < 0.1 + wanted / 100, (passed, wanted)
    m.run("tl debug-keys t")
    log = m.run("tl dmesg | tail -n 40")
    assert "corrected by the " + ("PM timer" if "acpi" in options else "HPET") in log
    steps = re.findall(r"cpu (\d): TSC .* time was off by (-?\d+) ns; (\d+) steps", log)
    assert [s[0] for s in steps] == ["0", "1"], log
    for _, off, count in steps:
        assert abs(int(off)) < 1000000 and int(count) > 5, log
    m.finish()
