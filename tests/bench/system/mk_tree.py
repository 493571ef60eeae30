#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mk_tree.py TREE GCC: makes the folder that lies over the initramfs of the
counted machines: this machine's C compiler with all that one compilation
needs, and the source."""

import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../images/lib"))
import elf  # noqa: E402

SOURCE = os.path.join(HERE, "small.c")


def paths(*command):
    """The absolute paths in what a command says, of files that exist."""
    text = subprocess.run(command, check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return [p for p in re.findall(r"(?<=\s)/[^\s:]+", " " + text)
            if os.path.isfile(p)]


def put(path, tree, where=None):
    target = os.path.join(tree, os.path.normpath(where or path).lstrip("/"))
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy(path, target)


def main():
    tree, gcc = sys.argv[1:]
    shutil.rmtree(tree, ignore_errors=True)
    headers = [p for p in paths(gcc, "-O1", "-M", SOURCE) if p != SOURCE]
    linked = paths(gcc, "-o", os.devnull, SOURCE, "-Wl,-t")
    script = paths(gcc, "-print-file-name=libc.so")
    plugin = paths(gcc, "-print-file-name=liblto_plugin.so")
    programs = [gcc, "/usr/bin/as", "/usr/bin/ld",
                *paths(gcc, "-print-prog-name=cc1"),
                *paths(gcc, "-print-prog-name=collect2")]
    for path in [*headers, *linked, *script, *plugin, *programs]:
        put(path, tree)
    for name, path in elf.closure(programs + plugin).items():
        put(path, tree, name if name.startswith("/")
            else f"/lib/x86_64-linux-gnu/{name}")
    put(SOURCE, tree, "/usr/share/small.c")


if __name__ == "__main__":
    main()
