# SPDX-License-Identifier: MIT
"""Runs a script of commands in dom0 and keeps what they answered."""

import json
import os
import re
import time

import compare
import machine

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "recorded")


# What a hypervisor says for itself on the same serial line.
HYPERVISOR = re.compile(r"^(\(XEN\)|\[ *\d+\.\d{6}\]).*\n?", re.M)


class Script:
    """The commands of one test on the machine m, in order."""

    def __init__(self, m):
        self.m = m
        self.steps = []

    def do(self, command, view=compare.words, timeout=60,
           failed=compare.lines):
        """A command whose answer is compared, by the view `failed` if it
        fails; returns its output."""
        status, out = self.m.try_run(command + " 2>&1", timeout)
        out = HYPERVISOR.sub("", out)
        self.keep(command, status, failed(out) if status else view(out))
        return out

    def keep(self, command, status, fields):
        """One more step."""
        self.steps.append({"run": command, "status": status,
                           "fields": fields})

    def until(self, command, timeout=60):
        """Waits for something that takes its time; the command succeeds when
        it has come."""
        end = time.monotonic() + timeout * machine.PATIENCE
        while self.m.try_run(command)[0]:
            if time.monotonic() > end:
                self.m.fail(f"not within {timeout} s: {command}")
            time.sleep(0.5 * min(machine.PATIENCE, 10))

    def console(self, command, typed, answer, first="", wait=20):
        """Attaches to a guest's console, waits for what has to come first (if
        anything), types a line, waits for what comes of it, and detaches
        (Ctrl-])."""
        self.m.last_id += 1
        mark = self.m.last_id
        self.m.send(f"{mark} {len(command)} {command}\n")
        self.m.expect(rf"@@ {mark} begin @@", 20, command)
        if first:
            self.m.expect(first, wait, f"{first!r} over {command}")
        if self.m.comes(rf"@@ {mark} \d+ @@", 2):
            self.m.fail(f"`{command}` ended at once")
        self.m.send(typed + "\n")
        self.m.expect(answer, 30, f"{answer!r} over {command}")
        self.m.send("\x1d")
        self.m.expect(rf"@@ {mark} 0 @@", 20, f"end of {command}")
        self.keep(command, 0, {"answer": answer})

    def path(self, name):
        return os.path.join(FOLDER, f"{name}.json")

    def record(self, name):
        """Keeps the answers of the reference."""
        os.makedirs(FOLDER, exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as f:
            json.dump(self.steps, f, indent=1)
            f.write("\n")

    def differences(self, name):
        """Compares with what the reference answered; a line for each."""
        with open(self.path(name), encoding="utf-8") as f:
            return compare.differences(json.load(f), self.steps)

    def check(self, name):
        """Fails unless the answers are the reference's."""
        found = self.differences(name)
        if found:
            self.m.fail(f"{len(found)} answers differ from Xen's:\n" +
                        "\n".join(found))
