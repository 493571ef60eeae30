# SPDX-License-Identifier: MIT
"""A guest that dom0's tools run, seen from a test: its life, its console."""

import re
import shlex
import time

import machine

MARK = "%%"
DETACH = "\x1d"
CONSOLE_LOGS = "/var/log/trellis/console"


class Guest:
    """The guest of /srv/NAME.cfg on the machine m."""

    logs = CONSOLE_LOGS         # where the console daemon keeps what they say
    tool = "tl"                 # whose console command leads to it

    def __init__(self, m, name, kernel="6.1-cloud", vcpus=1, **keys):
        # The default is the kernel that is unpacked soonest (LZ4).
        self.m = m
        self.name = name
        self.attached = 0
        self.config = f"/srv/{name}.cfg"
        self.keys = {"kernel": f"/srv/vmlinuz-{kernel}",
                     "ramdisk": f"/srv/initrd-{kernel}",
                     "vcpus": vcpus, **keys}

    def assignments(self):
        for key, value in self.keys.items():
            text = value if isinstance(value, int) else f'"{value}"'
            yield shlex.quote(f"{key}={text}")

    def create(self, ready=True):
        """tl create; by default waits until the guest says it is ready."""
        seen = self.ready_count()
        self.m.run(f"tl create {self.config} {' '.join(self.assignments())}",
                   120)
        if ready:
            self.wait_ready(seen)
        return self

    # The console's log file, kept by consoled.

    def console_log(self):
        return self.m.run(f"cat {self.logs}/*{self.name}*.log 2>/dev/null; "
                          "true")

    def monitor_log(self):
        """What the process said that acts when the guest ends."""
        return self.m.run(f"cat /var/log/trellis/tl-{self.name}.log 2>&1; "
                          "true")

    def ready_count(self):
        out = self.m.run(f"cat {self.logs}/*{self.name}*.log 2>/dev/null | "
                         f"grep -c 'guest: {self.name} ready'; true")
        return int(out or 0)

    def wait_ready(self, seen=0, timeout=120):
        """Waits until the guest has come up once more than `seen` times."""
        end = time.monotonic() + timeout * machine.PATIENCE
        while self.ready_count() <= seen:
            if time.monotonic() > end:
                self.m.fail(f"guest {self.name} is not ready after {timeout} "
                            f"s; its console:\n{self.console_log()[-3000:]}\n"
                            f"its monitor:\n{self.monitor_log()}")
            time.sleep(1)

    def report(self, what):
        """What the guest said about itself when it last came up."""
        lines = re.findall(rf"guest: {what}:? ?([^\r\n]*)", self.console_log())
        if not lines:
            self.m.fail(f"guest {self.name} said nothing about {what}")
        return lines[-1]

    # Commands inside the guest, over its console.

    def run(self, command, timeout=60):
        """Runs a command line in the guest; fails on a status != 0."""
        status, out = self.try_run(command, timeout)
        if status:
            self.m.fail(f"in {self.name}: `{command}` ended with {status}:\n"
                        f"{out}")
        return out

    def try_run(self, command, timeout=60):
        self.attach_shell()
        try:
            return self.m.try_run(command, timeout, MARK)
        finally:
            self.detach()

    def attach(self):
        """From here on the serial line leads to the guest's console."""
        line = f"{self.tool} console {self.name}"
        self.m.last_id += 1
        self.attached = self.m.last_id
        self.m.send(f"{self.attached} {len(line)} {line}\n")
        self.m.expect(rf"@@ {self.attached} begin @@", 20,
                      f"{self.tool} console")
        # Until tl has the terminal, what is typed would be dom0's. If it has
        # given up by then, say what it said.
        if self.m.comes(rf"@@ {self.attached} \d+ @@", 1):
            self.m.fail(f"{self.tool} console ended at once")

    def attach_shell(self):
        """The same, to the guest's test shell; what is typed before
        the tool reads may be lost."""
        self.attach()
        for _ in range(round(6 * machine.PATIENCE)):
            self.m.last_id += 1
            self.m.send(f"{self.m.last_id} 4 true\n")
            if self.m.comes(rf"{MARK} {self.m.last_id} 0 {MARK}", 5):
                return
        self.m.fail(f"guest {self.name} does not answer:\n"
                    f"{self.console_tail()}")

    def console_tail(self):
        """What the guest said last, after leaving its console."""
        self.detach()
        return self.console_log()[-3000:]

    def detach(self):
        self.m.send(DETACH)
        self.m.expect(rf"@@ {self.attached} 0 @@", 20, "end of tl console")

    # Life cycle.

    def exists(self):
        return self.m.try_run(f"tl domid {self.name}")[0] == 0

    def until(self, holds, what, timeout=60):
        """Waits until holds() is true."""
        end = time.monotonic() + timeout * machine.PATIENCE
        while not holds():
            if time.monotonic() > end:
                self.m.fail(f"guest {self.name}: not within {timeout} s: "
                            f"{what}\n" + self.m.run("tl list"))
            time.sleep(0.5)

    def wait_gone(self, timeout=60):
        self.until(lambda: not self.exists(), "its end", timeout)

    def shutdown(self):
        self.m.run(f"tl shutdown {self.name}")
        self.wait_gone()

    def reboot(self):
        seen = self.ready_count()
        self.m.run(f"tl reboot {self.name}")
        self.wait_ready(seen)

    def destroy(self):
        self.m.run(f"tl destroy {self.name}")
        self.wait_gone()

    def crash(self):
        """The guest's kernel panics; what follows is its on_crash."""
        self.attach_shell()
        line = "echo c > /proc/sysrq-trigger"
        self.m.send(f"0 {len(line)} {line}\n")
        self.m.expect(rf"@@ {self.attached} \d+ @@", 60,
                      "end of tl console when its guest is gone", death=False)
        self.wait_gone()
