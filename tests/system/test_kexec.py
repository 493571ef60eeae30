# SPDX-License-Identifier: MIT
"""Debian's kexec in dom0 loads kernels into the hypervisor; they run when the
hypervisor panics, when dom0 crashes, and in place of a reboot, and the crash
kernel finds the memory of what crashed.
"""

import pytest

PAGES = 512
CRASH_ARGS = (f"console=ttyS0,115200n8 nr_cpus=1 reset_devices irqpoll "
              f"crashproof={PAGES}")
LOAD = "kexec {kind} /boot/vmlinuz --initrd=/boot/initrd --command-line='{args}'"


def kexec_machine(new_machine, **options):
    options.setdefault("hv_args", "crashkernel=128M")
    m = new_machine(initramfs="kexec", mem=768, dom0_mem=384, **options)
    return m.boot()


def load_crash_kernel(m):
    m.run(f"crashproof fill /tmp/pattern {PAGES}")
    m.run(LOAD.format(kind="-p", args=CRASH_ARGS), 120)


def check_crash_kernel(m, cpus):
    """The kernel that was started finds all, and ends the machine."""
    m.expect(r"next kernel: 6\.1\S* with 1 CPU, xen: no", 240, "crash kernel",
             death=False)
    m.expect(rf"crashproof: dump of \d+ MiB, notes: cpus {cpus} regs {cpus} "
             r"info 1 vmcoreinfo 1", 240, "the dump's notes", death=False)
    m.expect(rf"crashproof: {PAGES} of {PAGES} pages, 0 wrong", 60,
             "the pattern in the dump", death=False)
    m.expect("next kernel: done", 60, death=False)
    m.wait_end(60, "power off by the crash kernel")


def nothing_to_start(m):
    """Our console's key C says so; Debian's Xen has no such answer."""
    if m.opt.hv != "xen":
        m.hv_keys("C", "No crash kernel is loaded")


@pytest.mark.ours_only("our console's key C and what it says")
def test_hypervisor_panic(new_machine):
    """Key C panics; x2APIC; the second load takes the first one's place."""
    m = kexec_machine(new_machine, smp=2)
    load_crash_kernel(m)
    load_crash_kernel(m)
    m.send("\x01\x01\x01")
    m.send("C")
    m.expect(r"PANIC: asked for from the console", 30, death=False)
    check_crash_kernel(m, 2)


def test_dom0_crash(new_machine):
    """dom0's kernel panics; xAPIC, no 1 GiB pages, a size by ranges of RAM."""
    m = kexec_machine(new_machine, smp=4, machine="q35", cpu="qemu64",
                      hv_args="crashkernel=128M-512M:64M,512M-:128M<512M")
    load_crash_kernel(m)
    m.send("99 28 echo c > /proc/sysrq-trigger\n")
    m.expect("(?i)dom0 crashed", 60, death=False)
    check_crash_kernel(m, 4)


def test_reboot_into_a_kernel(new_machine):
    """A crash image comes and goes; then kexec -e in place of a reboot."""
    m = kexec_machine(new_machine, smp=2, hv_args="crashkernel=128M@256M")
    nothing_to_start(m)
    load_crash_kernel(m)
    m.run("kexec -p -u")
    nothing_to_start(m)
    m.run(LOAD.format(kind="-l", args="console=ttyS0,115200n8"), 120)
    m.check()
    m.send("99 8 kexec -e\n")
    m.expect(r"next kernel: 6\.1\S* with 2 CPU, xen: no", 240, "next kernel")
    m.expect("next kernel: done", 60)
    m.wait_end(60, "power off by the next kernel")


def test_nothing_reserved(new_machine):
    """Without crashkernel= there is no place: kexec says so, dom0 goes on."""
    m = kexec_machine(new_machine, smp=1, hv_args="crashkernel=1G-:128M")
    status, out = m.try_run(LOAD.format(kind="-p", args=CRASH_ARGS), 120)
    assert status and "Cannot load" in out, out
    m.finish()
