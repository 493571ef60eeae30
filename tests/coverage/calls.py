# SPDX-License-Identifier: MIT
"""Which operations of the ABI the test kernels called, with good arguments and
with bad ones. Kernels built with KIT_CALLS print what they called."""

import re
import subprocess

ROWS = "hypervisor/hypercall/permission_rows.def"
DOCS = "docs/abi/README.md"
HEADERS = ("arch-x86/xen-mca", "callback", "domctl", "event_channel",
           "grant_table", "hypfs", "kexec", "memory", "nmi", "physdev",
           "platform", "sched", "sysctl", "vcpu", "version", "xen")
CALLS = re.compile(r"CALLS((?: \d+:\d+=[gbsf]+)+)\s*$", re.M)

# Operations that have no success to be seen, and why.
NO_GOOD = {
    "kexec_op KEXEC_CMD_kexec": "does not return; kernel kexec starts another",
    "sched_op SCHEDOP_shutdown": "does not return; how every kernel ends",
    "sched_op_compat SCHEDOP_shutdown": "does not return; kernel operations",
    "platform_op XENPF_enter_acpi_sleep": "does not return",
    "iret 0": "does not return; kernels exceptions, hostile and crash",
    "sysctl XEN_SYSCTL_lockprof_op": "in another build of the hypervisor",
    "domctl XEN_DOMCTL_shadow_op": "there is no dirty log",
}
# Operations without an argument that could be bad, and why.
ANY_NUMBER = "every number is right"
NO_ARGUMENT = "there is none"
NO_BAD = {
    "stack_switch 0": "looked at when the stack is used; kernel crash",
    "fpu_taskswitch 0": ANY_NUMBER,
    "set_timer_op 0": ANY_NUMBER,
    "iret 0": "ends the domain; kernels hostile and crash",
    "console_io CONSOLEIO_read": "not looked at where nothing was typed",
    "nmi_op XENNMI_unregister_callback": NO_ARGUMENT,
    "xen_version XENVER_version": NO_ARGUMENT,
    "sched_op_compat SCHEDOP_yield": NO_ARGUMENT,
    "sched_op_compat SCHEDOP_block": NO_ARGUMENT,
    "sched_op_compat SCHEDOP_shutdown": ANY_NUMBER,
    "sched_op SCHEDOP_yield": NO_ARGUMENT,
    "sched_op SCHEDOP_block": NO_ARGUMENT,
    "mmuext_op MMUEXT_INVLPG_LOCAL": "other addresses are left alone",
    "mmuext_op MMUEXT_INVLPG_ALL": "other addresses are left alone",
    "mmuext_op MMUEXT_TLB_FLUSH_ALL": NO_ARGUMENT,
    "memory_op XENMEM_maximum_ram_page": NO_ARGUMENT,
    "memory_op XENMEM_get_sharing_freed_pages": NO_ARGUMENT,
    "memory_op XENMEM_get_sharing_shared_pages": NO_ARGUMENT,
    "platform_op XENPF_set_processor_pminfo": "accepted, not used",
    "sysctl XEN_SYSCTL_sched_id": NO_ARGUMENT,
    "sysctl XEN_SYSCTL_availheap": ANY_NUMBER,
    "sysctl XEN_SYSCTL_get_cpu_levelling_caps": NO_ARGUMENT,
}


def operations():
    """(hypercall, operation) -> (numbers, who), of all rows."""
    text = "".join(f"#include <public/{h}.h>\n" for h in HEADERS)
    text += "#define NONE 0\n#define AT(a, b) 0\n"
    text += "#define ROW(hc, op, who, error, at) " \
            "@ __HYPERVISOR_##hc @ op @ #hc @ #op @ #who\n"
    text += f'#include "{ROWS}"\n'
    out = subprocess.run(
        ["gcc", "-E", "-P", "-Iinclude", "-I.", "-D__XEN_TOOLS__", "-"],
        input=text, capture_output=True, text=True, check=True).stdout
    found = {}
    for nr, op, hypercall, name, who in re.findall(
            r'@ (\S+) @ ([^@]+) @ "(\w+)" @ "(\w+)" @ "(\w+)"', out):
        found[hypercall, name] = (int(nr, 0), eval_number(op)), who
    return found


def eval_number(text):
    text = re.sub(r"\b(\d+|0x[0-9a-fA-F]+)[uUlL]+\b", r"\1", text.strip())
    if not re.fullmatch(r"[\d\sxa-fA-F()<|+-]+", text):
        raise SystemExit(f"calls: {text} is no number")
    return eval(text)  # digits and operators only


def called(logs):
    """(hypercall nr, operation nr) -> letters, of all logs."""
    seen = {}
    for path in logs:
        with open(path, encoding="utf-8", errors="replace") as log:
            for line in CALLS.findall(log.read()):
                for nr, op, how in re.findall(r"(\d+):(\d+)=([gbsf]+)", line):
                    key = int(nr), int(op)
                    seen[key] = seen.get(key, set()) | set(how)
    return seen


def refused_numbers():
    """(hypercall name, operation nr) that docs/abi gives an error for to
    everybody."""
    refused, hypercall = set(), None
    with open(DOCS, encoding="utf-8") as docs:
        for line in docs:
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if line.startswith("## "):
                hypercall = line.split()[1]
            elif line.startswith("| nr | mmuext_op"):
                hypercall = "mmuext_op"
            elif line.startswith("|") and len(cells) >= 3 and \
                    re.match(r"E[A-Z]{3,}\b", cells[2]):
                for nr in numbers(cells[0]):
                    refused.add((hypercall, nr))
    return refused


def numbers(text):
    """`1, 3-5` -> 1, 3, 4, 5."""
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        yield from range(int(first), int(last or first) + 1)


def needed(key, who, errors_only):
    """The letters of which one each must be seen, as a list of strings."""
    name = " ".join(key)
    good = [] if name in NO_GOOD or who == "NOBODY" or errors_only else ["g"]
    # A domain that is none and an address that is none are bad arguments too.
    return good if name in NO_BAD else good + ["bsf"]


def check_calls(logs):
    """Lines that say which operations lack a good or a bad call."""
    seen = called(logs)
    refused = refused_numbers()
    complaints = []
    for key, (where, who) in operations().items():
        have = seen.get(where, set())
        errors_only = (key[0], where[1]) in refused
        lacks = [letters for letters in needed(key, who, errors_only)
                 if not have & set(letters)]
        if lacks:
            what = " and ".join("no success" if n == "g" else "no bad argument"
                                for n in lacks)
            complaints.append(f"{' '.join(key)}: {what}"
                              + ("" if have else " (never called)"))
    return complaints
