#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boot test kernels as control domain and count their results.

Each kernel reports `TEST name ok|FAIL|skip ...` and `RESULT N passed N failed`
on the console (guest-patches/kit/include/kit/test.h). A kernel that does not
reach RESULT in time, a hypervisor that complains in its log, and a kernel that
should have been crashed but was not, count as one failure each.

The last line of output and the file build/results/guests hold
`passed failed`.
"""

import argparse
import os
import re
import socket
import struct
import subprocess
import sys
import threading
import time

import bzimage

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))

# QEMU 7.2 reads the host's TSC under a lock, which on AMD's processors does not
# keep the reading back: it may be older than another thread's. QEMU then puts
# its TSC forward, and one that many read gains up to some percent. On one CPU
# of the host no reading overtakes another.
ON_ONE_CPU = ["taskset", "--cpu-list", str(max(os.sched_getaffinity(0)))]

ICOUNT = ["-icount", "shift=4,sleep=off"]

# A root port with two messages; USB controllers with 16, the second of them
# with MSI-X as well; 16 more of them to use vectors up.
MESSAGES = ["-device", "ioh3420,id=root,addr=0x10,chassis=1,slot=1"]
for place in ("0x11,msix=off", "0x12",
              *(f"{slot:#x}.{fn},multifunction=on,msix=off"
                for slot in (0x14, 0x15) for fn in range(8))):
    MESSAGES += ["-device", f"nec-usb-xhci,msi=on,addr={place}"]

MESSAGES += ["-device", "virtio-rng-pci,addr=0x16"]
# The same devices once more, as segment 1.
SEGMENT_1 = struct.pack("<QQHBBI", 0, 0xb0000000, 1, 0, 255, 0)

# What kernels need beyond the defaults. after: what must come behind RESULT;
# repeat: a line for QEMU's monitor, every so many seconds, once a text came;
# type: console keys of the hypervisor, once a text came; acpi: one more table;
# before: what QEMU is started by.
KERNELS = {
    "exceptions": {},
    "usermode": {},
    "pagetypes": {},
    "events": {},
    "timers": {},
    # System time by a platform clock: the HPET, and one that wraps in 5 s.
    "timers+corrected": {"kernel": "timers",
                         "hv": "tsc=unstable clocksource=acpi"},
    "clock": {"smp": 2, "hv": "dom0_max_vcpus=3", "before": ON_ONE_CPU},
    "clock+corrected": {"kernel": "clock", "append": "corrected", "smp": 2,
                        "before": ON_ONE_CPU,
                        "hv": "dom0_max_vcpus=3 tsc=unstable"},
    "clock+drifts": {"kernel": "clock", "append": "drifts", "smp": 2,
                     "before": ON_ONE_CPU,
                     "hv": "dom0_max_vcpus=3", "poke": (
                         "DRIFT NOW", "platform", 99500000)},
    "grants": {},
    "grantrace": {"smp": 3},
    "hostile": {},
    "emulation": {},
    "smp": {"smp": 3},
    # A processor that has neither FSGSBASE nor XSAVE.
    "smp+old": {"kernel": "smp", "smp": 3, "cpu": "max,-smap,-fsgsbase,-xsave"},
    "memory": {"hv": "dom0_mem=128M,max:128M"},
    "machine": {"smp": 3, "hv": "numa=fake=2 dom0_mem=64M"},
    "misc": {},
    "observe": {"hv": "guest_loglvl=all"},
    "messages": {"smp": 2, "machine": "q35", "qemu": MESSAGES,
                 "acpi": ("MCFG", SEGMENT_1),
                 "repeat": ("pcie_aer_inject_error root COMP_TIME\n", 0.2,
                            "errors are awaited")},
    "kexec": {"smp": 2, "hv": "crashkernel=32M", "after": "NEXT KERNEL RUNS"},
    "switch": {"hv": "dom0_max_vcpus=2"},
    "fpu": {"hv": "dom0_mem=64M dom0_max_vcpus=2", "modules": ["fpu"]},
    "fpu+smp": {"kernel": "fpu", "smp": 2, "modules": ["fpu"],
                "hv": "dom0_mem=64M dom0_max_vcpus=2"},
    "fuzz": {"smp": 2},
    "fuzz+guest": {"kernel": "fuzz", "append": "guest=5000 seeds=4", "smp": 2,
                   "hv": "dom0_mem=64M", "modules": ["fuzz"]},
    "races": {"smp": 3},
    "keys": {"smp": 2, "hv": "dom0_mem=64M dom0_max_vcpus=2",
             "modules": ["keys"], "type": ("keys are awaited", "0A0A00")},
    "permission": {"hv": "dom0_mem=64M", "modules": ["permission"]},
    "toolstack": {"hv": "dom0_mem=64M", "modules": ["toolstack"]},
    "operations": {"hv": "dom0_mem=64M", "modules": ["operations"]},
    "pools": {"smp": 3, "hv": "dom0_mem=64M dom0_max_vcpus=1"},
    # Machine time goes by instructions: 16 ns each.
    "schedule": {"smp": 2, "hv": "dom0_mem=128M dom0_max_vcpus=1",
                 "modules": ["schedule"], "qemu": ICOUNT},
    "latency": {"kernel": "schedule", "append": "latency", "smp": 1,
                "hv": "dom0_mem=128M", "modules": ["schedule"],
                "qemu": ICOUNT},
    "domains": {"hv": "dom0_mem=64M", "modules": ["domains"]},
    "grantdeath": {"smp": 2, "hv": "dom0_mem=64M dom0_max_vcpus=1",
                   "modules": ["grantdeath"]},
    # An instruction takes a nanosecond.
    "preempt": {"hv": "dom0_mem=64M,max:192M",
                "qemu": ["-icount", "shift=0,sleep=off"]},
}

# The control domain's kernel as Linux packs it.
KERNELS.update({
    "misc+" + packing: {"kernel": "misc", "packing": packing}
    for packing in bzimage.PACKERS
})

# A processor with Meltdown: guests run on page tables without the hypervisor.
# The kernels that look at every way in and out, and at page tables, once more.
ISOLATING_CPU = "Skylake-Server,-smap"
KERNELS["isolation"] = {"smp": 2}
KERNELS["l1tf"] = {"cpu": ISOLATING_CPU, "hv": "pv-l1tf=dom0"}
KERNELS.update({
    name + "+isolated": dict(KERNELS[name], kernel=name, cpu=ISOLATING_CPU)
    for name in ("exceptions", "usermode", "pagetypes", "hostile", "emulation",
                 "switch", "fpu", "races", "isolation", "observe")
})
KERNELS["isolation+isolated"]["append"] = "isolated"
# Some domains are isolated and some are not: the longer ways in and out, and
# SYSCALL by the one stub or the other.
KERNELS.update({
    f"{name}+{who}": dict(
        KERNELS[name], kernel=name, cpu=ISOLATING_CPU,
        hv=f"{KERNELS[name].get('hv', '')} xpti={option}=off")
    for name in ("usermode", "domains")
    for who, option in (("only-domu", "dom0"), ("only-dom0", "domu"))
})
# NMIs meanwhile, which come at any instruction, those without the hypervisor
# included.
KERNELS["usermode+nmi"] = {"kernel": "usermode", "nmi": True}
NMIS_WANTED = 20
NMI_RUNS = 20  # a fast machine is through before many have come
KERNELS["usermode+isolated+nmi"] = {
    "kernel": "usermode", "cpu": ISOLATING_CPU, "nmi": True}

# Mistakes that cost a domain its life: name of the kernel, then the case it
# is told to commit. The domain must be crashed, and the hypervisor live.
CRASHES = [
    ("crash", case)
    for case in (
        "no-handler",
        "bad-stack",
        "hypervisor-stack",
        "readonly-stack",
        "iret-bad-frame",
        "iret-hypervisor-frame",
        "iret-no-user-root",
        "user-bad-kernel-stack",
        "user-hypervisor-kernel-stack",
        "user-readonly-kernel-stack",
        "user-straddling-kernel-stack",
        "event-bad-stack",
        "event-hypervisor-stack",
        "event-above-hypervisor",
        "handler-unmapped",
    )
]

COMPLAINTS = re.compile(
    r"assertion|BUG at|BUG:|call trace|backtrace|panic on cpu|FATAL"
    r"|double fault|audit: \d+ error|lock order",
    re.IGNORECASE,
)
CRASHED = re.compile(r"domain 0 crash|dom(ain)?\s*0.*crash|d0.*crash",
                     re.IGNORECASE)


def qemu_command(args, kernel, options, guest_line):
    smp = options.get("smp", args.smp)
    kernel = options.get("kernel", kernel)
    monitor = "none"
    if repeater(options):
        monitor = f"unix:{monitor_path()},server=on,wait=off"
    hv_line = "console=com1 loglvl=all " + options.get("hv", "")
    image = os.path.join(args.guests, kernel + ".elf")
    if "packing" in options:
        os.makedirs(args.logs, exist_ok=True)
        packed = os.path.join(args.logs, f"{kernel}.{options['packing']}")
        bzimage.pack(image, options["packing"], packed)
        image = packed
    guest_line = options.get("append", "") + " " + guest_line
    modules = [(image + " " + guest_line.strip()).strip()]
    modules += [os.path.join(args.guests, name + ".elf")
                for name in options.get("modules", [])]
    table = []
    if "acpi" in options:
        signature, body = options["acpi"]
        path = os.path.join(args.logs, f"{kernel}.{signature}")
        os.makedirs(args.logs, exist_ok=True)
        with open(path, "wb") as out:
            out.write(body)
        table = ["-acpitable", f"sig={signature},data={path}"]
    return [
        *options.get("before", []),
        "qemu-system-x86_64", "-accel", "tcg",
        "-cpu", options.get("cpu", args.cpu),
        "-machine", options.get("machine", args.machine), "-m", args.memory, "-smp", str(smp), "-nographic", "-no-reboot",
        "-monitor", monitor, "-serial", "stdio", "-net", "none",
        *(["-gdb", f"unix:{stub_path()},server=on,wait=off"]
          if "poke" in options else []),
        *options.get("qemu", []),
        *table,
        *args.qemu.split(),
        "-kernel", args.hv, "-append", hv_line + " " + args.append,
        "-initrd", ",".join(modules),
    ]


def monitor_path():
    return f"/tmp/trellis-guests-{os.getpid()}"


class Repeater(threading.Thread):
    """Sends a line to QEMU's monitor again and again, once `begin` is in the
    log, until it is told to stop."""

    def __init__(self, line, seconds, begin=""):
        super().__init__(daemon=True)
        self.line, self.seconds, self.begin = line, seconds, begin
        self.stop = threading.Event()

    def run(self):
        monitor = socket.socket(socket.AF_UNIX)
        while not self.stop.is_set():
            try:
                monitor.connect(monitor_path())
                break
            except OSError:
                time.sleep(0.02)
        try:
            while not self.stop.wait(self.seconds):
                monitor.sendall(self.line.encode())
                monitor.recv(4096)
        except OSError:
            pass  # QEMU has gone
        monitor.close()
        if os.path.exists(monitor_path()):
            os.unlink(monitor_path())


def stub_path():
    return f"/tmp/trellis-stub-{os.getpid()}"


class Poker(threading.Thread):
    """Once `begin` is in the log, writes 8 bytes to where a variable of the
    hypervisor begins, by QEMU's debugger stub."""

    def __init__(self, hv, begin, symbol, value):
        super().__init__(daemon=True)
        self.begin, self.value = begin, value
        self.address = int(re.search(
            rf"^(\w+) \w {symbol}$",
            subprocess.check_output(["nm", hv], text=True), re.M)[1], 16)
        self.stop = threading.Event()

    def run(self):
        stub = socket.socket(socket.AF_UNIX)
        stub.settimeout(10)
        stub.connect(stub_path())  # the machine stops
        for text in (f"M{self.address:x},8:" +
                     self.value.to_bytes(8, "little").hex(), "D"):
            stub.sendall(f"${text}#{sum(text.encode()) & 0xff:02x}".encode())
            answer = b""
            while b"$OK#" not in answer:  # word of the stop may come first
                answer += stub.recv(100)
            stub.sendall(b"+")
        stub.close()
        os.unlink(stub_path())


class Typist(threading.Thread):
    """Once `begin` is in the log, types keys for the hypervisor at the serial
    console."""

    def __init__(self, begin, keys):
        super().__init__(daemon=True)
        self.begin, self.keys = begin, keys
        self.to = None  # where QEMU reads what is typed
        self.stop = threading.Event()

    def run(self):
        try:
            for text in ("\1\1\1", *self.keys, "\1\1\1"):
                self.to.write(text.encode())
                self.to.flush()
                if self.stop.wait(0.1):
                    break
        except OSError:
            pass  # QEMU has gone


def companion(args, options):
    if "type" in options:
        return Typist(*options["type"])
    if "poke" in options:
        return Poker(args.hv, *options["poke"])
    return repeater(options)


def repeater(options):
    if "nmi" in options:
        return Repeater("nmi\n", 0.001, "TEST ")
    if "repeat" in options:
        return Repeater(*options["repeat"])
    # With -icount QEMU 7.2 may stand still for minutes, machine time running,
    # at a store to a device that a timer's end meets; a stop wakes it.
    if ICOUNT[0] in options.get("qemu", []):
        return Repeater("stop\ncont\n", 3)
    return None


def boot(command, timeout, done, during=None):
    """
    Run QEMU until it exits, `done(text)` holds a second, or time is up. The
    thread `during` runs from the time on when its `begin` is in the log.
    """
    typist = during if isinstance(during, Typist) else None
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE if typist else subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if typist:
        typist.to = process.stdin
    os.set_blocking(process.stdout.fileno(), False)
    text, end = "", time.monotonic() + timeout
    seen_done = False
    try:
        while time.monotonic() < end:
            chunk = process.stdout.read()
            if chunk:
                text += chunk.decode("utf-8", "replace").replace("\r", "")
            elif process.poll() is not None:
                break
            else:
                time.sleep(0.02)
            if during and not during.ident and during.begin in text:
                during.start()
            if not seen_done and done(text):
                seen_done = True
                end = min(end, time.monotonic() + 1.5)
    finally:
        if during and during.ident:
            during.stop.set()
        if process.poll() is None:
            process.kill()
        process.wait()
    rest = process.stdout.read()
    if rest:
        text += rest.decode("utf-8", "replace").replace("\r", "")
    return text


def save_log(args, name, text):
    os.makedirs(args.logs, exist_ok=True)
    path = os.path.join(args.logs, name + ".log")
    with open(path, "w", encoding="utf-8") as log:
        log.write(text)
    return path


def complaints(text):
    """Lines of the log in which the hypervisor accuses itself."""
    return [line for line in text.splitlines()
            if COMPLAINTS.search(line) and "TEST " not in line]


def run_kernel(args, name):
    start = time.monotonic()
    options = KERNELS.get(name, {})
    after = options.get("after", "")
    seen = 0
    for _ in range(NMI_RUNS if "nmi" in options else 1):
        text = boot(
            qemu_command(args, name, options, args.guest_append),
            args.timeout,
            lambda t: re.search(r"RESULT \d+ passed \d+ failed(?s:.*)" +
                                after + "|PANIC", t), companion(args, options))
        seen += len(re.findall("NMI on cpu", text))
        if seen >= NMIS_WANTED or not re.search(r"RESULT \d+ passed 0 f", text):
            break
    log = save_log(args, name, text)
    failures = re.findall(r"TEST (.* FAIL .*)", text)
    passed = len(re.findall(r"TEST .* ok$", text, re.MULTILINE))
    failed = len(failures)
    for failure in failures:
        print(f"  {name}: {failure}")
    result = re.search(r"RESULT (\d+) passed (\d+) failed", text)
    if not result:
        failed += 1
        last = [line for line in text.splitlines() if line.strip()][-3:]
        print(f"  {name}: no RESULT; the log ends: " + " | ".join(last))
    elif (int(result[1]), int(result[2])) != (passed, failed):
        failed += 1
        print(f"  {name}: lines do not add up to {result[0]}")
    if after and after not in text:
        failed += 1
        print(f"  {name}: no '{after}' behind RESULT")
    if "nmi" in options and seen < NMIS_WANTED:
        failed += 1
        print(f"  {name}: only {seen} NMIs arrived in {NMI_RUNS} runs")
    for line in complaints(text)[:3]:
        failed += 1
        print(f"  {name}: hypervisor: {line.strip()}")
    skipped = len(re.findall(r"TEST .* skip ", text))
    print(f"{name:12} {passed} passed {failed} failed"
          + (f" {skipped} skipped" if skipped else "")
          + f"  ({time.monotonic() - start:.1f} s, {os.path.relpath(log)})")
    return passed, failed


def run_crash(args, name, case):
    text = boot(qemu_command(args, name, {}, "case=" + case), args.timeout,
                CRASHED.search)
    label = f"{name}-{case}"
    save_log(args, label, text)
    wrong = None
    if "CASE " + case not in text:
        wrong = "the kernel did not start"
    elif "SURVIVED" in text:
        wrong = "the domain survived"
    elif not CRASHED.search(text):
        wrong = "no word of the crash in the log"
    elif complaints(text):
        wrong = complaints(text)[0].strip()
    print(f"{label:34} " + (f"FAIL {wrong}" if wrong else "ok"))
    return (0, 1) if wrong else (1, 0)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="kernels (default: all)")
    parser.add_argument("--hv", default=os.path.join(TOP, "build/trellis.elf"))
    parser.add_argument("--guests", default=os.path.join(TOP, "build/guests"))
    parser.add_argument("--cpu", default="max,-smap")
    parser.add_argument("--machine", default="pc")
    parser.add_argument("--memory", default="256", help="MiB")
    parser.add_argument("--smp", type=int, default=1)
    patience = float(os.environ.get("TRELLIS_PATIENCE", "1"))
    parser.add_argument("--timeout", type=float, default=120 * patience)
    parser.add_argument("--append", default="", help="hypervisor options")
    parser.add_argument("--guest-append", default="", help="kernel options")
    parser.add_argument("--qemu", default="", help="QEMU options")
    parser.add_argument("--no-crashes", action="store_true")
    parser.add_argument("--results",
                        default=os.path.join(TOP, "build/results/guests"))
    parser.add_argument("--logs",
                        default=os.path.join(TOP, "build/results/guests.d"))
    return parser.parse_args()


def main():
    args = parse_arguments()
    passed = failed = 0
    for name in args.names or KERNELS:
        if name in KERNELS:
            p, f = run_kernel(args, name)
            passed, failed = passed + p, failed + f
    if not args.no_crashes:
        for name, case in CRASHES:
            if args.names and name not in args.names:
                continue
            p, f = run_crash(args, name, case)
            passed, failed = passed + p, failed + f
    os.makedirs(os.path.dirname(args.results), exist_ok=True)
    with open(args.results, "w", encoding="utf-8") as out:
        out.write(f"{passed} {failed}\n")
    print(f"guests: {passed} passed {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
