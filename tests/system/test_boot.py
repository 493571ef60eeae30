# SPDX-License-Identifier: MIT
"""Debian's kernels reach user space as dom0, on all kinds of machines.

Each combination boots to dom0's shell, sees the CPUs and the memory that it
should, has a clean dmesg, passes the hypervisor's audit, and powers off.
"""

import itertools

import pytest

AXES = {
    "kernel": ["6.1", "6.12"],
    "smp": [1, 2, 4],
    "machine": ["pc", "q35"],
    "boot": ["kernel", "bios", "uefi"],
    "cpu": ["max,-smap", "qemu64", "Skylake-Server,-smap"],
    "mem": [1024, 4096, 8192],
}

CORE = [
    ("6.1", 2, "pc", "kernel", "max,-smap", 4096),
    ("6.12", 4, "q35", "kernel", "Skylake-Server,-smap", 8192),
    ("6.1", 1, "q35", "bios", "qemu64", 1024),
    ("6.12", 2, "pc", "uefi", "max,-smap", 4096),
]


def pairs_of(combination):
    return set(itertools.combinations(enumerate(combination), 2))


def covering_pairs():
    """Combinations such that every two values of any two axes meet."""
    every = list(itertools.product(*AXES.values()))
    chosen = list(CORE)
    left = set().union(*map(pairs_of, every))
    for combination in chosen:
        left -= pairs_of(combination)
    while left:
        best = max(every, key=lambda c: len(pairs_of(c) & left))
        chosen.append(best)
        left -= pairs_of(best)
    return chosen


def pytest_generate_tests(metafunc):
    if "combination" not in metafunc.fixturenames:
        return
    config = metafunc.config
    matrix = config.getoption("--matrix") or \
        ("pairs" if config.getoption("--full") else "core")
    chosen = {"core": lambda: CORE, "pairs": covering_pairs,
              "all": lambda: list(itertools.product(*AXES.values()))}[matrix]()
    metafunc.parametrize(
        "combination", [dict(zip(AXES, c)) for c in chosen],
        ids=["-".join(str(v).split(",", maxsplit=1)[0] for v in c)
             for c in chosen])


def check_dom0(m):
    """The CPUs and the memory of dom0 are those that it was given."""
    assert m.run("cat /sys/hypervisor/type") == "xen"
    assert m.run("cat /proc/xen/capabilities") == "control_d"
    assert int(m.run("nproc")) == m.opt.smp
    given = m.opt.dom0_mem or min(1024, m.opt.mem // 2)
    total = int(m.run("awk '/MemTotal/ { print $2 }' /proc/meminfo")) // 1024
    # The kernel keeps its own text, page tables and memmap to itself.
    assert given * 3 // 4 - 64 <= total <= given


def test_boot(new_machine, combination):
    m = new_machine(**combination)
    m.boot(timeout=240)
    check_dom0(m)
    m.finish()


@pytest.mark.ours_only("our debug build")
def test_debug_build(new_machine):
    """The build with assertions, lock ranks and audits finds nothing."""
    m = new_machine(hv="debug", kernel="6.12", machine="q35", smp=4)
    m.boot(timeout=240)
    check_dom0(m)
    m.finish()


def test_reboot_and_poweroff(new_machine):
    """The machine restarts as often as it is told to, then ends."""
    m = new_machine(smp=2, kernel="6.12")
    m.boot()
    for _ in range(2):
        m.check_dmesg()
        m.reboot()
    check_dom0(m)
    m.finish()
