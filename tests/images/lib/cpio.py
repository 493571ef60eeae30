# SPDX-License-Identifier: MIT
"""Writes an initramfs in the kernel's "newc" cpio format.

Done here instead of with cpio(1) because device nodes then need no root and
the bytes depend on nothing but the contents (fixed times, owners and inodes).
"""

import os
import stat


class Archive:
    """The files of one initramfs; later entries win over earlier ones."""

    def __init__(self):
        self.entries = {}

    def dir(self, path, mode=0o755):
        path = clean(path)
        if path and path not in self.entries:
            if "/" in path:
                self.dir(os.path.dirname(path))
            self.entries[path] = (stat.S_IFDIR | mode, b"", (0, 0))

    def put(self, path, mode, data=b"", rdev=(0, 0)):
        path = clean(path)
        self.dir(os.path.dirname(path))
        self.entries[path] = (mode, data, rdev)

    def data(self, path, data, mode=0o644):
        self.put(path, stat.S_IFREG | mode, data)

    def file(self, path, source, mode=None):
        """Adds the file that `source` leads to, links followed."""
        with open(source, "rb") as f:
            content = f.read()
        if mode is None:
            mode = 0o755 if os.stat(source).st_mode & 0o111 else 0o644
        self.data(path, content, mode)

    def link(self, path, target):
        self.put(path, stat.S_IFLNK | 0o777, target.encode())

    def node(self, path, major, minor, mode=0o600):
        self.put(path, stat.S_IFCHR | mode, rdev=(major, minor))

    def tree(self, source, at=""):
        """Adds a folder with everything below it."""
        for folder, _, names in sorted(os.walk(source)):
            rel = os.path.relpath(folder, source)
            self.dir(os.path.join(at, rel))
            for name in sorted(names):
                self.file(os.path.join(at, rel, name),
                          os.path.join(folder, name))

    def write(self, out):
        """Writes the archive to the binary stream `out`."""
        ino = 0
        for path, (mode, data, rdev) in sorted(self.entries.items()):
            ino += 1
            entry(out, ino, path, mode, data, rdev)
        entry(out, 0, "TRAILER!!!", 0, b"", (0, 0))


def clean(path):
    path = os.path.normpath(path.strip("/") or ".")
    return "" if path == "." else path


def entry(out, ino, path, mode, data, rdev):
    name = path.encode() + b"\0"
    fields = (ino, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1],
              len(name), 0)
    head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
    out.write(head + bytes(-len(head) % 4))
    out.write(data + bytes(-len(data) % 4))
