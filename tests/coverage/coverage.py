#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measure which lines of the hypervisor the unit tests and the test kernels
run, and hold each folder to a bar.

usage: coverage.py [--bar PERCENT] [--keep] [--kernels NAME...]

Run from the top of the tree; `make coverage` builds what it wants first. How
it is measured is in docs/testing.md. All lines that nothing ran are listed in
build/coverage/missed.txt.
"""

import argparse
import collections
import glob
import os
import shutil
import subprocess
import sys

from calls import check_calls
from lines import LineTable, executed_addresses, gcov_lines, image_range

FOLDERS = ("hypervisor/core", "hypervisor/hypercall", "hypervisor/arch/x86/pv")
ELF = "build/cover/trellis.elf"
UNITS = "build/cover/unit"
GUESTS = "build/cover/guests"
OUT = "build/coverage"


def folder_of(file):
    return os.path.dirname(file)


def wanted(file):
    return folder_of(file) in FOLDERS


def run_units():
    """Every unit test; its counts are in .gcda files. Number of failures."""
    for where, _, names in os.walk(UNITS):
        for name in names:
            if name.endswith(".gcda"):
                os.unlink(os.path.join(where, name))
    failed = 0
    programs = [p for p in sorted(glob.glob(UNITS + "/*"))
                if os.path.isfile(p) and os.access(p, os.X_OK)]
    for program in programs:
        with open(program + ".log", "w", encoding="utf-8") as log:
            bad = subprocess.run([program], stdout=log, stderr=log,
                                 timeout=600).returncode
        if bad:
            failed += 1
            print(f"unit test {os.path.basename(program)} failed: "
                  f"{program}.log")
    print(f"coverage: {len(programs)} unit tests, {failed} failed")
    return failed


def run_kernels(names):
    """The test kernels, with one trace per QEMU. Number of failures."""
    traces = os.path.join(OUT, "traces")
    if not names:
        shutil.rmtree(traces, ignore_errors=True)
    os.makedirs(traces, exist_ok=True)
    start, length = image_range(ELF)
    return subprocess.run([
        "tests/guests/run.py", "--hv", ELF, "--guests", GUESTS,
        "--timeout", "400", "--guest-append", "slack=20",
        "--results", OUT + "/guests", "--logs", OUT + "/guests.d",
        "--qemu", f"-d in_asm -dfilter {start:#x}+{length:#x} "
                  f"-D {traces}/%d.asm", *names]).returncode


def fold_traces():
    """
    All addresses that ran, from the traces and what earlier runs left. The
    traces are folded into one file of addresses.
    """
    kept = os.path.join(OUT, "addresses")
    addresses = set()
    if os.path.exists(kept):
        with open(kept, encoding="ascii") as file:
            addresses = {int(line, 16) for line in file}
    for trace in glob.glob(OUT + "/traces/*.asm"):
        addresses |= executed_addresses(trace)
        os.unlink(trace)
    with open(kept, "w", encoding="ascii") as file:
        file.writelines(f"{a:x}\n" for a in sorted(addresses))
    return addresses


class Result:
    """Per file: lines with code, and which the two layers ran."""

    def __init__(self, table, addresses, unit):
        self.code = table.lines
        self.guests = table.ran(addresses)
        self.units = collections.defaultdict(set)
        for file, lines in unit.items():
            ran = {nr for nr, count in lines.items() if count}
            self.units[file] = ran & self.code.get(file, set())

    def row(self, files):
        def count(of):
            return sum(len(of(file)) for file in files)
        return (count(lambda f: self.code[f]),
                count(lambda f: self.units[f]),
                count(lambda f: self.guests[f]),
                count(lambda f: self.units[f] | self.guests[f]))

    def missed(self, file):
        return sorted(self.code[file] - self.units[file] - self.guests[file])

    def print_rows(self, bar):
        """The table; True if every folder reaches the bar."""
        print(f"{'':44} lines  units guests   both      %")
        good = True
        for folder in FOLDERS:
            files = sorted(f for f in self.code if folder_of(f) == folder)
            for file in files:
                print_row(file.removeprefix("hypervisor/"), self.row([file]))
            percent = print_row(folder, self.row(files))
            print()
            if percent < bar:
                good = False
                print(f"coverage: {folder} is below {bar} %\n")
        return good

    def write_missed(self, path):
        with open(path, "w", encoding="utf-8") as out:
            for file in sorted(self.code):
                with open(file, encoding="utf-8") as source:
                    text = source.read().splitlines()
                for nr in self.missed(file):
                    out.write(f"{file}:{nr}: {text[nr - 1]}\n")


def print_row(name, row):
    code, units, guests, both = row
    percent = 100 * both / code if code else 100.0
    print(f"{name:44} {code:5} {units:6} {guests:6} {both:6}  {percent:5.1f}")
    return percent


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bar", type=float, default=85, help="percent")
    parser.add_argument("--keep", action="store_true",
                        help="run nothing; show what the last run measured")
    parser.add_argument("--kernels", nargs="*",
                        help="of the kernels only these, added to what earlier "
                             "runs of the same image measured")
    return parser.parse_args()


def forget_old_addresses(all_kernels):
    """Addresses mean something in the image that they were seen in, only."""
    kept = OUT + "/addresses"
    if os.path.exists(kept) and (
            all_kernels or os.path.getmtime(kept) < os.path.getmtime(ELF)):
        os.unlink(kept)


def main():
    args = parse_arguments()
    failed = 0
    if not args.keep:
        forget_old_addresses(not args.kernels)
        failed = run_units() + run_kernels(args.kernels or [])
    table = LineTable(ELF, wanted)
    result = Result(table, fold_traces(), gcov_lines(UNITS, wanted))
    good = result.print_rows(args.bar)
    result.write_missed(OUT + "/missed.txt")
    uncalled = check_calls(glob.glob(OUT + "/guests.d/*.log"))
    for line in uncalled:
        print("coverage: " + line)
    if failed:
        print("coverage: tests failed; the figures are of a broken tree")
    return 0 if good and not failed and not uncalled else 1


if __name__ == "__main__":
    sys.exit(main())
