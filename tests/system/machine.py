# SPDX-License-Identifier: MIT
"""One virtual PC with a hypervisor and its control domain, driven over serial.

    m = Machine("name", hv="trellis", kernel="6.1", smp=2)
    m.boot()                    # up to dom0's test shell
    m.run("cat /proc/version")  # output; fails the test on a status != 0
    m.finish()                  # audit, dmesg check, power off

Everything that comes over the serial line is kept in build/logs/NAME.serial,
dom0's dmesg in NAME.dmesg. Every wait has a limit, and every wait also ends at
the signs of death that a kernel or a hypervisor prints.
"""

import dataclasses
import json
import os
import re
import socket
import subprocess
import time

import pexpect

import images
import stale_code

READY = "@@ ready @@"

# Lines that mean that waiting longer is in vain.
DEATH = [
    r"Kernel panic[^\r\n]*",
    r"(?i)\bpanic on CPU[^\r\n]*",
    r"(?i)(?<!error:)(?<!error: )\(?\w*\)?\s*PANIC:[^\r\n]*",
    r"Assertion [^\r\n]*failed[^\r\n]*",
    r"(?i)domain 0 crashed[^\r\n]*",
    r"Hardware Dom0 crashed[^\r\n]*",
]

# What a healthy dom0 never logs.
BAD_DMESG = re.compile(
    r"BUG|WARNING: CPU|Oops|Call Trace|\b[Ss]tall(s|ed)?\b|lost interrupt|soft lockup|"
    r"general protection|segfault|nobody cared|hung_task|blocked for more|"
    r"timed out waiting|I/O error|EXT4-fs error")

# What a healthy hypervisor never says.
BAD_SERIAL = re.compile(r"(WARNING|BUG): \S+\.[chS]:\d+|lock rank|not held")

# Lines with such words that say nothing bad.
GOOD_DMESG = re.compile(
    r"This is not a bug|bug tracker|DEBUG|debug|Spectre|hung_task_|"
    r"rcu: .*stall (timeout|detector)|BUG_ON")



def bad_lines(dmesg):
    """The lines of a kernel's log that no healthy kernel writes."""
    return [line for line in dmesg.split("\n")
            if BAD_DMESG.search(line) and not GOOD_DMESG.search(line)]


# All that QEMU 7.2 emulates, but for SMAP, whose emulation is wrong for IRET in
# user mode.
DEFAULT_CPU = "max,-smap"

# The reference must not wait for #NM to switch vector registers: QEMU 7.2
# raises none for XSAVE and XRSTOR (docs/clients.md).
HV_ARGS = {"xen": "spec-ctrl=eager-fpu "}


# Longer waits for a machine that is busy with other things.
PATIENCE = float(os.environ.get("TRELLIS_PATIENCE", "1"))


class MachineError(AssertionError):
    """What did not happen, and the last lines of the serial line."""


@dataclasses.dataclass
class Options:
    hv: str = "trellis"         # trellis, debug (its debug build) or xen
    hv_args: str = ""           # added to the hypervisor's command line
    kernel: str = "6.1"         # of dom0; or a path
    args: str = ""              # added to dom0's command line
    initramfs: str = ""         # of dom0, if not the kernel's: "kexec", "clients",
                                # "libvirt"
    mode: str = "test"          # trellis.mode of dom0's /init
    early: bool = True          # dom0's first messages too
    boot: str = "kernel"        # kernel, bios (ISO) or uefi (ISO)
    machine: str = "pc"         # or q35
    cpu: str = ""               # of QEMU; empty: DEFAULT_CPU
    smp: int = 2
    mem: int = 2048             # MiB
    dom0_mem: int = 0           # MiB; 0: half, 1 GiB at most
    guests: bool = False        # attach the data disk with the guests
    disks: tuple = ()           # (kind, path): virtio, ahci, nvme
    kept: tuple = ()            # paths: virtio, and what is written stays
    nic: str = ""               # virtio, e1000
    qemu: tuple = ()            # more arguments of QEMU


class SerialLog:
    """A log file of the serial line: each line with its second, no CRs."""

    def __init__(self, path):
        # pylint: disable=consider-using-with
        self.file = open(path, "w", encoding="utf-8", errors="replace")
        self.began = time.monotonic()
        self.at_start = True

    def write(self, text):
        for line in text.replace("\r", "").splitlines(keepends=True):
            if self.at_start and line != "\n":
                self.file.write(f"{time.monotonic() - self.began:7.2f} ")
            self.file.write(line)
            self.at_start = line.endswith("\n")

    def flush(self):
        self.file.flush()

    def close(self):
        self.file.close()


class Machine:
    """A QEMU process, the serial line to it, and what was said there."""

    def __init__(self, name, **options):
        self.name = re.sub(r"[^A-Za-z0-9.,_-]+", "-", name).strip("-")
        self.opt = Options(**options)
        self.opt.cpu = self.opt.cpu or DEFAULT_CPU
        self.child = None
        self.booted = 0.0
        self.last_id = 0
        os.makedirs(images.LOGS, exist_ok=True)
        self.base = os.path.join(images.LOGS, self.name)
        self.qmp_path = f"/tmp/trellis-qmp-{os.getpid()}-{id(self):x}"

    # Starting.

    def hv_command_line(self):
        dom0 = self.opt.dom0_mem or min(1024, self.opt.mem // 2)
        return (f"console=com1 com1=115200,8n1 dom0_mem={dom0}M "
                f"{HV_ARGS.get(self.opt.hv, '')}{self.opt.hv_args}").strip()

    def dom0_command_line(self):
        early = "earlyprintk=xen " if self.opt.early else ""
        return (f"console=hvc0 {early}trellis.mode={self.opt.mode} "
                f"{self.opt.args}").strip()

    def boot_args(self):
        hv = images.hypervisor(self.opt.hv)
        kernel = images.kernel(self.opt.kernel)
        initrd = images.dom0_initramfs(self.opt.initramfs or self.opt.kernel)
        if self.opt.boot == "kernel":
            # QEMU's multiboot loader parts modules at commas: double them.
            line = self.dom0_command_line().replace(",", ",,")
            return ["-kernel", hv, "-append", self.hv_command_line(),
                    "-initrd", f"{kernel} {line},{initrd}"]
        iso = images.iso(self.name, hv, self.hv_command_line(), kernel,
                         self.dom0_command_line(), initrd)
        args = ["-cdrom", iso, "-boot", "d"]
        if self.opt.boot == "uefi":
            args += ["-drive", "if=pflash,format=raw,unit=0,readonly=on,"
                     f"file={images.OVMF}"]
        return args

    def disk_args(self):
        args, disks = [], list(self.opt.disks)
        if self.opt.guests:
            disks.insert(0, ("virtio", images.guests_disk()))
        for i, (kind, path) in enumerate(disks):
            args += ["-drive", f"file={path},format=raw,if=none,id=d{i},"
                     "snapshot=on,cache=unsafe"]
            if kind == "virtio":
                args += ["-device", f"virtio-blk-pci,drive=d{i}"]
            elif kind == "ahci":
                args += ["-device", f"ich9-ahci,id=ahci{i}",
                         "-device", f"ide-hd,bus=ahci{i}.0,drive=d{i}"]
            elif kind == "nvme":
                args += ["-device", f"nvme,serial=nvme{i},drive=d{i}"]
        for i, path in enumerate(self.opt.kept):
            args += ["-drive", f"file={path},format=raw,if=none,id=k{i},"
                     "cache=unsafe", "-device", f"virtio-blk-pci,drive=k{i}"]
        return args

    def nic_args(self):
        model = {"virtio": "virtio-net-pci", "e1000": "e1000"}.get(self.opt.nic)
        if not model:
            return ["-nic", "none"]
        return ["-netdev", "user,id=n0", "-device", f"{model},netdev=n0,romfile="]

    def command(self):
        return ["qemu-system-x86_64", "-accel", "tcg", "-nodefaults",
                "-vga", "std", "-display", "none",
                "-machine", self.opt.machine, "-cpu", self.opt.cpu,
                "-smp", str(self.opt.smp), "-m", str(self.opt.mem),
                "-chardev", "stdio,id=com1,signal=off",
                "-serial", "chardev:com1",
                "-qmp", f"unix:{self.qmp_path},server=on,wait=off",
                *self.boot_args(), *self.disk_args(), *self.nic_args(),
                *self.opt.qemu]

    def start(self):
        """Starts QEMU; returns at once."""
        args = self.command()
        self.log = SerialLog(self.base + ".serial")
        self.log.write("+ " + " ".join(args) + "\n")
        self.child = pexpect.spawn(args[0], args[1:], echo=False, timeout=60,
                                   encoding="utf-8", codec_errors="replace",
                                   maxread=65536, searchwindowsize=None)
        self.child.logfile_read = self.log
        # The tests send lines that the serial port takes at its own speed.
        self.child.delaybeforesend = None
        self.started = time.monotonic()

    def boot(self, timeout=120):
        """Starts QEMU and waits for dom0's test shell."""
        self.start()
        try:
            self.wait_ready(timeout)
        except MachineError:
            stale = self.stale_code()
            if not stale:
                raise
            print(f"{self.name}: {stale}; booted once more")
            self.kill()
            os.replace(self.base + ".serial", self.base + ".stale.serial")
            self.start()
            self.wait_ready(timeout)
        return self

    def stale_code(self):
        """In which way QEMU ran code that memory does not hold; None."""
        with open(self.base + ".serial", encoding="utf-8",
                  errors="replace") as f:
            if stale_code.died(f.read()):
                return "QEMU ran stale code, Linux died"
        if self.opt.hv == "xen" or not self.child.isalive():
            return None
        at = stale_code.loops(self.hmp, images.hypervisor(self.opt.hv))
        return at and f"QEMU runs stale code at {at:#x} for ever"

    def wait_ready(self, timeout=120):
        began = time.monotonic()
        self.expect(re.escape(READY), timeout, "dom0's test shell")
        self.booted = time.monotonic() - began

    # Talking.

    def tail(self, lines=30):
        self.log.flush()
        with open(self.base + ".serial", encoding="utf-8",
                  errors="replace") as f:
            last = f.read().rstrip().split("\n")[-lines:]
        return "\n".join("    | " + line for line in last)

    def fail(self, what):
        raise MachineError(f"{self.name}: {what}\n{self.tail()}\n"
                           f"    whole log: {self.base}.serial")

    def expect(self, pattern, timeout=60, what=None, death=True):
        """Waits for a pattern; returns the match. Death ends the wait."""
        what = what or f"{pattern!r}"
        patterns = [pattern, *(DEATH if death else [])]
        try:
            found = self.child.expect(patterns, timeout=timeout * PATIENCE)
        except pexpect.TIMEOUT:
            self.fail(f"no {what} within {timeout} s")
        except pexpect.EOF:
            self.fail(f"QEMU ended while waiting for {what}")
        if found:
            death = self.child.match.group(0)
            self.drain()
            self.fail(f"while waiting for {what}: {death}")
        return self.child.match

    def comes(self, pattern, seconds):
        """Tells whether the pattern comes in that time."""
        return self.child.expect([pattern, pexpect.TIMEOUT],
                                 timeout=seconds) == 0

    def drain(self, seconds=2):
        """Takes in what still comes, for the log."""
        try:
            self.child.expect(pexpect.EOF, timeout=seconds)
        except pexpect.TIMEOUT:
            pass

    def send(self, text):
        """Types text, not much faster than the other side takes it."""
        for i in range(0, len(text), 16):
            self.child.send(text[i:i + 16])
            time.sleep(0.01)

    def try_run(self, command, timeout=60, mark="@@"):
        """Runs a command line in dom0; returns (status, output).

        With the mark of the guests' shell it is run by whatever guest's
        console the line leads to at the moment.
        """
        for _ in range(3):
            self.last_id += 1
            self.send(f"{self.last_id} {len(command)} {command}\n")
            match = self.expect(
                rf"{mark} {self.last_id} begin {mark}\r*\n"
                rf"(?P<out>(?s:.*?))\n{mark} {self.last_id} (?P<end>\d+) {mark}"
                rf"|{mark} again {mark}", timeout, f"end of `{command}`")
            if match.group("end"):
                out = match.group("out").replace("\r", "").strip("\n")
                return int(match.group("end")), out
        return self.fail(f"`{command}` arrives garbled")

    def run(self, command, timeout=60):
        """Runs a command line in dom0; fails unless it ends with status 0."""
        status, out = self.try_run(command, timeout)
        if status:
            self.fail(f"`{command}` ended with status {status}:\n{out}")
        return out

    def json(self, command, timeout=60):
        """Runs a command that prints JSON; returns it decoded."""
        out = self.run(command, timeout)
        start = min((i for i in (out.find("{"), out.find("[")) if i >= 0),
                    default=0)
        try:
            return json.JSONDecoder().raw_decode(out[start:])[0]
        except json.JSONDecodeError as e:
            self.fail(f"`{command}` printed no JSON ({e}):\n{out}")

    def qmp(self, command, **arguments):
        """Runs one command of QEMU's machine protocol."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.qmp_path)
            with s.makefile("rw") as f:
                f.readline()
                for name, args in (("qmp_capabilities", {}),
                                   (command, arguments)):
                    f.write(json.dumps({"execute": name, "arguments": args})
                            + "\n")
                    f.flush()
                    reply = json.loads(f.readline())
                    while "event" in reply:
                        reply = json.loads(f.readline())
        return reply

    def hmp(self, line, cpu=0):
        """Asks QEMU's monitor for people, as that CPU sees it."""
        return self.qmp("human-monitor-command",
                        **{"command-line": line, "cpu-index": cpu})["return"]

    # The hypervisor's own console keys.

    def hv_keys(self, keys, pattern, timeout=60):
        """Turns serial input to the hypervisor, presses keys, turns back."""
        self.send("\x01\x01\x01")
        try:
            self.send(keys)
            return self.expect(pattern, timeout, f"answer to key {keys!r}")
        finally:
            self.send("\x01\x01\x01")
            self.settle()

    def settle(self):
        """After a switch of serial input: until dom0 answers again."""
        self.send("\n")
        self.run("true", 20)

    def audit(self):
        """Has the hypervisor recount every page's types and references."""
        if self.opt.hv == "xen":
            return
        for _ in range(5):
            match = self.hv_keys(
                "A", r"audit: (ok|not done|\d+ errors?)[^\r\n]*", 60)
            if match.group(1) != "not done":  # somebody else was stopping
                break
        if match.group(1) != "ok":
            self.fail(match.group(0))

    # Ending.

    def dmesg(self):
        """Returns dom0's kernel log and keeps a copy."""
        out = self.run("dmesg", 60)
        with open(self.base + ".dmesg", "w", encoding="utf-8") as f:
            f.write(out + "\n")
        return out

    def check_dmesg(self):
        bad = bad_lines(self.dmesg())
        if bad:
            self.fail("dom0's dmesg is not clean:\n" + "\n".join(bad))

    def check_serial(self):
        """The hypervisor warned of nothing since the machine started."""
        self.log.flush()
        with open(self.base + ".serial", encoding="utf-8") as f:
            bad = [line for line in f if BAD_SERIAL.search(line)]
        if bad:
            self.fail("the hypervisor warned:\n" + "".join(bad))

    def check(self):
        """What must hold whenever a test ends."""
        self.check_dmesg()
        self.audit()
        self.check_serial()

    def finish(self):
        """The end of every test: all checks, power off."""
        self.check()
        self.poweroff()

    def poweroff(self, timeout=60):
        self.send("0 11 poweroff -f\n")
        self.wait_end(timeout, "power off")

    def reboot(self, timeout=120):
        """Restarts the machine and waits for dom0's shell again."""
        self.send("0 9 reboot -f\n")
        self.wait_ready(timeout)

    def wait_end(self, timeout, what):
        """Waits for QEMU's end; returns what came before it."""
        try:
            self.child.expect(pexpect.EOF, timeout=timeout * PATIENCE)
        except pexpect.TIMEOUT:
            self.fail(f"{what}: QEMU still runs after {timeout} s")
        self.child.close()
        if self.child.exitstatus != 0:
            self.fail(f"{what}: QEMU ended with {self.child.exitstatus}, "
                      f"signal {self.child.signalstatus}")
        return self.child.before.replace("\r", "")

    def kill(self):
        """Leaves nothing behind, whatever happened."""
        if self.child is not None and self.child.isalive():
            self.child.close(force=True)
        for path in (self.qmp_path, images.iso_path(self.name)):
            if os.path.exists(path):
                os.unlink(path)
        if self.child is not None:
            self.log.close()


def disk_file(path, mib):
    """Makes an empty disk image."""
    with open(path, "wb") as f:
        f.truncate(mib << 20)
    return path


def host_command(*args, **kwargs):
    """Starts a program on the host that a guest will talk to."""
    return subprocess.Popen(args, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, **kwargs)
