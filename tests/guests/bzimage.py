# SPDX-License-Identifier: MIT
"""A kit kernel packed as Linux packs its own: inside a bzImage, compressed
(Linux, "The Linux/x86 Boot Protocol"), to boot what unpacks it."""

import struct
import subprocess

PACKERS = {
    "gzip": ["gzip", "-9", "-n"],
    "xz": ["xz", "--check=crc32", "--x86", "--lzma2=dict=1MiB"],
    "zstd": ["zstd", "-19", "--no-check"],
    "lz4": ["lz4", "-l", "-9"],
}


def pack(elf, packing, path):
    """Write the bzImage of an ELF file to `path`."""
    with open(elf, "rb") as file:
        data = file.read()
    payload = subprocess.run([*PACKERS[packing], "-c"], input=data,
                             stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, check=True).stdout
    if packing != "gzip":  # whose format ends with the size by itself
        payload += struct.pack("<I", len(data))
    setup = bytearray(2 * 512)
    setup[0x1f1] = 1  # sectors of set-up behind the first
    setup[0x1fe:0x200] = b"\x55\xaa"
    setup[0x202:0x206] = b"HdrS"
    struct.pack_into("<H", setup, 0x206, 0x20f)  # version of the protocol
    struct.pack_into("<II", setup, 0x248, 0, len(payload))
    with open(path, "wb") as out:
        out.write(bytes(setup) + payload)
