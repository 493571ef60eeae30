# SPDX-License-Identifier: MIT
"""Debian's tools read what the hypervisor says of itself: xentrace its trace
buffers, xenperf its counters, xenlockprof the profiles of its locks.
"""

import re

import pytest

RUNSTATE, SWITCH, HYPERCALL, FAULT, IRQ = \
    0x21000, 0x2800a, 0x20100d, 0x201104, 0x802008


def counts(text):
    """{event: how often} of tracecount's output."""
    return {int(e, 16): int(n)
            for e, n in re.findall(r"event ([0-9a-f]{8}): (\d+)", text)}


def trace(m, args, work="sleep 3"):
    m.run(f"(xentrace -D {args} -T 6 /tmp/trace 2> /tmp/err &) ; sleep 2; "
          f"{work}; sleep 6", 120)
    assert "ERROR" not in m.run("cat /tmp/err")
    return m.run("tracecount /tmp/trace", 120)


def test_xentrace(new_machine):
    """All classes of events, on all CPUs, whole records, no time reversed;
    then one class only; then tracing is off again."""
    m = new_machine(initramfs="kexec", smp=2).boot()
    out = trace(m, "-e all -S 64", "dd if=/dev/urandom of=/tmp/x bs=64k "
                "count=40 2> /dev/null; ls -R /sys > /dev/null")
    seen = counts(out)
    states = sum(n for e, n in seen.items() if e & 0x2ff00f == 0x21001)
    assert states > 100, out
    # Debian's Xen records no interrupts of devices, whatever is asked for.
    irq = () if m.opt.hv == "xen" else (IRQ,)
    for event in SWITCH, HYPERCALL, FAULT, *irq:
        assert seen.get(event, 0) > 50, f"{event:x}: {out}"
    assert re.search(r"^cpu 0: ", out, re.M) and \
        re.search(r"^cpu 1: ", out, re.M), out

    out = trace(m, "-e 0x0002f000")
    seen = counts(out)
    assert seen and all(e & 0x20000 for e in seen
                        if e not in (0x1f001, 0x1f002)), out
    out = trace(m, "-c 1 -e all")
    assert "cpu 1: " in out and "cpu 0: " not in out, out
    m.finish()


@pytest.mark.ours_only("a build of ours: Debian's has neither counters nor "
                       "profiles of locks")
def test_counters_and_locks(new_machine):
    """The build with lock profiles, counting all hypercalls."""
    m = new_machine(hv="lockprof", initramfs="kexec", smp=2,
                    hv_args="perfc").boot()
    m.run("ls -R /sys > /dev/null")
    out = m.run("xenperf -p", 60)
    for name in ("context switches", "interrupts", "hypercalls", "exceptions",
                 "softirqs", "switches by domain", "hypercalls by domain"):
        found = re.search(rf"^{name} +T= *(\d+)", out, re.M)
        assert found and int(found.group(1)) > 100, f"{name}: {out}"
    m.run("xenperf -r > /dev/null")
    out = m.run("xenperf", 60)
    assert int(re.search(r"^context switches +T= *(\d+)", out,
                         re.M).group(1)) < 1000, out

    out = m.run("xenlockprof", 60)
    assert re.search(r"run queue", out) and re.search(r"heap", out), out
    m.run("xenlockprof -r")
    m.hv_keys("p", "context switches: ")
    m.hv_keys("l", "run queue: ")
    m.finish()


@pytest.mark.ours_only("our log outlives a reset")
def test_log_survives_a_reset(new_machine):
    """The end of the log of a machine that was reset is in the next one's."""
    m = new_machine(smp=1).boot()
    m.run("tl debug-keys q")
    assert "last run" not in m.run("tl dmesg")
    m.qmp("system_reset")
    m.wait_ready()
    log = m.run("tl dmesg")
    old, _, new = log.partition("---- this run")
    assert re.search(r"^\| .*Key 'q': show domains", old, re.M), log
    assert "---- end of the last run's log" in old and "All CPUs up" in new, log
    m.finish()


@pytest.mark.ours_only("our log outlives a reset")
def test_no_old_log(new_machine):
    """oldlog=no, and a log of another size at another place."""
    m = new_machine(smp=1, hv_args="no-oldlog conring_size=1M").boot()
    m.qmp("system_reset")
    m.wait_ready()
    assert "last run" not in m.run("tl dmesg")
    m.finish()
