# SPDX-License-Identifier: MIT
"""Guests of the kit that tl starts: small kernels that say what they see when
our builder made their memory and our daemons serve their rings. They start in
no time, so every command of tl and every end of a guest is tried with them.
"""

import os
import re

import pytest

import images
import kit


# Kernels whose tests need no privilege, and what they need of their guest.
KERNELS = {
    "exceptions": {},
    "usermode": {},
    "pagetypes": {},
    "events": {},
    "timers": {},
    "grants": {"max_grant_version": 2},
    "grantrace": {"vcpus": 3, "max_grant_version": 2},
    "hostile": {},
    "emulation": {},
    "smp": {"vcpus": 3},
    "memory": {},
    "misc": {},
    "switch": {"vcpus": 2, "cpus": "1"},
    "races": {"vcpus": 3},
}

# Debian's Xen says for ever that the table is busy, once grants of version 2
# were withdrawn while another vcpu mapped them; all later tests want version 1.
NOT_ON_XEN = ("grantrace",)

# Tests that end otherwise on Debian's Xen, and why.
XEN_DIFFERS = {
    "unmap and replace": "a failed replacement has already taken the entry",
    "MSRs of makers": "some of the other maker's can be read",
    "MSRs: writes without effect": "MCG_STATUS cannot be written",
    "CPUID: time": "under QEMU it takes the TSC for unsafe and emulates it",
}


def crash_cases():
    """What the kernel of tests/guests/crash does when it is told to."""
    with open(os.path.join(images.TOP, "tests/guests/crash/main.c"),
              encoding="utf-8") as f:
        return re.findall(r'^ +\{"([a-z-]+)", ', f.read(), re.MULTILINE)


def failures(said):
    """The tests that failed, with what each said."""
    return dict(re.findall(r"^TEST (.*) FAIL ([^\r\n]*)", said, re.MULTILINE))


def wrong(said, differs):
    """What a kernel found wrong; nothing if it ran to its end and all was
    right but for what differs."""
    failed = failures(said)
    result = re.search(r"RESULT (\d+) passed (\d+) failed", said)
    if not result:
        return ["no RESULT: " + said[-300:]]
    if int(result[1]) == 0 or int(result[2]) != len(failed):
        return [result[0]]
    return [f"{name}: {why}" for name, why in failed.items()
            if name not in differs]


@pytest.mark.full
def test_kernels(new_machine, hv):
    m = kit.boot(new_machine)
    differs = XEN_DIFFERS if hv == "xen" else {}
    found, failed = {}, set()
    for name, keys in KERNELS.items():
        if hv == "xen" and name in NOT_ON_XEN:
            continue
        out = kit.life(m, name, **keys)
        failed |= set(failures(out))
        bad = wrong(out, differs)
        print(name, re.findall("RESULT.*", out), *bad, sep="\n    ", flush=True)
        if bad:
            found[name] = bad
    assert not found, found
    assert failed == set(differs), "these do not differ any more"
    m.finish()


@pytest.mark.full
def test_crashes(new_machine):
    """Mistakes that cost a guest its life: tl says that it crashed."""
    m = kit.boot(new_machine)
    for case in crash_cases():
        kit.started(m, "crash", f"case={case}", on_crash="preserve",
                    on_poweroff="destroy")
        kit.until(m, lambda m: kit.state(m) in (None, "----c-"),
                  f"no end of {case}")
        assert kit.state(m) == "----c-", f"{case}: {kit.said(m)}"
        assert f"CASE {case}" in kit.said(m)
        m.run("tl destroy kit")
        kit.ended(m)
    m.finish()


def one(m, command):
    """The only entry of a list that a command prints as JSON."""
    entry, = m.json(command)
    return entry


def looks(m):
    """A guest of two vcpus, one of them never started, as tl's lists show it."""
    kit.started(m, "hello", "wait=3600", how="-p", vcpus=2, cpus="1",
                cpu_weight=512, cap=50)
    assert kit.state(m) == "--p---"
    assert "Hello" not in kit.said(m)
    m.run("tl unpause kit")
    kit.until(m, lambda m: "Hello" in kit.said(m), "no word of the guest")
    assert "32 MiB, ABI 4.17" in kit.said(m)
    domain = one(m, "tl list -j kit")
    assert (domain["name"], domain["state"]) == ("kit", "blocked")
    assert (domain["vcpus"], domain["max_vcpus"]) == (1, 2)
    assert 32 << 10 <= domain["memory_kib"] <= 33 << 10
    assert one(m, "tl list -l kit")["config"]["vcpus"] == 2
    assert domain["uuid"] in m.run("tl list -v kit")
    assert m.run("tl list").split("\n")[1].split()[:2] == ["Domain-0", "0"]
    vcpus = m.json("tl vcpu-list -j kit")
    assert [(v["online"], v["affinity"]) for v in vcpus] == \
        [(True, "1"), (False, "1")]
    assert vcpus[0]["cpu"] == 1
    assert one(m, "tl uptime -j kit")["uptime_seconds"] < 600
    m.run("tl pause kit")
    assert "p" in kit.state(m)
    m.run("tl unpause kit")
    return domain["domid"]


def is_named(m, domid):
    """Names and ids, and what no two guests may share."""
    assert m.run("tl domid kit") == str(domid)
    assert m.run(f"tl domname {domid}") == "kit"
    m.run("tl rename kit other")
    assert m.run(f"tl store read /local/domain/{domid}/name") == "other"
    assert m.try_run("tl domid kit")[0] == 1
    m.run("tl rename other kit")
    status, out = m.try_run("tl create -q /tmp/kit.cfg 2>&1")
    assert status == 1 and "a domain called 'kit' already" in out, out
    status, out = m.try_run("tl rename kit Domain-0 2>&1")
    assert status == 1, out
    assert kit.state(m)


def machine_says(m):
    """The hypervisor's facts and its log."""
    info = m.json("tl info -j")
    assert (info["xen_major"], info["xen_minor"]) == (4, 17)
    assert info["nr_cpus"] == 2 and info["xen_pagesize"] == 4096
    assert 0 < info["free_memory"] < info["total_memory"] <= 1536
    assert "xen-3.0-x86_64" in info["xen_caps"]
    m.run("tl debug-keys h")
    # What dom0 prints may be in the log as well: it goes to files here.
    m.run("tl dmesg -c > /tmp/log; grep -q \"'h'\" /tmp/log")
    m.run("tl dmesg > /tmp/log; ! grep -q show /tmp/log")


def is_refused(m):
    """What cannot be has left nothing behind and says why."""
    free = m.json("tl info -j")["free_memory"]
    for keys, says in (({"memory": 9000}, "memory"),
                       ({"vcpus": 9000}, "vcpus"),
                       ({"cpus": "4000"}, "cpus"),
                       ({"kernel": "/tmp/kit.cfg"}, "kernel"),
                       ({"kernel": "/tmp/none"}, "cannot open")):
        status, out = kit.create(m, "hello", **keys)
        assert status == 1 and says in out, (keys, out)
        print(out)
        assert kit.state(m) is None
    assert m.json("tl info -j")["free_memory"] == free
    for command in "destroy", "pause", "unpause", "shutdown", "console", \
            "domid", "vcpu-list":
        status, out = m.try_run(f"tl {command} nobody 2>&1")
        assert status == 1 and "nobody" in out, (command, out)


def test_commands(new_machine):
    m = kit.boot(new_machine)
    domid = looks(m)
    is_named(m, domid)
    m.run("tl destroy kit")
    kit.ended(m)
    machine_says(m)
    is_refused(m)
    m.finish()


@pytest.mark.full
def test_ends(new_machine):
    """What on_poweroff and on_crash say happens; a guest that breaks its rings
    harms nobody else."""
    m = kit.boot(new_machine)
    kit.started(m, "hello", on_poweroff="preserve")
    kit.until(m, lambda m: kit.state(m) == "---s--", "the guest is not kept")
    assert one(m, "tl list -j kit")["reason"] == "poweroff"
    m.run("tl destroy kit")
    kit.ended(m)

    kit.started(m, "hello", "wait=1", on_poweroff="restart")
    kit.until(m, lambda m: kit.said(m).count("Hello") > 1, "no second life")
    m.run("tl destroy kit")
    kit.ended(m)

    kit.started(m, "crash", "case=no-handler", on_crash="rename-restart",
                on_poweroff="destroy")
    kit.until(m, lambda m: kit.state(m, "kit-1") == "----c-",
              "nothing is set aside")
    m.run("tl destroy kit; tl list | awk '/^kit/ { print $1 }' | "
          "xargs -r tl destroy; true")
    kit.ended(m)

    kit.life(m, "ringbreaker", "rounds=40")
    assert "Bye." in kit.life(m, "hello")
    m.finish()
