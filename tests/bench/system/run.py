#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Count what whole systems cost on two hypervisors.

The same Debian kernel and initramfs boot as control domain on Trellis and on
Debian's Xen, in QEMU with one CPU and -icount. A plugin (count.c) counts every
instruction executed, apart for hypervisor, kernel and programs; waiting costs
none. Prints tables, writes build/bench/system-CPU.json. --only says which parts:

    boot     a control domain's boot
    work     pieces of work in it (work.c)
    guest    the same pieces in a guest
    io       disk and network of a guest (io.c)
    smp      pieces of work on 2 and 4 CPUs, by the clock (smp.py)
    scaling  operations on 1, 2 and 4 CPUs at once (scaling.py)

--functions NAME says where the hypervisor's instructions of one row are.
"""

import argparse
import glob
import json
import os
import re
import signal
import sys
import time

import domu
import scaling
import smp
from counted import (HYPERVISOR, IMAGES, KERNEL, LINE, MAIN, OUT, TOP, Counts,
                     Machine, plain_kernel, short, show_functions)

# Without SMAP, whose emulation is wrong; no random numbers; and no MWAIT: Xen
# would idle by it in a form that QEMU does not have.
CPU = "EPYC,-smap,-rdrand,-rdseed,-monitor"

# What each may cost, as a share of the same on Xen.
AIMS = {
    "boot to user space": 0.80,
    "fork+exec+exit": 0.70,
    "page-fault sweep, per page": 0.60,
    "compile of a small program": 0.90,
}


def boot_rows(machine, kernels):
    """{row: (programs, hypervisor, kernel)}, {row: {address: n}}."""
    rows, places = {}, {}
    for name, kernel in kernels.items():
        text, marks = machine.run("boot-" + name.split()[0], kernel,
                                  LINE + " only=none",
                                  f"{OUT}/boot.cpio")
        if "WORK END" not in text:
            sys.exit(f"{machine.label}: did not boot the {name}")
        entry, first, user = (marks.first(n)
                              for n in (HYPERVISOR, KERNEL, MAIN))
        # Until the kernel begins, all is the hypervisor's.
        start = first[0].minus(entry[0])
        start = Counts(0, start.all(), 0, start.steps)
        alone = f"hypervisor alone, {name}"
        whole = f"boot to user space, {name}"
        rows[alone], places[alone] = start, first[1]
        rows[whole] = start.plus(user[0].minus(first[0]))
        places[whole] = user[1]
    return rows, places


def works(machine, text, marks):
    """The same of what work.c did."""
    said = [(n, int(u)) for u, n in
            re.findall(r"^WORK (\d+) (.+?)\r?$", text, re.MULTILINE)]
    pairs = list(marks.pairs())
    if "WORK END" not in text or len(said) != len(pairs):
        print(text[-800:])
        sys.exit(f"{machine.label}: the work did not end")
    rows, places = {}, {}
    for (name, units), (counts, at) in zip(said, pairs):
        rows[name] = counts.per(units)
        places[name] = {a: n / units for a, n in at.items()}
    return rows, places


def work_rows(machine, kernels):
    return works(machine, *machine.run("work", kernels["plain kernel"], LINE,
                                       f"{OUT}/work.cpio"))


def guest_rows(machine, kernels):
    """The same work in a guest that Debian's xl starts; dom0 sleeps."""
    rows, places = works(machine, *domu.run(
        machine, "guest", kernels["plain kernel"], f"{OUT}/work.cpio",
        "WORK END", memory=512))
    return tuple({f"guest: {name}": what for name, what in of.items()}
                 for of in (rows, places))


def show(results, markdown):
    names = ("", "Xen", "Trellis", "ratio", "less steps", "hv: Xen",
             "hv: Trellis", "aim")
    line = ("| %s | %s | %s | %s | %s | %s | %s | %s |" if markdown
            else "%-35s %9s %9s %6s %10s %9s %11s %5s")
    print(line % names)
    if markdown:
        print("|---|" + "--:|" * 7)
    missed = []
    ours, theirs = results.get("trellis", {}), results.get("xen", {})
    for name in ours or theirs:
        t, x = ours.get(name), theirs.get(name)
        aim = next((a for n, a in AIMS.items() if name.startswith(n)), None)
        ratio = t.all() / x.all() if t and x else None
        steady = t.without_steps() / x.without_steps() if t and x else None
        if aim and ratio and ratio > aim:
            missed.append(name)
        print(line % (name, short(x.all()) if x else "-",
                      short(t.all()) if t else "-",
                      f"{ratio:.2f}" if ratio else "-",
                      f"{steady:.2f}" if steady else "-",
                      short(x.hypervisor) if x else "-",
                      short(t.hypervisor) if t else "-",
                      f"{aim:.2f}" if aim else ""))
    if missed:
        print("above the aim:", "; ".join(missed))


def functions(args, image, places):
    for name in places if args.functions else ():
        if args.functions in name:
            print(f"{name}:")
            show_functions(image, places[name])


def count(args, images, kernels, kinds):
    results = {}
    for label, image in images.items():
        results[label] = {}
        for _, rows_of in kinds:
            rows, places = rows_of(Machine(args, label, image), kernels)
            results[label] |= rows
            functions(args, image, places)
    if not args.functions:
        show(results, args.markdown)
    return {hv: {name: c._asdict() for name, c in rows.items()}
            for hv, rows in results.items()}


def move(args, images, kernel):
    results = {}
    for label, image in images.items():
        results[label] = domu.transfers(Machine(args, label, image), kernel)
        functions(args, image,
                  {name: {a: n / t.requests for a, n in t.places.items()}
                   for name, t in results[label].items()})
    if not args.functions:
        domu.show_transfers(results, args.markdown)
    return {hv: {name: {"bytes": t.bytes, "requests": t.requests,
                        "counts": t.counts._asdict(),
                        "calls": t.calls and t.calls._asdict()}
                 for name, t in rows.items()}
            for hv, rows in results.items()}


def time_pieces(args, images, kernels, cpus):
    if len(images) < 2:
        return None
    done = smp.measure(images, kernels["plain kernel"], cpus, args)
    smp.show(done, cpus, args.markdown)
    return {name: [{hv: cost._asdict() for hv, cost in pair.items()}
                   for pair in rounds] for name, rounds in done.items()}


def scale(args, images):
    """With the build of `make lockprof`, if it is there, a run for its locks."""
    results = {label: scaling.run(label, image)[0]
               for label, image in images.items()}
    scaling.show(results, args.markdown)
    if os.path.exists(scaling.LOCKPROF):
        scaling.show_locks(scaling.run("lockprof", scaling.LOCKPROF)[1])
    return results


def keep(args, kernel, record):
    """Writes the JSON file; parts that did not run stay as they were."""
    path = os.path.join(OUT, f"system-{args.cpu.split(',')[0]}.json")
    try:
        with open(path, encoding="utf-8") as f:
            whole = json.load(f)
    except (OSError, ValueError):
        whole = {}
    for hv, rows in record.pop("results", {}).items():
        whole.setdefault("results", {}).setdefault(hv, {}).update(rows)
    whole |= record
    whole |= {"cpu": args.cpu, "kernel": kernel, "unit": "instructions",
              "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    with open(path, "w", encoding="utf-8") as out:
        json.dump(whole, out, indent=1)
        out.write("\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hv", default=os.path.join(TOP, "build/trellis.elf"))
    parser.add_argument("--reference", default=os.path.join(IMAGES, "xen.elf"))
    parser.add_argument("--kernel", default="linux-image-amd64",
                        help="package of the kernel")
    parser.add_argument("--cpu", default=CPU)
    parser.add_argument("--append", default="", help="hypervisor options")
    parser.add_argument("--timeout", type=float, default=3600)
    parser.add_argument("--only", default="boot work guest io smp scaling",
                        help="what to run; all, if not said")
    parser.add_argument("--functions", default="", metavar="NAME",
                        help="where the instructions of the rows with that "
                        "word are")
    parser.add_argument("--cpus", default="2 4", help="of smp")
    parser.add_argument("--rounds", type=int, default=9, help="of smp")
    parser.add_argument("--limit", type=float, default=1200,
                        help="of smp: seconds for one number of CPUs")
    parser.add_argument("--pieces", default="", metavar="REGEX", help="of smp")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()

    # Ended from outside, end what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    bzimage = glob.glob(f"{IMAGES}/pkg/{args.kernel}/boot/vmlinuz-*")[0]
    kernels = {"packed kernel": bzimage,
               "plain kernel": plain_kernel(bzimage, f"{OUT}/vmlinux")}
    images = {"trellis": args.hv, "xen": args.reference}
    for label in list(images):
        if not os.path.exists(images[label]):
            print(f"{images.pop(label)} is not there: {label} left out")
    if args.functions:
        images.pop("xen", None)
    record = {}
    only = args.only.split()
    counted = [(kind, rows_of) for kind, rows_of in
               (("boot", boot_rows), ("work", work_rows),
                ("guest", guest_rows))
               if kind in only]
    if counted:
        record["results"] = count(args, images, kernels, counted)
    if "io" in only:
        record["io"] = move(args, images, kernels["plain kernel"])
    if "smp" in only and not args.functions:
        record["smp"] = {cpus: time_pieces(args, images, kernels, int(cpus))
                         for cpus in args.cpus.split()}
    if "scaling" in only and not args.functions:
        record["scaling"] = scale(args, images)
    if not args.functions:
        keep(args, os.path.basename(bzimage), record)


if __name__ == "__main__":
    main()
