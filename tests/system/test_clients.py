# SPDX-License-Identifier: MIT
"""Debian's tools of Xen 4.17, unmodified, on this hypervisor: the same script
runs on Debian's Xen, and the answers have to be the same, field by field.

What Debian's Xen answered is kept in tests/clients/recorded. `--hv xen` checks
that it still answers so, `--hv xen --record` keeps its answers anew.
"""

import os
import re
import sys

import pytest

import guest
import images
import machine

sys.path.insert(0, os.path.join(images.TOP, "tests/clients"))
from compare import (keyed, lines, messages, nothing,  # noqa: E402
                     registers, store, tree)
from script import Script  # noqa: E402

LOGS = "/var/log/xen/console"
PV = """name = "{name}"
type = "pv"
kernel = "/srv/vmlinuz-{kernel}"
ramdisk = "/srv/initrd-{kernel}"
extra = "console=hvc0 {extra}"
memory = {memory}
vcpus = 2
{more}
"""


# The daemons that serve the store and the consoles (services of the image).
STORES = ("c", "ocaml", "trellis")


@pytest.fixture
def new_script(new_machine, request):
    """Makes a script on a fresh machine; a test ends with end(script)."""
    def make(store_daemon="c", **options):
        m = new_machine(initramfs="clients", guests=True,
                        args=f"clients.store={store_daemon}",
                        **{"smp": 2, "mem": 1536, "dom0_mem": 640, **options})
        s = Script(m.boot(timeout=240))
        s.name = request.node.originalname
        s.recording = (request.config.getoption("--record") and
                       store_daemon == "c")
        return s
    return make


@pytest.fixture
def script(new_script, request):
    """It may be run with each store: what Debian's C xenstored lets the clients
    say, which is recorded, the others have to as well."""
    return new_script(getattr(request, "param", "c"))


WITH_STORES = pytest.mark.parametrize("script", STORES, indirect=True)

# In each run the first, and the others with --full.
FIRST_STORE = pytest.mark.parametrize("script", [STORES[0], *(
    pytest.param(store, marks=pytest.mark.full) for store in STORES[1:])],
    indirect=True)


def end(s):
    if s.recording:
        s.record(s.name)
    s.check(s.name)
    s.m.finish()


def write_config(s, name, extra="", more="", kernel="6.1-cloud", memory=128):
    text = PV.format(name=name, extra=extra, more=more, kernel=kernel,
                     memory=memory).replace("\n", "\\n")
    s.m.run(f"printf '{text}' > /tmp/{name}.cfg")


def console_says(s, name, what, timeout=60):
    s.until(f"grep -q '{what}' {LOGS}/*-{name}.log", timeout)


def started(s, name, timeout=60):
    """A guest without a disk: it ends in a shell of its initramfs."""
    write_config(s, name)
    s.do(f"xl create /tmp/{name}.cfg", lines)
    console_says(s, name, "a shell instead", timeout)


@FIRST_STORE
def test_xl(script):
    """What xl tells of a machine and of a guest, and a guest's short life."""
    s = script
    s.do("xl info", keyed)
    s.do("xl info -n", keyed)
    for command in ("list", "list -v", "vcpu-list", "uptime", "claims",
                    "cpupool-list", "cpupool-list -c", "sched-credit2",
                    "sched-credit"):
        s.do(f"xl {command}")
    s.do("xl dmesg | wc -l | grep -v ^0", nothing)
    write_config(s, "p1")
    s.do("xl create /tmp/p1.cfg", lines)
    console_says(s, "p1", "a shell instead")
    s.do("xl domid p1")
    s.do("xl domname 1")
    s.do("xl list -l p1", tree)
    s.do("xl vcpu-list p1")
    for command in ("list -v", "list -c", "list -n", "vm-list | cut -c38-",
                    "uptime", "uptime p1", "claims"):
        s.do(f"xl {command}")
    s.do("xl uptime -s", lines)
    s.console("xl console p1", "echo got $((40 + 2))", "got 42")
    s.do("xl pause p1")
    s.do("xl list p1")
    s.do("xl unpause p1")
    s.do("xl destroy p1")
    s.do("xl list")
    s.do("xl list p1", lines)
    end(s)


TWO_NODES = ("-object", "memory-backend-ram,id=m0,size=768M",
             "-object", "memory-backend-ram,id=m1,size=768M",
             "-numa", "node,nodeid=0,cpus=0-1,memdev=m0",
             "-numa", "node,nodeid=1,cpus=2-3,memdev=m1",
             "-numa", "dist,src=0,dst=1,val=31")


@pytest.mark.full
def test_nodes(new_script):
    """A machine of two nodes: what is told of them, a guest that is to be on
    one, and a pool for each."""
    s = new_script(smp=4, qemu=TWO_NODES)
    s.do("xl info -n", keyed)
    s.do("xl list -n")
    write_config(s, "p1", more='cpus = "node:1"')
    s.do("xl create /tmp/p1.cfg", lines)
    console_says(s, "p1", "a shell instead")
    s.do("xl vcpu-list p1")
    s.do("xl list -n")
    s.do("xl destroy p1")
    s.do("xl cpupool-numa-split")
    s.do("xl cpupool-list")
    s.do("xl cpupool-list -c")
    write_config(s, "p2", more='pool = "Pool-node1"')
    s.do("xl create /tmp/p2.cfg", lines)
    console_says(s, "p2", "a shell instead")
    s.do("xl list -c")
    s.do("xl cpupool-list")
    s.do("xl cpupool-migrate p2 Pool-node0")
    s.do("xl list -c")
    s.do("xl destroy p2")
    end(s)


def test_vcpus_and_memory(script):
    """vcpu-*, mem-*, scheduler and pools, of a running guest."""
    s = script
    started(s, "p1")
    s.do("xl vcpu-pin p1 0 1")
    s.do("xl vcpu-list p1")
    s.until("xl vcpu-list p1 | awk '$3 == 0 { print $4 }' | grep -q 1")
    s.do("xl vcpu-pin p1 all 0-1 0")
    s.do("xl vcpu-list p1")
    s.do("xl vcpu-pin p1 7 1", lines)
    s.do("xl vcpu-pin p1 all all all")
    s.do("xl vcpu-set p1 1")
    s.until("xl vcpu-list p1 | grep -q -- '- *--p'")
    s.do("xl vcpu-set p1 2")
    # A kernel leaves it to udev to start what has come.
    s.console("xl console p1", "echo 1 > /sys/devices/system/cpu/cpu1/online; "
              "echo on$((1 + 1))", "on2")
    s.until("! xl vcpu-list p1 | grep -q -- '- *--p'")
    s.do("xl vcpu-set p1 3", lines)
    for mib in (100, 128):
        s.do(f"xl mem-set p1 {mib}")
        s.until(f"xl list p1 | grep -q ' {mib} '")
    s.do("xl mem-max p1 120", lines)
    s.do("xl mem-max p1 160")
    s.do("xl mem-set p1 170", lines)
    s.do("xl mem-set p1 160")
    # More than it began with: its kernel makes a new block for it.
    s.console("xl console p1", "cd /sys/devices/system/memory; until grep -l "
              "offline memory*/state; do sleep 1; done; for f in "
              "memory*/state; do echo online > $f; done; echo more$((1 + 1))",
              "more2")
    s.until("xl list p1 | grep -q ' 160 '")
    s.do("xl list -l p1", tree)
    s.do("xl sched-credit2 -d p1 -w 512 -c 50")
    s.do("xl sched-credit2")
    s.do("xl sched-credit2 -d p1 -w 70000", lines)
    s.do("xl sched-credit2 -s -r 2000")
    s.do("xl sched-credit2 -s")
    for other in ("credit", "rtds"):
        s.do(f"xl sched-{other} -d p1", lines)
    s.do("xl cpupool-numa-split")
    s.do("xl cpupool-list")
    s.do("xl cpupool-cpu-remove Pool-node0 1")
    s.do("xl cpupool-list -c")
    s.do("""xl cpupool-create 'name="two"' 'sched="credit2"' 'cpus=["1"]'""",
         lines)
    s.do("xl cpupool-list -c")
    s.do("xl cpupool-list")
    s.do("xl cpupool-migrate p1 two")
    s.do("xl cpupool-list")
    s.do("xl cpupool-destroy two", lines)
    s.do("xl cpupool-rename two three")
    s.do("xl cpupool-migrate p1 Pool-node0")
    s.do("xl cpupool-migrate Domain-0 three", lines)
    s.do("xl cpupool-destroy three", lines)
    s.do("xl cpupool-cpu-add Pool-node0 1")
    s.do("xl cpupool-list")
    s.do("xl cpupool-cpu-remove Pool-node0 0-1", lines)
    s.do("""xl cpupool-create 'name="c1"' 'sched="credit"'""", lines)
    s.do("xl destroy p1")
    end(s)


ROOT = ("root=/dev/xvda trellis.name=d1 trellis.ip=192.168.77.31/24 "
        "trellis.gw=192.168.77.1")
DISK_AND_CARD = """disk = ["phy:/dev/loop6,xvda,w"]
vif = ["mac=00:16:3e:77:00:31,bridge=xenbr0"]"""


def lives(s, name, times=1):
    """The guest's system has come up that often."""
    s.until(f"[ $(grep -c 'guest: {name} ready' {LOGS}/*-{name}.log) "
            f"-ge {times} ]", 120)


def devices(s):
    """Cards and disks come and go while the guest runs."""
    s.do("xl network-list d1")
    s.do("xl block-list d1")
    s.do("xl network-attach d1 bridge=xenbr0 mac=00:16:3e:77:00:32")
    s.until("xl network-list d1 | grep -q '^1 .* 4 '")
    s.do("xl network-list d1")
    s.console("xl console d1", "cat /sys/class/net/eth1/address",
              "00:16:3e:77:00:32")
    s.do("xl network-detach d1 1")
    s.do("xl network-list d1")
    s.do("xl network-detach d1 7", lines)
    s.do("xl block-attach d1 phy:/dev/loop7,xvdb,w")
    s.until("xl block-list d1 | grep -q '^51728 .* 4 '")
    s.do("xl block-list d1")
    s.do("xl block-attach d1 phy:/dev/loop7,xvdb,w", lines)
    s.console("xl console d1", "echo $(($(cat /sys/block/xvdb/size) / 2048))M",
              "256M")
    s.do("xl block-detach d1 xvdb")
    s.do("xl block-list d1")
    s.do("xl block-detach d1 xvdz", lines)


def dump(s):
    """dump-core: the file's parts and sizes, and what the guest's memory has."""
    s.console("xl console d1", "kept=here$((40 + 2))", "here")
    s.do("xl dump-core d1 /tmp/core", lines, 120)
    s.do("ls -l /tmp/core | awk '{ print $5 }'", lines)
    s.do("head -c 576 /tmp/core | od -v -t x8 -A d", lines)
    s.do("grep -a -q here42 /tmp/core", nothing)
    s.m.run("rm /tmp/core")


XEN_BIN = "/usr/lib/xen-4.17/bin"


def observers(s):
    """The tools beside xl that look at a guest."""
    s.do("xentop -b -i 1")
    s.do("xentop -b -i 2 -d 1 -f -v -n -x -r | wc -l")
    s.do(f"{XEN_BIN}/xenctx 1 0", registers)
    s.do(f"{XEN_BIN}/xenctx -C -a 1", registers)
    s.do(f"{XEN_BIN}/xenctx 1 9", lines)
    s.do(f"{XEN_BIN}/lsevtchn 1", lines)
    s.do(f"{XEN_BIN}/lsevtchn 99", lines)
    s.do("xentrace -D -S 256 -e 0x0002f000 -T 1 /tmp/trace", nothing)
    s.do("[ $(wc -c < /tmp/trace) -gt 1000 ]")


def parameters(s):
    """xenhypfs: the hypervisor's files."""
    s.do("xenhypfs tree")
    s.do("xenhypfs ls /", lines)
    s.do("xenhypfs ls /cpupool/0", lines)
    for name in ("/cpupool/0/sched-gran", "/buildinfo/version/minor",
                 "/buildinfo/version", "/nothing"):
        s.do(f"xenhypfs cat {name}", lines)
    s.do("xenhypfs write /buildinfo/version/minor 18", lines)


def processors(s):
    """xenpm; processors that go and come."""
    for command in ("get-cpu-topology", "get-cpuidle-states",
                    "get-cpufreq-para", "get-cpufreq-states",
                    "get-cpufreq-average", "set-max-cstate 1",
                    "set-max-cstate unlimited", "enable-turbo-mode 0",
                    "set-sched-smt enable", "set-vcpu-migration-delay 10",
                    "get-vcpu-migration-delay",
                    "set-scaling-governor ondemand"):
        s.do(f"xenpm {command}", lines)
    s.do("xen-hptool cpu-offline 1", lines)
    s.do("xl info | grep cpus", keyed)
    s.do("xen-hptool cpu-online 1", lines)
    s.do("xl info | grep cpus", keyed)
    s.do("xen-hptool cpu-offline 0", lines)
    s.do("xen-hptool cpu-offline 9", lines)


def names_and_keys(s):
    s.do("xl rename p1 q1")
    s.do("xl list")
    s.do("xl vm-list | cut -c38-")
    s.do("xl domid p1", lines)
    s.do("xl rename q1 p1")
    s.do("xl rename p1 Domain-0", lines)
    s.do("xl sysrq p1 h")
    console_says(s, "p1", "sysrq: HELP")
    s.do("xl trigger p1 nmi", lines)
    console_says(s, "p1", "NMI received")
    for trigger in ("power", "sleep", "reset", "s3resume", "nmi 7", "other"):
        s.do(f"xl trigger p1 {trigger}", lines)
    s.do("xl debug-keys h", lines)
    s.do("xl dmesg -c | grep -q -i \"'h'\"")
    s.do("[ $(xl dmesg | wc -l) -lt 5 ]", nothing)


# Commands for a guest that is not there.
NOT_THERE = ("list {}", "destroy {}", "pause {}", "domname {}", "console {}",
             "vcpu-list {}", "block-list {}", "uptime {}", "unpause {}",
             "dump-core {} /tmp/x", "save {} /tmp/x", "rename {} other",
             "shutdown {}", "reboot {}", "sysrq {} h", "trigger {} nmi",
             "vcpu-pin {} 0 1", "vcpu-set {} 1", "mem-set {} 100",
             "mem-max {} 100", "sched-credit2 -d {}", "network-list {}",
             "network-attach {} bridge=xenbr0", "network-detach {} 0",
             "block-attach {} phy:/dev/loop7,xvdb,w", "block-detach {} xvdb",
             "cpupool-migrate {} Pool-0", "cpupool-migrate Domain-0 {}",
             "cpupool-destroy {}", "cpupool-rename {} other",
             "cpupool-cpu-add {} 1", "cpupool-cpu-remove {} 1",
             "restore /tmp/{}")


def configuration(text):
    """The JSON after xl's first line."""
    return tree(text[text.index("{"):])


def refused(s):
    """What no hypervisor does, and what these two do not have."""
    for command in NOT_THERE:
        s.do(f"xl {command.format('nosuch')}", lines)
    s.do("xl pause 99", lines)
    s.do("xl domname 99", lines)
    s.do("xl unpause p1", lines)
    s.do("xl create /tmp/p1.cfg", lines)
    for key in ("kernel='/nothing'", "kernel='/tmp/p1.cfg'",
                "vcpus=9000", "maxvcpus=1", "cpus='7'", "pool='nothing'",
                "disk=['phy:/dev/nothing,xvda,w']"):
        s.do(f"""xl create /tmp/p1.cfg "name='p2'" "{key}\"""", lines)
    s.do("xl list")
    s.do("xl create -n /tmp/p1.cfg", configuration)
    for command in ("vcpu-pin p1 0 9", "vcpu-pin p1 0 x", "vcpu-set p1 x",
                    "mem-set p1 100000", "mem-set p1 x", "mem-max p1 x",
                    "sysrq p1", "trigger p1", "rename p1",
                    "block-attach p1 phy:/dev/nothing,xvdb,w",
                    "network-attach p1 nonsense=1"):
        s.do(f"xl {command}", lines)
    for command in ("getenforce", "setenforce 1", "loadpolicy /tmp/p1.cfg",
                    "psr-hwinfo", "psr-cat-show", "psr-mba-show",
                    "pci-assignable-list", "pci-list p1", "vtpm-list p1",
                    "channel-list p1", "vkb-list p1", "cd-eject p1 xvda",
                    "set-parameters nothing=1", "set-parameters loglvl=all",
                    "config-update p1 /tmp/p1.cfg", "shutdown Domain-0x",
                    "destroy 0"):
        s.do(f"xl {command}", lines)


def other_tools(s):
    """What else is in xen-utils; most of it is for what is not there."""
    for command in ("xen-diag gnttab_query_size 1",
                    "xen-diag gnttab_query_size 99", "xen-livepatch list",
                    "xen-mfndump dump-p2m 1 | wc -l", "xencov read",
                    "xenlockprof", "xen-ucode /tmp/p1.cfg",
                    "flask-getenforce", "xen-memshare info 1",
                    "xen-access 1 write", "xen-hvmctx 1", "test-resource",
                    "test-xenstore", "test-paging-mempool"):
        s.do(f"PATH=$PATH:{XEN_BIN} timeout 60 {command}", lines)


def migration(s):
    """A live migration needs a log of what is written, which Debian builds its
    hypervisor without and ours does not have: both refuse it, and the guest
    goes on as if nothing had been."""
    s.console("xl console p1", "kept=$((40 + 2)); echo a$kept", "a42")
    s.do("xl migrate -s '' p1 'xl migrate-receive'", timeout=120,
         failed=messages)
    s.do("xl list")
    s.console("xl console p1", "echo b$kept", "b42")


@pytest.mark.full
def test_tools(script):
    """The tools beside xl, names and keys, with a guest running."""
    s = script
    started(s, "p1")
    names_and_keys(s)
    observers(s)
    parameters(s)
    processors(s)
    s.do("xl destroy p1")
    end(s)


@FIRST_STORE
def test_life(script):
    """A guest with disk and card, from create to shutdown."""
    s = script
    s.m.run("losetup /dev/loop6 /srv/g1.img && losetup /dev/loop7 /srv/g2.img")
    write_config(s, "d1", ROOT, DISK_AND_CARD)
    s.do("xl create -p /tmp/d1.cfg", lines)
    s.do("xl list")
    s.do("xenstore-ls -f /local/domain/1", store)
    s.do("xl unpause d1")
    lives(s, "d1")
    s.m.run("ping -c 3 192.168.77.31")
    s.do("xenstore-ls -f /local/domain/1", store)
    s.do("xenstore-ls -f /local/domain/0/backend", store)
    s.do("xl list -l d1", tree)
    s.do("xentop -b -i 1")
    devices(s)
    dump(s)
    s.do("xl reboot d1", lines)
    lives(s, "d1", 2)
    s.m.run("ping -c 3 192.168.77.31")
    s.do("xl list")
    s.do("xl shutdown -w d1", lines, 120)
    s.do("xl list")
    s.do("xenstore-ls -f /local/domain/0/backend", store)
    end(s)


GROW = ("for f in /sys/devices/system/memory/memory*/state; do "
        "grep -q online $f || echo online > $f; done; "
        "awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo")


@pytest.mark.full
@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_memory_hotplug(script, kernel):
    """A guest gets memory that it had no place for when it began: its kernel
    makes new blocks of it, which udev would bring online elsewhere."""
    s, m = script, script.m
    m.run("losetup /dev/loop6 /srv/g1.img")
    write_config(s, "d1", ROOT + " trellis.mode=test", DISK_AND_CARD,
                 kernel=kernel, memory=256)
    m.run("xl create /tmp/d1.cfg")
    lives(s, "d1")
    g = guest.Guest(m, "d1")
    g.tool, g.logs = "xl", LOGS
    before = int(g.run(GROW))
    assert before < 256
    m.run("xl mem-max d1 512 && xl mem-set d1 448")

    def grown():
        return int(g.run(GROW)) - before

    g.until(lambda: grown() >= 180, "180 MiB more")
    # It is good for something: what is written there is still there.
    g.run("mount -o remount,size=320M /tmp && "
          "head -c 260000000 /dev/urandom > /tmp/data && "
          "sha256sum /tmp/data > /tmp/sum && sha256sum -c -s /tmp/sum && "
          "rm /tmp/data", 240)
    m.run("xl mem-set d1 256")
    g.until(lambda: grown() <= 0, "the same again")
    bad = machine.bad_lines(g.run("dmesg"))
    assert not bad, bad
    m.run("xl shutdown -w d1", 120)
    m.finish()


@pytest.mark.full
def test_refused(script):
    """create -c shows the console from the first line on; then everything that
    is refused."""
    s = script
    write_config(s, "p1")
    s.console("xl create -c /tmp/p1.cfg", "echo got $((40 + 2))", "got 42",
              first="a shell instead", wait=120)
    refused(s)
    other_tools(s)
    migration(s)
    s.do("xl destroy p1")
    s.do("xl list")
    end(s)


# What `vectors` (tests/images/src) says of x87 and vector registers that are
# everybody's own.
WELL = r"vectors ok: \d+ rounds with AVX"


def guest_vectors_begin(s, name):
    s.console(f"xl console {name}", "grep -c -w avx2 /proc/cpuinfo; "
              "vectors 9999 1 > /v & echo on$((1 + 1))", "on2")


def guest_vectors_end(s, name):
    """They ran until now and lost nothing."""
    s.console(f"xl console {name}", "killall vectors; wait; cat /v", WELL)


def vectors_begin(s):
    """In dom0 too; the machine has what they are about."""
    for feature in "xsave", "avx", "avx2":
        s.m.run(f"grep -q -w {feature} /proc/cpuinfo")
    s.m.run("vectors 9999 2 > /tmp/vectors 2>&1 < /dev/null &")


def vectors_end(s):
    s.m.run("killall vectors")
    s.until("! pidof vectors")
    out = s.m.run("cat /tmp/vectors")
    assert re.fullmatch(WELL, out), out


@pytest.mark.full
@pytest.mark.parametrize("script", ["c", "trellis"], indirect=True)
def test_save_restore(script):
    """A guest goes to a file and comes back, as itself and as a copy; what its
    shell knew it knows afterwards, and what was in its vector registers."""
    s = script
    started(s, "r1")
    s.console("xl console r1", "kept=$((40 + 2)); echo a$kept", "a42")
    guest_vectors_begin(s, "r1")
    s.m.run("xl save r1 /tmp/r1.save", 120)
    s.m.run("xl restore /tmp/r1.save", 120)
    s.console("xl console r1", "echo b$kept", "b42")
    guest_vectors_end(s, "r1")
    # A guest that goes on from its save loses AVX state on Xen: docs/clients.md.
    keeps_avx = s.m.opt.hv != "xen"
    if keeps_avx:
        guest_vectors_begin(s, "r1")
    s.m.run("xl save -c r1 /tmp/r1.save", 120)
    s.console("xl console r1", "echo c$kept", "c42")
    s.m.run("xl save -p r1 /tmp/r1.save", 120)
    s.m.run("xl list r1")
    s.m.run("xl unpause r1")
    s.console("xl console r1", "echo d$kept", "d42")
    s.m.run("xl destroy r1")
    s.m.run("xl restore -p /tmp/r1.save", 120)
    s.m.run("xl unpause r1")
    s.console("xl console r1", "echo e$kept", "e42")
    if keeps_avx:
        guest_vectors_end(s, "r1")
    s.m.run("xl destroy r1")
    s.m.finish()


def saving(text):
    """What xl says over a save or a restore, which it reads as a stream."""
    return messages(re.sub(r"(0x)?[0-9a-f]*\d[0-9a-f/]*%?", "N", text))


@pytest.mark.parametrize("script", ["c", pytest.param(
    "trellis", marks=pytest.mark.full)], indirect=True)
def test_saved(script):
    """What is said over save and restore, what is left of the guest, what comes
    back, and the same of files that are no good."""
    s = script
    started(s, "r1")
    s.do("xl save r1 /nowhere/r1.save", saving)
    s.do("xl list")
    s.do("xl save r1 /tmp/r1.save", saving, 120)
    s.do("xl list")
    s.do("xenstore-ls -f /local/domain", store)
    for size in (40, 3000, 1000000):
        s.m.run(f"head -c {size} /tmp/r1.save > /tmp/cut.save")
        s.do("xl restore /tmp/cut.save", failed=saving)
    s.do("xl restore /tmp/r1.cfg", failed=saving)
    s.do("xl list")
    s.do("xl restore -p /tmp/r1.save", saving, 120)
    s.do("xl list")
    s.do("xl unpause r1")
    s.do("xl list -l r1", tree)
    s.do("xl vcpu-list r1")
    s.do("xenstore-ls -f /local/domain", store)
    s.do("xl restore /tmp/r1.save", failed=saving)
    s.do("xl save -c r1 /tmp/r1.save", saving, 120)
    s.do("xl list")
    s.do("xl save -p r1 /tmp/r1.save", saving, 120)
    s.do("xl list")
    s.do("xl destroy r1")
    s.do("xl list")
    end(s)


@pytest.mark.full
@WITH_STORES
def test_hundred(script):
    """With two guests running, 100 short commands in a row: none fails, while
    everybody uses the vector registers."""
    s = script
    vectors_begin(s)
    for name in "p1", "p2":
        started(s, name, 240)  # all vcpus are busy
        guest_vectors_begin(s, name)
    for _ in range(20):
        for command in ("info", "list", "vcpu-list", "sched-credit2",
                        "cpupool-list"):
            s.m.run(f"xl {command} > /dev/null")
    for name in "p1", "p2":
        guest_vectors_end(s, name)
    vectors_end(s)
    s.m.run("xl destroy p1 && xl destroy p2")
    s.m.finish()
