#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`make run`: the hypervisor, dom0 and an example guest in QEMU.

With a terminal it leaves you at dom0's shell. Without one it prints what the
machine proves about itself, powers off, and ends with 0, or with 1 and what
failed.
"""

import argparse
import os
import subprocess
import sys

import images
import machine

# What tells how far it is; the pattern and what to say.
PROGRESS = [
    (r"Linux version \S+", "dom0's kernel starts"),
    (r"Run /init", "dom0 in user space"),
    (r"starting the example guest[^\r\n]*", "starting the example guest"),
    (r"== ", "the proof"),
]

END = r"proof: (?P<end>ok|FAILED[^\r\n]*)"


def say(text):
    print(f"run: {text}", flush=True)


def own_disk():
    """A copy of the data disk that keeps what the user does in it."""
    source = images.guests_disk()
    copy = os.path.join(images.BUILD, "run", "guests.img")
    if not os.path.exists(copy) or \
            os.path.getmtime(copy) < os.path.getmtime(source):
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        subprocess.run(["cp", "--sparse=always", source, copy], check=True)
    return copy


def interactive(args):
    m = machine.Machine("run", hv=args.hv, kernel=args.kernel, mode="run",
                        smp=args.smp, mem=args.mem, machine=args.machine,
                        cpu=args.cpu, args="quiet loglevel=3", nic="virtio", early=False)
    command = ["qemu-system-x86_64", "-accel", "tcg", "-nographic",
               "-machine", args.machine, "-cpu", m.opt.cpu,
               "-smp", str(args.smp), "-m", str(args.mem),
               *m.boot_args(),
               "-drive", f"file={own_disk()},format=raw,if=virtio",
               *m.nic_args()]
    say("starting QEMU: dom0's shell comes in about half a minute; "
        "Ctrl-A x ends it")
    sys.stdout.flush()
    os.execvp(command[0], command)


def proof(args):
    m = machine.Machine("run", hv=args.hv, kernel=args.kernel, mode="proof",
                        smp=args.smp, mem=args.mem, machine=args.machine,
                        cpu=args.cpu, nic="virtio", guests=True)
    try:
        say(f"starting QEMU with {args.smp} CPUs and {args.mem} MiB; "
            f"its serial line goes to {m.base}.serial")
        m.start()
        for pattern, text in PROGRESS:
            if m.expect(f"{pattern}|{END}", 180, text).group("end"):
                break
            say(text)
        else:
            m.expect(END, 180, "the proof's end")
        verdict = m.child.match.group("end")
        print("==" + m.child.before.replace("\r", ""), flush=True)
        m.wait_end(60, "power off")
        say("powered off")
        print(f"proof: {verdict}")
        return 0 if verdict == "ok" else 1
    except machine.MachineError as e:
        print(f"run: FAILED: {e}")
        return 1
    finally:
        m.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hv", default="trellis",
                        choices=["trellis", "debug", "xen"])
    parser.add_argument("--kernel", default="6.1", help="dom0's: 6.1, 6.12")
    parser.add_argument("--smp", type=int, default=2)
    parser.add_argument("--mem", type=int, default=2048, help="MiB")
    parser.add_argument("--machine", default="pc", choices=["pc", "q35"])
    parser.add_argument("--cpu", default="", help="of QEMU")
    parser.add_argument("--proof", action="store_true",
                        help="print the proof even with a terminal")
    args = parser.parse_args()
    try:
        if sys.stdin.isatty() and sys.stdout.isatty() and not args.proof:
            interactive(args)
        return proof(args)
    except images.MissingImage as e:
        say(str(e))
        return 1


if __name__ == "__main__":
    sys.exit(main())
