# SPDX-License-Identifier: MIT
"""Which part of the tree may include what: the arrows of docs/map.md as data.

A part is named by its longest matching path. `parts` are prefixes of what
stands between <> or "" and is ours; `system` are the other headers it may use,
ANY being all of them. A file may always include its neighbours by bare name.
"""

ANY = object()

FREESTANDING = {
    "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdalign.h", "limits.h",
}
# Boot-only decoders of kernel images, linked from Debian's static libraries.
DECODERS = {"lzma.h", "zstd.h", "zstd_errors.h", "lz4.h", "lz4frame.h",
            "zlib.h"}
# What lib/ must not know.
DOMAINS = {"hv/domain.h", "hv/evtchn.h", "hv/grant.h", "hv/sched.h",
           "hv/hypercall.h", "hv/guest_access.h", "hv/arch.h"}


class Layer:
    def __init__(self, parts, system=FREESTANDING, never=()):
        self.parts = tuple(parts)
        self.system = system
        self.never = set(never)

    def allows(self, name):
        if name in self.never:
            return False
        if name.startswith(self.parts):
            return True
        if self.system is ANY:
            return not is_ours(name)
        return name in self.system


def is_ours(name):
    return name.startswith(("public/", "hv/", "asm/", "libs/", "kit/", "core/"))


# What a core file may know of the machine: hv/arch.h, who is running, and how
# to keep interrupts off.
HV = ("public/", "hv/", "asm/cpu_info.h", "asm/irqflags.h")
ARCH = ("public/", "hv/", "asm/", "asm_offsets.h")


def tool(*libs):
    return Layer(["public/", *(f"libs/{lib}/" for lib in libs)], ANY)


LAYERS = {
    "include/public/": Layer(["public/"]),
    "hypervisor/include/hv/": Layer(ARCH),
    "hypervisor/lib/": Layer(HV, never=DOMAINS),
    "hypervisor/core/": Layer(HV),
    "hypervisor/hypercall/": Layer([*HV, "../core/"]),
    # Operations whose arguments are the machine's own.
    "hypervisor/hypercall/physdev_op.c": Layer([*ARCH, "../core/"]),
    "hypervisor/hypercall/platform_": Layer([*ARCH, "../core/"]),
    "hypervisor/drivers/": Layer(ARCH, never=DOMAINS - {"hv/arch.h"}),
    "hypervisor/arch/x86/": Layer(ARCH),
    "hypervisor/arch/x86/boot/": Layer(ARCH, FREESTANDING | DECODERS),
    "hypervisor/arch/x86/pv/dom0_unpack.c": Layer(ARCH, FREESTANDING | DECODERS),
    "hypervisor/": Layer(ARCH),
    "dom0-tools/libs/sys/": tool("sys"),
    "dom0-tools/libs/xs/": tool("xs", "sys"),
    "dom0-tools/libs/console/": tool("console", "xs", "sys"),
    "dom0-tools/libs/daemon/": tool("daemon"),
    "dom0-tools/libs/image/": tool("image", "sys"),
    "dom0-tools/libs/domain/": tool("domain", "image", "console", "xs", "sys"),
    "dom0-tools/xenstored/": tool("daemon", "xs", "sys"),
    "dom0-tools/consoled/": tool("daemon", "console", "xs", "sys"),
    "dom0-tools/backends/": tool("daemon", "xs", "sys"),
    "dom0-tools/cli/": tool("domain"),
    "guest-patches/": Layer(["public/", "kit/"]),
    "tests/guests/": Layer(["public/", "kit/"]),
    # The hypervisor's own table, tried row by row.
    "tests/guests/permission/": Layer(
        ["public/", "kit/",
         "../../../hypervisor/hypercall/permission_rows.def"]),
    "tests/bench/": Layer(["public/", "kit/"]),
    "tests/bench/system/": Layer([], ANY),
    # Tests reach for what they test.
    "tests/": Layer(["public/", "hv/", "asm/", "libs/", "core/"], ANY),
}


def layer_of(path):
    prefixes = [p for p in LAYERS if path.startswith(p)]
    return LAYERS[max(prefixes, key=len)] if prefixes else None
