# SPDX-License-Identifier: MIT
"""Finds the shared libraries that a program needs, without running it."""

import os
import struct

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB = 1, 5
HOST_DIRS = ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu")


def string(data, at):
    return data[at:data.index(b"\0", at)].decode()


def needed(path):
    """Returns the names of the libraries (and the loader) of a program."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:5] != b"\x7fELF\x02":
        return []
    phoff, = struct.unpack_from("<Q", data, 32)
    phentsize, phnum = struct.unpack_from("<HH", data, 54)
    names, loads, dynamic = [], [], []
    for i in range(phnum):
        at = phoff + i * phentsize
        kind, _, off, vaddr, _, filesz = struct.unpack_from("<IIQQQQ", data, at)
        if kind == PT_LOAD:
            loads.append((vaddr, off, filesz))
        elif kind == PT_INTERP:
            names.append(string(data, off))
        elif kind == PT_DYNAMIC:
            dynamic = list(struct.iter_unpack("<QQ", data[off:off + filesz]))
    strtab = next((v for t, v in dynamic if t == DT_STRTAB), None)
    for tag, value in dynamic:
        if tag == DT_NEEDED:
            names.append(string(data, offset_of(loads, strtab + value)))
    return names


def offset_of(loads, vaddr):
    for start, off, size in loads:
        if start <= vaddr < start + size:
            return vaddr - start + off
    raise ValueError(f"address {vaddr:#x} is in no segment")


def find(name, roots):
    """Finds a library in unpacked packages first, then on this machine."""
    if name.startswith("/"):
        return name
    for root in roots:
        for folder in HOST_DIRS:
            path = root + folder + "/" + name
            if os.path.exists(path):
                return path
    for folder in HOST_DIRS:
        if os.path.exists(f"{folder}/{name}"):
            return f"{folder}/{name}"
    raise FileNotFoundError(f"no library {name}; looked in {HOST_DIRS} of "
                            f"{[*roots, '/']}")


def closure(programs, roots=()):
    """Returns {library name: file} for all that `programs` need."""
    found, todo = {}, list(programs)
    while todo:
        for name in needed(todo.pop()):
            if name not in found:
                found[name] = find(name, roots)
                todo.append(found[name])
    return found
