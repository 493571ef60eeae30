# SPDX-License-Identifier: MIT
"""Picks kernel modules with all that they depend on, in loading order.

Debian makes modules.dep when a kernel is installed; ours is only unpacked, so
the dependencies are read from the modules themselves.
"""

import lzma
import os


class Modules:
    """The modules of one unpacked kernel package."""

    def __init__(self, package):
        base = os.path.join(package, "lib/modules")
        self.version, = os.listdir(base)
        self.files = {}
        for folder, _, names in os.walk(os.path.join(base, self.version)):
            for name in names:
                if name.endswith((".ko", ".ko.xz")):
                    self.files[canonical(name.split(".ko")[0])] = \
                        os.path.join(folder, name)
        with open(os.path.join(base, self.version, "modules.builtin")) as f:
            self.builtin = {canonical(os.path.basename(line.strip())[:-3])
                            for line in f}

    def read(self, name):
        opener = lzma.open if self.files[name].endswith(".xz") else open
        with opener(self.files[name], "rb") as f:
            return f.read()

    def load_order(self, names):
        """Returns [(name, bytes)]: each module after those it depends on.

        A name that this kernel has neither as module nor built in is left
        out: kernels differ in what they were configured with.
        """
        order = {}
        for name in names:
            self.add(canonical(name), order)
        return list(order.items())

    def add(self, name, order):
        if name in order or name in self.builtin or name not in self.files:
            return
        data = self.read(name)
        for dep in depends(data):
            self.add(dep, order)
        order[name] = data


def canonical(name):
    return name.replace("-", "_")


def depends(data):
    """Reads the hard and the "pre" soft dependencies from .modinfo."""
    names = []
    for key in (b"\0depends=", b"\0softdep=pre:"):
        at = data.find(key)
        while at >= 0:
            end = data.index(b"\0", at + 1)
            value = data[at + len(key):end].decode().split("post:")[0]
            names += value.replace(",", " ").split()
            at = data.find(key, end)
    return [canonical(n) for n in names]
