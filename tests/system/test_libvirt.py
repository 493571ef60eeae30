# SPDX-License-Identifier: MIT
"""Debian's libvirt, unmodified, on this hypervisor: virsh answers as it does on
Debian's Xen, field by field (see test_clients.py).

The image has no systemd and no message bus: libvirtd runs by itself, all of its
parts in one process, and virsh talks to it over its socket.
"""

import os
import re
import sys

import pytest

import images

sys.path.insert(0, os.path.join(images.TOP, "tests/clients"))
from compare import keyed, lines, words, xml  # noqa: E402
from script import HYPERVISOR, Script  # noqa: E402

CONFIG = """name = "{name}"
uuid = "6a51c2d0-0001-4000-8000-000000000001"
type = "pv"
kernel = "/srv/vmlinuz-6.1-cloud"
ramdisk = "/srv/initrd-6.1-cloud"
extra = "console=hvc0 {extra}"
memory = 128
maxmem = 160
vcpus = 2
{more}
"""

# How a command's answer is taken apart, if not by lines.
VIEWS = {
    **dict.fromkeys(("capabilities", "domcapabilities", "sysinfo", "dumpxml",
                     "domxml-from-native"), xml),
    **dict.fromkeys(("nodeinfo", "dominfo", "schedinfo"), keyed),
    **dict.fromkeys(("list", "freecell", "vcpuinfo", "vcpucount", "domiflist",
                     "domblklist", "domblkstat", "dommemstat"), words),
}


def virsh(s, *commands, timeout=60):
    """Runs commands in one virsh, whose start takes longer than what it does.
    Each is a step of its own, and failed if virsh told of an error."""
    _, out = s.m.try_run("virsh '" + "; echo ==; ".join(commands) + "' 2>&1",
                         timeout)
    answers = re.split(r"^==$", HYPERVISOR.sub("", out), flags=re.M)
    if len(answers) != len(commands):
        s.m.fail(f"{len(commands)} commands, {len(answers)} answers:\n{out}")
    for command, answer in zip(commands, answers):
        failed = "error: " in answer
        view = lines if failed else VIEWS.get(command.split()[0], lines)
        s.keep(f"virsh {command}", int(failed), view(answer.strip("\n")))


def define(s, name, extra="", more=""):
    """Writes a configuration in xl's language, has libvirt translate it, and
    defines the guest."""
    text = CONFIG.format(name=name, extra=extra, more=more)
    escaped = text.replace("\n", "\\n")
    s.m.run(f"printf '{escaped}' > /tmp/{name}.cfg; "
            f"rm -f /var/log/xen/console/*-{name}.log")
    native = f"domxml-from-native xen-xl /tmp/{name}.cfg"
    s.m.run(f"virsh {native} > /tmp/{name}.xml")
    virsh(s, native, f"define /tmp/{name}.xml",
          f"domxml-to-native xen-xl /tmp/{name}.xml")


def console(s, name, typed, answer):
    s.console(f"virsh console {name}", typed, answer,
              first="Escape character is", wait=60)


def console_says(s, name, what, timeout=60, times=1):
    s.until(f"[ $(cat /var/log/xen/console/*-{name}.log | grep -c '{what}') "
            f"-ge {times} ]", timeout)


def host(s):
    """What virsh tells of the machine, and of the control domain."""
    virsh(s, "version", "uri", "hostname", "freecell --all", "maxvcpus",
          "nodememstats", "nodecpumap", "nodeinfo", "capabilities",
          "domcapabilities", "sysinfo")
    virsh(s, "list --all", "dominfo 0", "dumpxml 0", "vcpuinfo 0", "vcpupin 0",
          "schedinfo 0", "domid Domain-0", "domname 0")


def life(s):
    """A guest from its definition to its end."""
    shown = ("list --all", "dominfo p1", "domstate --reason p1",
             "vcpucount p1", "dumpxml p1")
    define(s, "p1")
    virsh(s, *shown, "start p1")
    console_says(s, "p1", "a shell instead")
    virsh(s, *shown, "dumpxml --inactive p1", "domid p1", "domname 1",
          "domuuid p1", "vcpuinfo p1", "vcpupin p1", "schedinfo p1",
          "dommemstat p1")
    s.do("xl list")
    console(s, "p1", "echo got $((40 + 2))", "got 42")
    virsh(s, "suspend p1", "domstate --reason p1", "list", "suspend p1",
          "resume p1", "domstate --reason p1", "resume p1", "autostart p1",
          "list --all --autostart", "dominfo p1", "autostart --disable p1",
          "destroy p1", *shown, "undefine p1", "list --all")
    s.do("xl list")


def vcpus(s):
    """Vcpus of the running guest p1."""
    virsh(s, "setvcpus p1 1")
    s.until("xl vcpu-list p1 | grep -q -- '- *--p'")
    virsh(s, "vcpucount p1", "vcpucount p1 --live --current",
          "setvcpus p1 2 --live")
    console(s, "p1", "echo 1 > /sys/devices/system/cpu/cpu1/online; "
            "echo on$((1 + 1))", "on2")
    virsh(s, "vcpuinfo p1", "setvcpus p1 3 --live", "setvcpus p1 1 --config",
          "setvcpus p1 4 --config --maximum", "setvcpus p1 0",
          "vcpupin p1 0 1", "vcpupin p1 7 1", "vcpupin p1 0 9",
          "vcpucount p1", "vcpupin p1", "vcpuinfo p1")


def memory(s):
    """Memory of the running guest p1."""
    for mib in (100, 128):
        virsh(s, f"setmem p1 {mib}M")
        s.until(f"xl list p1 | grep -q ' {mib} '")
        virsh(s, "dommemstat p1")
    virsh(s, "setmem p1 200M", "setmaxmem p1 180M --config",
          "setmaxmem p1 180M", "setmem p1 120M --config", "dominfo p1",
          "dumpxml --inactive p1")


def changes(s):
    """Processors, memory and weight of a running guest."""
    define(s, "p1")
    virsh(s, "start p1")
    console_says(s, "p1", "a shell instead")
    vcpus(s)
    memory(s)
    virsh(s, *(f"schedinfo p1 {change}" for change in (
        "--set weight=512", "--set cap=50", "--set weight=70000",
        "--set other=1", "--set weight=512 --live", "")))


def saved(s):
    """The same guest's way to a file and back."""
    console(s, "p1", "kept=$((40 + 2)); echo a$kept", "a42")
    virsh(s, "save p1 /tmp/p1.save", "list --all",
          "save-image-dumpxml /tmp/p1.save", "restore /tmp/p1.save",
          "domstate --reason p1", timeout=300)
    console(s, "p1", "echo b$kept", "b42")
    virsh(s, "managedsave p1", "dominfo p1", "start p1", "dominfo p1",
          timeout=300)
    console(s, "p1", "echo c$kept", "c42")
    s.m.run("virsh 'destroy p1; undefine p1'; rm /tmp/p1.save")


CARD = "00:16:3e:77:00:32"


def devices(s):
    """A guest with a disk and a card: more of both come and go; reboot and
    shutdown."""
    s.m.run("losetup /dev/loop6 /srv/g1.img && losetup /dev/loop7 /srv/g2.img")
    define(s, "d1", "root=/dev/xvda trellis.name=d1 "
           "trellis.ip=192.168.77.31/24 trellis.gw=192.168.77.1",
           'disk = ["vdev=xvda,access=rw,backendtype=phy,target=/dev/loop6"]'
           '\nvif = ["mac=00:16:3e:77:00:31,bridge=xenbr0"]')
    virsh(s, "start --paused d1", "domstate --reason d1", "resume d1")
    console_says(s, "d1", "guest: d1 ready", 120)
    s.m.run("ping -c 3 192.168.77.31")
    virsh(s, "dumpxml d1", "domblklist d1", "domiflist d1",
          "attach-disk d1 /dev/loop7 xvdb --sourcetype block",
          f"attach-interface d1 bridge xenbr0 --mac {CARD}",
          "domblklist d1 --details", "domiflist d1", "dumpxml d1")
    for device in "vbd/1/51728", "vif/1/1":
        s.until(f"xenstore-read /local/domain/0/backend/{device}/state | "
                "grep -q 4")
    console(s, "d1", "echo $(($(cat /sys/block/xvdb/size) / 2048))M "
            "$(cat /sys/class/net/eth1/address)", f"256M {CARD}")
    virsh(s, "domblkstat d1 xvdb", "attach-disk d1 /dev/loop7 xvdb",
          f"attach-interface d1 bridge xenbr0 --mac {CARD}",
          "detach-disk d1 xvdb", f"detach-interface d1 bridge --mac {CARD}",
          "detach-disk d1 xvdz", f"detach-interface d1 bridge --mac {CARD}",
          "dumpxml d1", "reboot d1")
    console_says(s, "d1", "guest: d1 ready", 120, times=2)
    s.m.run("ping -c 3 192.168.77.31")
    virsh(s, "list", "shutdown d1")
    s.until("virsh domstate d1 | grep -q 'shut off'")
    s.until("[ $(xl list | wc -l) = 2 ]")  # libvirt takes it away by itself
    virsh(s, "domstate --reason d1", "undefine d1", "list --all")
    s.do("xl list")


NOT_THERE = ("dominfo", "start", "destroy", "suspend", "dumpxml", "console",
             "vcpuinfo", "domblklist", "undefine", "shutdown")
OFF = ("destroy p1", "suspend p1", "resume p1", "reboot p1", "shutdown p1",
       "console p1", "vcpuinfo p1", "dommemstat p1", "save p1 /tmp/x",
       "setmem p1 100M --live", "domid p1")
NOT_ON_XEN = ("snapshot-list p1", "screenshot p1", "emulatorpin p1",
              "domjobinfo p1", "blockjob p1 xvda", "send-key p1 KEY_A",
              "inject-nmi p1", "reset p1", "domtime p1", "domfsinfo p1",
              "numatune p1", "perf p1")
# Changes to a definition, as arguments of sed.
BAD = ("s|/srv/vmlinuz-6.1-cloud|/nothing|",
       "s|/srv/vmlinuz-6.1-cloud|/tmp/p1.cfg|",
       "s|>2</vcpu>|>9000</vcpu>|", "/domain/s|xen|kvm|", "s|</domain>||")


def refused(s):
    """What is refused: guests that are not there, that are off, that cannot
    start, and what libvirt does not do on Xen."""
    define(s, "p1")
    virsh(s, *(f"{command} nosuch" for command in NOT_THERE))
    virsh(s, *OFF)
    virsh(s, *NOT_ON_XEN)
    for nr, change in enumerate(BAD, 1):
        s.m.run(f"sed '{change};s|>p1<|>bad<|;s|-000000000001|-0000000000{nr}1|"
                f"' /tmp/p1.xml > /tmp/bad{nr}.xml")
    virsh(s, *(f"create /tmp/bad{nr}.xml" for nr in range(1, len(BAD) + 1)),
          "list --all", timeout=180)
    virsh(s, "start p1", "start p1", "define /tmp/p1.xml", "destroy p1",
          "undefine p1", "suspend 0", "list --all")
    s.do("xl list")


@pytest.fixture
def run_parts(new_machine, pytestconfig):
    """Runs parts of the script on one machine, since it takes long to start;
    each has a recording of its own."""
    # libvirt knows no model of the CPU that QEMU emulates best: it has neither
    # virtual 8086 extensions nor, being an AMD, SYSENTER.
    m = new_machine(initramfs="libvirt", cpu="Nehalem", smp=2, mem=2048,
                    dom0_mem=1024, guests=True)

    def run(*parts):
        m.boot(timeout=180)
        m.run("export LIBVIRT_DEFAULT_URI=xen:///system")
        found = []
        for part in parts:
            s = Script(m)
            part(s)
            if pytestconfig.getoption("--record"):
                s.record(f"virsh_{part.__name__}")
            found += s.differences(f"virsh_{part.__name__}")
            print(f"{part.__name__}: done,", len(found),
                  "differences so far", *found, sep="\n")
        if found:
            m.fail(f"{len(found)} answers differ from Xen's:\n" +
                   "\n".join(found))
        m.finish()

    return run


@pytest.mark.full
def test_virsh(run_parts):
    run_parts(host, life, changes, saved)


@pytest.mark.full
def test_virsh_devices(run_parts):
    run_parts(devices, refused)
