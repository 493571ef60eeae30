# SPDX-License-Identifier: MIT
"""A control domain with Debian's tools that runs one guest and then ends: what
it boots, and what can be measured in such a guest."""

import collections
import os
import re
import sys

from counted import IMAGES, LINE, OUT, TOP

sys.path.insert(0, os.path.join(TOP, "tests/images/lib"))
import cpio  # noqa: E402

CONFIG = """name = "bench"
type = "pv"
kernel = "/srv/vmlinux"
ramdisk = "/srv/initrd"
extra = "{line}"
memory = {memory}
vcpus = 1
disk = ["phy:/dev/ram0,xvda,w", "phy:/dev/ram1,xvdb,w"]
vif = ["mac=00:16:3e:77:00:12,bridge=xenbr0"]
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "destroy"
"""

DOM0_LINE = LINE + " trellis.mode=test"


def control_domain(out, kernel, initrd, memory):
    """Writes dom0's initramfs with a guest of that kernel and initramfs."""
    archive = cpio.Archive()
    archive.dir("srv")
    archive.file("srv/vmlinux", kernel)
    archive.file("srv/initrd", initrd)
    archive.data("srv/bench.cfg",
                 CONFIG.format(line=LINE, memory=memory).encode())
    with open(out, "wb") as to:
        for part in f"{IMAGES}/dom0-clients.cpio", f"{OUT}/tools.cpio":
            with open(part, "rb") as f:
                to.write(f.read())
        archive.write(to)
    return out


def run(machine, name, kernel, initrd, end, line="", count=True, memory=384):
    """(serial text, Marks) of a machine with that guest, which must say `end`
    last; memory: the guest's, MiB."""
    image = control_domain(f"{OUT}/dom0-{name}.cpio", kernel, initrd, memory)
    text, marks = machine.run(name, kernel, f"{DOM0_LINE} {line}", image,
                              mem=1152 + memory, count=count)
    text = text.replace("\r", "")
    if end not in text or "FAILED" in text or "DOM0 END" not in text:
        print(text[-2000:])
        sys.exit(f"{machine.label}: {name} did not end well")
    return text, marks


# ---- disk and network ----

# Of one request: operations on event channels; grants mapped, unmapped and
# copied; all other hypercalls. What calls.c prints.
Calls = collections.namedtuple("Calls", "event map unmap copy other")

# What was moved, by how many requests; Counts; Calls; {address: times}.
Transfer = collections.namedtuple("Transfer",
                                  "bytes requests counts calls places")


def said(text):
    """[(bytes, requests, name)] of what io.c said."""
    return [(int(b), int(r), n) for b, r, n in
            re.findall(r"^IO (\d+) (\d+) (.+?)$", text, re.MULTILINE)]


def calls_per_request(machine, kernel):
    """[Calls] of each piece; without the plugin, but with a trace."""
    text, _ = run(machine, "io-trace", kernel, f"{OUT}/io.cpio", "IO END",
                  "bench_trace=1", count=False)
    calls = re.findall(r"^CALLS ([\d ]+)$", text, re.MULTILINE)
    pieces = said(text)
    if len(calls) != len(pieces) or "CALLS LOST" in text:
        print(f"{machine.label}: the trace is not whole, no operations")
        return [None] * len(pieces)
    return [Calls(*(int(n) / requests for n in line.split()))
            for line, (_, requests, _) in zip(calls, pieces)]


def transfers(machine, kernel):
    """{row: Transfer}"""
    text, marks = run(machine, "io", kernel, f"{OUT}/io.cpio", "IO END")
    pieces = said(text)
    calls = ([None] * len(pieces) if machine.args.functions
             else calls_per_request(machine, kernel))
    return {name: Transfer(size, requests, counts, of, at)
            for (size, requests, name), (counts, at), of
            in zip(pieces, marks.pairs(), calls)}


def table(line, head, rows):
    print(line % head)
    if line.startswith("|"):
        print("|---|" + "--:|" * (len(head) - 1))
    for row in rows:
        print(line % row)


def show_transfers(results, markdown):
    """Two tables: bytes for instructions, operations for requests."""
    xen, trellis = results.get("xen", {}), results.get("trellis", {})

    def both(name, form, figure):
        values = [figure(r[name]) if name in r else None
                  for r in (xen, trellis)]
        return tuple("-" if v is None else form.format(v) for v in values)

    def per_request(what):
        return lambda t: getattr(t.counts, what) / t.requests

    rows = []
    for name in trellis or xen:
        ratio = (f"{xen[name].counts.all() / trellis[name].counts.all():.2f}"
                 if name in xen and name in trellis else "-")
        rows.append((name, *both(name, "{:.4g}", lambda t: t.bytes * 1e3 /
                                 t.counts.all()), ratio,
                     *both(name, "{:.0f}", per_request("hypervisor")),
                     *both(name, "{:.0f}", per_request("kernel")),
                     *both(name, "{:.0f}", per_request("program"))))
    table("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |" if markdown
          else "%-45s %7s %7s %5s %8s %8s %8s %8s %8s %8s",
          ("MB per 10^9 instructions; instructions per request", "Xen",
           "Trellis", "ratio", "hv: Xen", "Trellis", "kernels: Xen",
           "Trellis", "programs: Xen", "Trellis"), rows)
    rows = []
    for name in trellis or xen:
        cells = [name]
        for field in Calls._fields:
            cells.append(" / ".join(both(name, "{:.2f}", lambda t, f=field:
                                         t.calls and getattr(t.calls, f))))
        rows.append(tuple(cells))
    table("| %s | %s | %s | %s | %s | %s |" if markdown
          else "%-45s %13s %13s %13s %13s %13s",
          ("operations per request, Xen / Trellis", "event channels",
           "grants mapped", "unmapped", "copied", "other calls"), rows)
