# SPDX-License-Identifier: MIT
"""Other guests than those that the rest is tested with, and what few do.

Debian's kernels as guests of three and four vcpus do what kernels do seldom
(tests/images/src/features.c): debug registers, kprobes, compiled BPF, modules,
CPUs that leave, memory that goes, and run their own tests. Debian's installer
gets to its first menu.
"""

import re

import pytest

import guest
import images
import machine

NAMES = ["perf-count", "perf-sample", "watchpoint", "kprobes", "bpf-jit",
         "large-vmalloc", "module", "cpu-hotplug", "balloon"]
EXTRA = ("console=hvc0 root=/dev/xvda trellis.mode=test trellis.name=g1 "
         "trellis.ip=192.168.77.21/24 trellis.gw=192.168.77.1")


@pytest.fixture
def host(new_machine):
    m = new_machine(smp=2, mem=3072, disks=(("virtio", images.others_disk()),))
    m.boot()
    yield m


def all_well(out):
    assert re.findall(r"^(\S+) ok\r?$", out, re.MULTILINE) == NAMES, out


@pytest.mark.full
@pytest.mark.parametrize("kernel,vcpus",
                         [("6.1", 4), ("6.1-cloud", 3), ("6.12", 4)])
def test_features(host, kernel, vcpus):
    g = guest.Guest(host, "g1", kernel=kernel, vcpus=vcpus,
                    extra=EXTRA + " crashkernel=64M").create(ready=False)
    g.wait_ready(timeout=240)
    assert g.run("nproc") == str(vcpus)
    all_well(g.try_run("features", 240)[1])
    # Linux has no crash kernels in PV guests; docs/clients.md.
    assert "Ignoring crashkernel for a Xen PV domain" in g.run("dmesg")
    assert g.run("cat /sys/kernel/kexec_crash_size") == "0"
    bad = machine.bad_lines(g.run("dmesg"))
    assert not bad, bad
    g.shutdown()
    host.finish()


@pytest.mark.full
def test_features_of_dom0(host):
    all_well(host.try_run("features", 240)[1])
    host.finish()


# The kernel's tests of itself (not in 6.1-cloud): a jump that is patched at
# run time, the compiler of BPF, copies from and to a process (6.1 only). A
# module of these does not load if it finds something wrong.
SELFTESTS = ("test_static_key_base", "test_static_keys", "test_bpf")


@pytest.mark.full
@pytest.mark.parametrize("kernel,tests", [
    ("6.1", (*SELFTESTS, "test_user_copy")), ("6.12", SELFTESTS)],
    ids=["6.1", "6.12"])
def test_selftests(host, kernel, tests):
    g = guest.Guest(host, "g1", kernel=kernel, vcpus=2, memory=256,
                    extra=EXTRA).create(ready=False)
    g.wait_ready(timeout=240)
    for name in tests:
        g.run(f"insmod /run/modules/{name}.ko", 600)
    found = re.search(r"test_bpf: Summary: (\d+) PASSED, 0 FAILED, "
                      r"\[(\d+)/(\d+) JIT'ed\]", g.run("dmesg"))
    assert found and int(found[1]) > 1000 and found[2] == found[3]
    g.shutdown()
    host.finish()


@pytest.mark.full
def test_installer(host):
    g = guest.Guest(host, "installer")
    g.keys = {}
    g.create(ready=False)
    g.attach()
    try:
        host.expect(r"Select a language", 400, "the installer's first menu")
        host.expect(r"English", 60, "its list")
    finally:
        g.detach()
    g.destroy()
    host.finish()
