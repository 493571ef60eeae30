# SPDX-License-Identifier: MIT
"""A guest that Debian's `xl` saved on one hypervisor goes on on the other.

The file travels on a disk that both machines get, and so does the guest's own
disk; on the way Debian's verify-stream-v2 looks at it. Both machines have the
same processor; what happens with a lesser one is tested too.
"""

import os
import re
import subprocess
import sys

import pytest

import guest
import images
import machine
from test_clients import LOGS, XEN_BIN

CONFIG = """name = "{name}"
type = "pv"
kernel = "/srv/vmlinuz-6.1-cloud"
ramdisk = "/srv/initrd-6.1-cloud"
extra = "console=hvc0 root=/dev/xvda trellis.mode=test trellis.name={name} \
trellis.ip=192.168.77.4{nr}/24 trellis.gw=192.168.77.1"
memory = 128
vcpus = {nr}
disk = ["phy:/dev/{name},xvda,w"]
vif = ["mac=00:16:3e:77:00:4{nr},bridge=xenbr0"]
"""

# A processor with XSAVE and AVX2, and one without: state of the legacy form
# alone.
AVX = machine.DEFAULT_CPU
LEGACY = machine.DEFAULT_CPU + ",-xsave,-avx,-avx2"

# What the guest's shell is told once: a variable, data, a counter that goes on,
# and vector registers with patterns.
BEGIN = ("kept=$((40 + 2)); head -c 16000000 /dev/urandom > /tmp/data; "
         "sha256sum /tmp/data > /tmp/sums; vectors 9999 1 > /tmp/vectors & "
         "while sleep 1; do echo >> /tmp/count; done > /dev/null 2>&1 &")

# What it is asked each time. The counter has to go on, not to begin again.
ASK = ("[ $kept = 42 ] && sha256sum -c -s /tmp/sums && [ $(nproc) = {nr} ] && "
       "for i in $(seq {nr}); do taskset $i true || break; done && "
       "ping -c 3 192.168.77.1 > /dev/null && "
       "n=$(wc -l < /tmp/count) && [ $n -ge ${{old:-0}} ] && "
       "until [ $(wc -l < /tmp/count) -gt $n ]; do sleep 1; done; "
       "[ $? = 0 ] && old=$n && pidof vectors > /dev/null && echo 3 > /proc/sys/vm/drop_caches && "
       "cd /usr/share/trellis && sha256sum -c -s SHA256SUMS")

# A vcpu that starts anew asks for its CPUID anew: it is what it was.
CPUID = ("cpu=/sys/devices/system/cpu/cpu1/online; echo 0 > $cpu && "
         "echo 1 > $cpu && grep -E '^(flags|model|stepping|bugs)' "
         "/proc/cpuinfo | sort | uniq -c")

# Debian's checker of save files, and what it has to find beside a guest's
# memory: records of a guest, and of each vcpu.
CHECKER = os.path.join(images.IMAGES, "pkg/xen-utils-4.17")
RECORDS = ("x86 PV info", "x86 PV P2M frames", "Shared info", "TSC info",
           "x86 CPUID policy", "x86 MSR policy", "Static data end", "End")
VCPU_RECORDS = ("x86 PV vcpu basic", "x86 PV vcpu extended")

# Something that is not on the disk yet when the guest is saved.
WRITE = ("f=/root/new$n; head -c 3000000 /dev/urandom > $f; "
         "sha256sum $f >> /tmp/sums")


class Traveller(guest.Guest):
    """The guest s1 or s2, of as many vcpus, whatever machine it is on at the
    moment."""

    logs = LOGS
    tool = "xl"

    def __init__(self, nr):
        super().__init__(None, f"s{nr}")
        self.nr = nr
        self.file = f"/mnt/{self.name}.save"
        self.cpuid = None

    def start(self):
        text = CONFIG.format(name=self.name, nr=self.nr).replace("\n", "\\n")
        self.m.run(f"printf '{text}' > /tmp/{self.name}.cfg && "
                   f"xl create /tmp/{self.name}.cfg", 120)
        self.wait_ready()
        self.run(BEGIN)

    def same(self):
        """Everything that was is still there, and goes on."""
        self.run(ASK.format(nr=self.nr), 120)
        if self.nr > 1:
            cpuid = self.run(CPUID)
            assert self.cpuid in (None, cpuid), (self.cpuid, cpuid)
            self.cpuid = cpuid
        self.m.run(f"ping -c 3 192.168.77.4{self.nr}")
        bad = machine.bad_lines(self.run("dmesg"))
        if bad:
            self.m.fail("the guest's dmesg:\n" + "\n".join(bad))

    def save(self):
        self.run(WRITE)
        self.m.run(f"xl save {self.name} {self.file}", 120)
        self.m.run(f"! xl domid {self.name} 2> /dev/null")

    def restore(self):
        self.m.run(f"xl restore {self.file}", 120)

    def shutdown(self):
        """Its vector registers never held anything else."""
        out = self.run("killall vectors; while pidof vectors; do sleep 1; "
                       "done; cat /tmp/vectors")
        assert re.search(r"vectors ok: \d+ rounds", out), out
        self.m.run(f"xl shutdown -w {self.name}", 120)

    def check_file(self, luggage, folder):
        """The file's form, and that nothing is missing in it."""
        path = os.path.join(folder, f"{self.name}.save")
        subprocess.run(["debugfs", "-R", f"dump /{self.name}.save {path}",
                        luggage[0]], check=True, capture_output=True)
        out = subprocess.run(
            [sys.executable, f"{CHECKER}{XEN_BIN}/verify-stream-v2",
             "--in", path, "--format", "xl", "--verbose"], check=True,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH":
                 f"{CHECKER}/usr/lib/xen-4.17/lib/python"},
            stdout=subprocess.PIPE, text=True).stdout
        os.unlink(path)
        found = re.findall("Libxc Record: (.*), length", out)
        for count, records in (1, RECORDS), (self.nr, VCPU_RECORDS):
            for record in records:
                assert found.count(record) == count, (record, out)


@pytest.fixture
def luggage(tmp_path):
    """The disks that travel: one for the files, one of each guest."""
    paths = [str(tmp_path / name) for name in ("travel", "s1", "s2")]
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "travel", "-m", "0",
                    paths[0], "512M"], check=True)
    for path in paths[1:]:
        subprocess.run(["cp", "--sparse=always", os.path.join(
            images.IMAGES, "guest-root.img"), path], check=True)
        subprocess.run(["tune2fs", "-L", os.path.basename(path), path],
                       check=True)
    yield tuple(paths)
    for path in paths:
        os.unlink(path)


@pytest.fixture
def arrive(new_machine, request, luggage):
    """Makes a machine where guests with their luggage can live."""
    def boot(hv, stop, cpu):
        m = new_machine(f"{request.node.name}-{stop}", hv=hv, cpu=cpu,
                        initramfs="clients", smp=2, mem=1536, dom0_mem=640,
                        guests=True, kept=luggage)
        m.boot()
        m.run("mount -t ext4 $(findfs LABEL=travel) /mnt && for n in s1 s2; do "
              "ln -s $(findfs LABEL=$n) /dev/$n; done")
        return m
    return boot


def leave(m):
    m.run("umount /mnt")
    m.finish()


OTHER = {"xen": "trellis", "trellis": "xen"}


@pytest.mark.full
@pytest.mark.ours_only("boots both hypervisors, whatever --hv says")
@pytest.mark.parametrize("home,cpu", [("xen", AVX), ("trellis", AVX),
                                      ("trellis", LEGACY)],
                         ids=["xen", "trellis", "legacy"])
def test_there_and_back(arrive, luggage, tmp_path, home, cpu):
    """Two guests, of one vcpu and of two: saved at home, restored on the other
    hypervisor, saved there, restored at home."""
    guests = [Traveller(1), Traveller(2)]
    for stop, hv in enumerate((home, OTHER[home], home)):
        m = arrive(hv, stop, cpu)
        for g in guests:
            g.m = m
            if stop == 0:
                g.start()
            else:
                g.restore()
            g.same()
            if stop < 2:
                g.save()
            else:
                g.shutdown()
        leave(m)
        for g in guests if stop < 2 else ():
            g.check_file(luggage, tmp_path)


# A processor with fewer CPUID leaves.
LESSER = LEGACY + ",level=7"


@pytest.mark.full
@pytest.mark.ours_only("boots both hypervisors, whatever --hv says")
def test_lesser_processor(arrive):
    """A guest was shown more of its processor than the next machine has: both
    hypervisors refuse it with the same words, no domain is left, and the file
    is as good as it was."""
    g = Traveller(1)
    m = g.m = arrive("trellis", 0, LEGACY)
    g.start()
    g.save()
    leave(m)
    said = []
    for stop, hv in enumerate(("xen", "trellis"), 1):
        m = arrive(hv, stop, LESSER)
        before = m.run(f"sha256sum {g.file}")
        status, out = m.try_run(f"xl restore {g.file} 2>&1", 120)
        assert status, out
        said.append([re.sub("Domain [0-9]+", "Domain N", line) for line in
                     out.splitlines() if "error" in line.lower()])
        assert m.run("xl list | tail -n +2 | wc -l") == "1"
        assert m.run(f"sha256sum {g.file}") == before
        leave(m)
    assert said[0] == said[1]
