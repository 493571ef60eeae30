# SPDX-License-Identifier: MIT
"""Operations of the ABI: each has its row in the table of permissions, and
nobody tests privilege beside the table."""

import re

ROWS = "hypervisor/hypercall/permission_rows.def"
DOCS = "docs/abi/README.md"

# hypercall -> (header, what its operations' names look like)
FAMILIES = {
    "domctl": ("domctl.h", r"XEN_DOMCTL_[a-z]\w*"),
    "sysctl": ("sysctl.h", r"XEN_SYSCTL_[a-z]\w*"),
    "platform_op": ("platform.h", r"XENPF_[a-z]\w*"),
    "physdev_op": ("physdev.h", r"PHYSDEVOP_[a-z]\w*"),
    "memory_op": ("memory.h", r"XENMEM_[a-z]\w*"),
    "event_channel_op": ("event_channel.h", r"EVTCHNOP_[a-z]\w*"),
    "grant_table_op": ("grant_table.h", r"GNTTABOP_[a-z]\w*"),
    "sched_op": ("sched.h", r"SCHEDOP_[a-z]\w*"),
    "vcpu_op": ("vcpu.h", r"VCPUOP_[a-z]\w*"),
    "mmuext_op": ("xen.h", r"MMUEXT_[A-Z]\w*"),
    "xen_version": ("version.h", r"XENVER_[a-z]\w*"),
    "callback_op": ("callback.h", r"CALLBACKOP_[a-z]\w*"),
    "nmi_op": ("nmi.h", r"XENNMI_[a-z]\w*"),
    "console_io": ("xen.h", r"CONSOLEIO_[a-z]\w*"),
    "vm_assist": ("xen.h", r"VMASST_CMD_[a-z]\w*"),
    "kexec_op": ("kexec.h", r"KEXEC_CMD_[a-z]\w*"),
    "hypfs_op": ("hypfs.h", r"XEN_HYPFS_OP_[a-z]\w*"),
}
# Of that form, and no operations: values in arguments, old names.
NO_OPERATIONS = re.compile(
    r"XEN_SYSCTL_cpu_(policy|featureset)_\w+|XEN_SYSCTL_pm_op_\w+|"
    r"XENPF_settime|"
    r"XENMEM_resource_\w+|PHYSDEVOP_pirq_eoi_gmfn|GNTTABOP_error_msgs|"
    r"XENFEAT_\w+")

PREFIX = re.compile(
    r"^(XEN_DOMCTL|XEN_SYSCTL|XENPF|PHYSDEVOP|XENMEM|EVTCHNOP|GNTTABOP|SCHEDOP|"
    r"VCPUOP|MMUEXT|XENVER|CALLBACKOP|XENNMI|CONSOLEIO|VMASST_CMD|KEXEC_CMD|"
    r"XEN_HYPFS_OP)_")
ROW = re.compile(r"^ROW\((\w+),\s*(\w+),", re.M)
PRIVILEGE = re.compile(r"\b(current->domain|self|v->domain)->is_privileged")
# Where the table is read.
ASKS = {"hypervisor/hypercall/permission.c"}


def check_operations(t):
    """Every operation of include/public has a row of permission and a place in
    docs/abi; handlers ask the table and test no privilege by themselves."""
    rows = ROW.findall(t.text(ROWS))
    names = {op for _, op in rows}
    yield ROWS, "" if len(rows) == len(set(rows)) else "a row is there twice"
    words = set(re.findall(r"\w+", t.text(DOCS)))
    for hypercall, op in rows:
        short = hypercall if op == "0" else PREFIX.sub("", op)
        yield DOCS, "" if short in words else f"{hypercall} {op} is not in it"
    for hypercall, (header, form) in FAMILIES.items():
        text = t.text("include/public/" + header)
        defined = re.findall(rf"^#define ({form})\s", text, re.M)
        for name in defined:
            if not NO_OPERATIONS.fullmatch(name):
                yield ("include/public/" + header,
                       "" if name in names else f"{name} has no row in {ROWS}")
    for name in t.ending(".c"):
        if name.startswith("hypervisor/hypercall/") and name not in ASKS:
            bad = [f"line {nr}: asks for privilege beside {ROWS}"
                   for nr, line in enumerate(t.lines(name), 1)
                   if PRIVILEGE.search(line)]
            yield name, "\n".join(bad)
