# SPDX-License-Identifier: MIT
"""Which lines of the hypervisor have code, and which of them ran.

Two sources:
  - the line table (DWARF) of a hypervisor image, with the addresses that QEMU
    translated (`-d in_asm`): it translates a block when it is about to run it;
  - gcov's counts of the unit tests.
"""

import collections
import json
import os
import re
import subprocess

ROW = re.compile(r"^0x([0-9a-f]{16})\s+(\d+)\s+\d+\s+(\d+)\s+\d+\s+\d+\s*(.*)$")
INSTRUCTION = re.compile(rb"^0x([0-9a-f]{16}):", re.M)


def image_range(elf):
    """First address and length of the image."""
    out = subprocess.run(["readelf", "-lW", elf], capture_output=True,
                         text=True, check=True).stdout
    for line in out.splitlines():
        words = line.split()
        if words[:1] == ["LOAD"]:
            return int(words[2], 16), int(words[5], 16)
    raise SystemExit(f"{elf}: nothing is loaded")


class LineTable:
    """Address -> lines of an image; only code that the linker kept."""

    def __init__(self, elf, wanted):
        self.lines = collections.defaultdict(set)  # file -> lines with code
        self.at = {}  # address -> [(file, line)] that begin there
        start, length = image_range(elf)
        inside = range(start, start + length)
        dump = subprocess.Popen(["llvm-dwarfdump", "--debug-line", elf],
                                stdout=subprocess.PIPE, text=True)
        sequence = []
        for line in dump.stdout:
            if line.startswith("debug_line["):
                dirs, files, index = [], {}, 0
            elif line.startswith("include_directories["):
                dirs.append(line.split('"')[1])
            elif line.startswith("file_names["):
                index = int(line[11:line.index("]")])
            elif line.startswith("           name:"):
                name = line.split('"')[1]
            elif line.startswith("      dir_index:"):
                folder = dirs[int(line.split(":")[1])]
                files[index] = os.path.normpath(os.path.join(folder, name))
            else:
                row = ROW.match(line)
                if row:
                    self.row(row, files, sequence, inside, wanted)
        if dump.wait() != 0:
            raise SystemExit(f"{elf}: no line table")
        self.drop_braces()

    def row(self, row, files, sequence, inside, wanted):
        address, line, index = int(row[1], 16), int(row[2]), int(row[3])
        sequence.append((address, files[index], line, row[4]))
        if "end_sequence" not in row[4]:
            return
        if sequence[0][0] in inside:
            self.keep(sequence, wanted)
        sequence.clear()

    def keep(self, sequence, wanted):
        for (address, file, line, flags), after in zip(sequence, sequence[1:]):
            # A row without bytes is a place for debuggers, no code.
            if line and after[0] > address and wanted(file):
                self.lines[file].add(line)
                self.at.setdefault(address, []).append((file, line))

    def drop_braces(self):
        """The compiler names a function's braces, where gcov names its head:
        neither says whether anything of it ran."""
        for file, lines in self.lines.items():
            with open(file, encoding="utf-8") as source:
                text = source.read().splitlines()
            lines -= {nr for nr in lines if text[nr - 1].strip() in ("{", "}")}

    def ran(self, addresses):
        """The lines of which the first instruction of a piece ran."""
        ran = collections.defaultdict(set)
        for address in addresses:
            for file, line in self.at.get(address, ()):
                if line in self.lines[file]:
                    ran[file].add(line)
        return ran


def executed_addresses(trace):
    """All instructions in a log of `-d in_asm`, as a set."""
    with open(trace, "rb") as log:
        return {int(a, 16) for a in set(INSTRUCTION.findall(log.read()))}


def gcov_lines(folder, wanted):
    """file -> {line: ran} of all programs below the folder."""
    data = [os.path.join(where, name) for where, _, names in os.walk(folder)
            for name in names if name.endswith(".gcda")]
    lines = collections.defaultdict(dict)
    for i in range(0, len(data), 50):
        out = subprocess.run(
            ["gcov", "--json-format", "--stdout", *data[i:i + 50]],
            capture_output=True, text=True, check=True).stdout
        for report in out.splitlines():
            for file in json.loads(report)["files"]:
                name = os.path.normpath(file["file"])
                if wanted(name):
                    for line in file["lines"]:
                        nr = line["line_number"]
                        lines[name][nr] = (lines[name].get(nr, False)
                                           or line["count"] > 0)
    return lines
