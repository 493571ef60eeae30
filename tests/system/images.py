# SPDX-License-Identifier: MIT
"""Where the things lie that tests/build.mk makes and the tests boot."""

import glob
import os
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build")
IMAGES = os.path.join(BUILD, "images")
LOGS = os.path.join(BUILD, "logs")
OVMF = "/usr/share/OVMF/OVMF_CODE_4M.fd"
PACKAGES = {
    "6.1": "linux-image-amd64",
    "6.1-cloud": "linux-image-cloud-amd64",
    "6.12": "linux-image-6.12-amd64",
}


class MissingImage(RuntimeError):
    """Something that `make images` would have made is not there."""


def existing(path):
    if not os.path.exists(path):
        raise MissingImage(f"{path} is missing: run `make images` first")
    return path


def hypervisor(hv):
    return existing({
        "trellis": os.path.join(BUILD, "trellis.elf"),
        "debug": os.path.join(BUILD, "debug", "trellis.elf"),
        "ubsan": os.path.join(BUILD, "ubsan", "trellis.elf"),
        "lockprof": os.path.join(BUILD, "lockprof", "trellis.elf"),
        "xen": os.path.join(IMAGES, "xen.elf"),
    }[hv])


def kernel(name):
    """The bzImage of a kernel by its short name, or a path as it is."""
    if name not in PACKAGES:
        return existing(name)
    found = glob.glob(os.path.join(IMAGES, "pkg", PACKAGES[name],
                                   "boot/vmlinuz-*"))
    if not found:
        raise MissingImage(f"no kernel {name}: run `make images` first")
    return found[0]


def dom0_initramfs(name):
    """By its short name, or a path as it is.

    TRELLIS_DOM0_INITRAMFS in the environment puts another in its place.
    """
    if os.path.isabs(name):
        return existing(name)
    other = os.environ.get("TRELLIS_DOM0_INITRAMFS")
    if other:
        return existing(other)
    if name not in (*PACKAGES, "kexec", "clients", "libvirt"):
        name = "6.1"
    return existing(os.path.join(IMAGES, f"dom0-{name}.cpio"))


def guests_disk():
    return existing(os.path.join(IMAGES, "guests.img"))


def grub_disk():
    return existing(os.path.join(IMAGES, "grub.img"))


def others_disk():
    return existing(os.path.join(IMAGES, "others.img"))


def debian(name):
    """The control domain of a whole Debian: disk.img, vmlinuz, initrd.img."""
    return existing(os.path.join(IMAGES, "debian", name))


def host_tool(name):
    return existing(os.path.join(IMAGES, "bin", name))


def iso_path(name):
    return os.path.join(IMAGES, f"test-{name}.iso")


def iso(name, hv, hv_args, vmlinuz, args, initrd):
    """Makes a GRUB ISO that boots on BIOS and UEFI; returns its path."""
    path = iso_path(name)
    subprocess.run([os.path.join(TOP, "tests/images/mk_iso.sh"), path, hv,
                    hv_args, vmlinuz, args, initrd], check=True)
    return path
