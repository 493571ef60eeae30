#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints compile_commands.json: what make would run to compile everything.

usage: compile_commands.py MAKE
"""

import json
import shlex
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
GOALS = ["hypervisor", "tools", "guests", "unit"]


def main(make):
    out = subprocess.run(
        [make, "-nB", "--no-print-directory", *GOALS], cwd=TOP,
        capture_output=True, text=True)
    if out.returncode != 0:
        sys.exit(out.stderr)
    entries = []
    for line in out.stdout.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line)
        except ValueError:
            continue
        files = [w for w in words if w.endswith((".c", ".S"))]
        if "-c" in words and len(files) == 1:
            entries.append({"directory": str(TOP), "file": files[0],
                            "arguments": words})
    json.dump(entries, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main(sys.argv[1])
