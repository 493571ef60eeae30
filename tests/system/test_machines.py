# SPDX-License-Identifier: MIT
"""Large machines, machines with nodes, and processors that go and come."""

import os

import pytest

import guest

CPU_SYSFS = "/sys/devices/system/xen_cpu/xen_cpu"


def sparse_memory(mib):
    """RAM of which the host need not have all: nobody may touch it at boot."""
    return {"mem": mib,
            "qemu": ("-object", f"memory-backend-ram,id=ram0,size={mib}M,reserve=off"),
            "memory": "ram0"}


def machine_with(new_machine, memory, machine="pc", **options):
    options["machine"] = f"{machine},memory-backend={memory['memory']}"
    return new_machine(mem=memory["mem"], qemu=memory["qemu"], **options)


def log_has(m, text):
    """Our log's words; Debian's Xen has others."""
    if m.opt.hv == "xen":
        return
    out = m.run("tl dmesg")
    assert text in out, f"the hypervisor's log lacks {text!r}:\n{out}"


def resident_mib(m):
    """What QEMU has of the host's memory."""
    with open(f"/proc/{m.child.pid}/statm", encoding="ascii") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def test_sixteen_cpus(new_machine):
    m = new_machine(smp=16, hv_args="dom0_max_vcpus=2", dom0_mem=384)
    m.boot(timeout=240)
    assert m.json("tl info -j")["nr_cpus"] == 16
    log_has(m, "All CPUs up: 16 of 16")
    m.finish()


@pytest.mark.full
@pytest.mark.parametrize("smp,machine,vcpus", [
    ("64", "pc", 2),
    ("64,sockets=2,cores=16,threads=2", "q35", 2),
    pytest.param("64", "q35", 64, marks=pytest.mark.ours_only(
        "64 vcpus in dom0: in an emulator Debian's Xen needs over half an "
        "hour for its boot"))])
def test_64_cpus(new_machine, smp, machine, vcpus):
    # With that many busy CPUs QEMU 7.2 dies of a race of its own, in
    # memory_region_dispatch_read(), while Linux sizes the display's BAR.
    m = new_machine(smp=smp, machine=machine, mem=2048, dom0_mem=1024,
                    qemu=("-vga", "none") if vcpus == 64 else (),
                    hv_args=f"dom0_max_vcpus={vcpus}")
    m.boot(timeout=600)
    assert m.json("tl info -j")["nr_cpus"] == 64
    log_has(m, "All CPUs up: 64 of 64")
    assert int(m.run("nproc")) == vcpus
    m.finish()


@pytest.mark.full
@pytest.mark.ours_only("how little of a large memory we touch: Debian's Xen "
                       "scrubs all of it")
def test_64_gib(new_machine):
    """Only what is used is touched: the frame table, dom0, and little more."""
    m = machine_with(new_machine, sparse_memory(65536), dom0_mem=1024)
    m.boot(timeout=300)
    assert m.json("tl info -j")["free_memory"] > 60 << 10
    assert resident_mib(m) < 3072, f"QEMU has {resident_mib(m)} MiB"
    m.finish()


def test_two_nodes(new_machine):
    """The firmware's nodes are found; free memory is what it was."""
    m = new_machine(smp=4, mem=1024, dom0_mem=384, qemu=(
        "-object", "memory-backend-ram,id=m0,size=512M",
        "-object", "memory-backend-ram,id=m1,size=512M",
        "-numa", "node,nodeid=0,cpus=0-1,memdev=m0",
        "-numa", "node,nodeid=1,cpus=2-3,memdev=m1",
        "-numa", "dist,src=0,dst=1,val=31"))
    m.boot(timeout=240)
    assert m.json("tl info -j")["nr_nodes"] == 2
    log_has(m, "Node 0: 000000100000-000020000000")
    log_has(m, "Node 1: 000020000000-000040000000")
    m.finish()


def set_cpu(m, cpu, online):
    m.run(f"echo {online} > {CPU_SYSFS}{cpu}/online")
    assert m.run(f"cat {CPU_SYSFS}{cpu}/online").strip() == str(online)


def test_cpus_go_and_come(new_machine):
    m = new_machine(smp=4, mem=1024, dom0_mem=384)
    m.boot(timeout=240)
    for _ in range(3):
        for online in (0, 1):
            for cpu in (1, 2, 3):
                set_cpu(m, cpu, online)
            m.run("sleep 0.1")
    assert int(m.run("nproc")) == 4
    m.finish()


@pytest.mark.full
def test_cpus_go_and_come_under_load(new_machine):
    """Two guests hash their disks' bytes meanwhile: not one is wrong."""
    m = new_machine(smp=4, mem=2048, dom0_mem=512, guests=True)
    m.boot(timeout=240)
    guests = [guest.Guest(m, f"g{i}", vcpus=2).create() for i in (1, 2)]
    work = "head -c 30000000 /dev/zero | sha256sum"
    expected = m.run(work).split()[0]
    for g in guests:
        g.run(f"(while true; do {work}; done > /tmp/sums) > /dev/null 2>&1 &")
    for _ in range(10):
        for online in (0, 1):
            for cpu in (1, 2, 3):
                set_cpu(m, cpu, online)
            m.run("sleep 0.3")
    for g in guests:
        sums = g.run("sleep 2; sort -u /tmp/sums").split("\n")
        assert [line.split()[0] for line in sums if line] == [expected]
        g.destroy()
        g.wait_gone()
    m.finish()
