# SPDX-License-Identifier: MIT
"""A whole Debian 12 as control domain: systemd, Debian's own tools of Xen.

The disk is a debootstrap with xen-utils-4.17 (tests/images/mk_debian_root.sh).
Debian's services start xenstored, xenconsoled and the guest of /etc/xen/auto,
which is a Debian with systemd too; when the machine restarts, they save the
guest and restore it. `--hv xen` runs the same on Debian's hypervisor.
"""

import re

import pytest

import images
import machine


class Debian(machine.Machine):
    """Its dom0 is logged in to on the console, then driven by testshell."""

    def wait_ready(self, timeout=120):
        self.expect(r"debian-dom0 login: ", timeout, "dom0's login prompt")
        self.log_in()

    def log_in(self):
        self.send("root\n")
        self.expect(r"root@debian-dom0:~# ", 60, "root's shell")
        self.send("exec sh /usr/lib/trellis/testshell\n")
        self.expect(re.escape(machine.READY), 60, "the test shell")
        self.run("dmesg -n 1")  # nothing between an answer's lines

    def poweroff(self, timeout=300):
        self.send("0 18 systemctl poweroff\n")
        self.wait_end(timeout, "power off")

    def reboot(self, timeout=600):
        self.send("0 16 systemctl reboot\n")
        self.wait_ready(timeout)


def guest_console(m, command, answer):
    """Types a command at the guest's shell; returns the answer's match."""
    m.send("0 17 xl console guest1\n")
    m.send("\n")
    prompt = r"root@guest1:~# "
    if "login" in m.expect(f"guest1 login: |{prompt}", 120).group(0):
        m.send("root\n")
        m.expect(prompt, 60, "the guest's shell")
    m.send(command + "\n")
    match = m.expect(answer, 60, "the guest's answer")
    m.send("\x1d")  # which has to come alone
    m.expect(r"@@ 0 \d+ @@", 60, "the end of xl console")
    m.settle()
    return match


def check_running(m):
    """Everything started, nothing failed, and the guest runs."""
    state = m.try_run("systemctl is-system-running --wait", 300)[1]
    failed = m.run("systemctl --failed --no-legend --plain")
    assert (state, failed) == ("running", ""), m.run("systemctl status")
    assert re.search(r"^guest1 +\d+ +256 +1 ", m.run("xl list"), re.MULTILINE)


@pytest.mark.full
def test_debian(hv, request):
    m = Debian(request.node.name, hv=hv, mem=3072, dom0_mem=1024,
               kernel=images.debian("vmlinuz"),
               initramfs=images.debian("initrd.img"), args="root=LABEL=dom0 ro",
               disks=(("virtio", images.debian("disk.img")),))
    try:
        m.boot(timeout=600)
        check_running(m)
        guest_console(m, "systemctl is-system-running --wait; "
                      "mark=kept; ping -c 2 192.168.77.1",
                      r"running\s(?s:.*?)2 received")
        m.check_dmesg()
        m.reboot()
        check_running(m)
        guest_console(m, "echo mark is $mark; ping -c 2 192.168.77.1",
                      r"mark is kept\s(?s:.*?)2 received")
        m.finish()
    finally:
        m.kill()
