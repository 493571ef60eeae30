# SPDX-License-Identifier: MIT
"""Where answers may differ from the reference's, and why. docs/clients.md is
the same table for readers.

(command, field, what both values have to be, why). Command is searched for;
field and value must match whole. ABSENT stands for a field that is not there.
"""

NUMBER = r"\d+(\.\d+)?"

EXCEPTIONS = [
    # What differs between two runs on the same hypervisor.
    (r"xl (list|claims|vm-list)", r"[^/]+/5", NUMBER, "seconds of CPU time"),
    (r"xl list", r"[^/]+/4", r"-[b-]p---",
     "waited, or was to run, when it was paused"),
    (r"xl (list|claims)", r"[^/]+/4", r"[r-][b-]----",
     "runs or waits at this moment"),
    (r"xl vcpu-list", r"[^/]+/3", r"\d|-", "on which CPU"),
    (r"xl vcpu-list", r"[^/]+/4", r"[r-][b-]-", "runs or waits"),
    (r"xl vcpu-list", r"[^/]+/5", NUMBER, "seconds of CPU time"),
    (r"xl uptime", r".*", r"\d+:\d\d:\d\d", "since when"),
    (r"xentop", r"[^/]+/(2|3|5|7)", NUMBER, "use of CPU and memory"),
    (r"xentop", r"[^/]+/1", r"[-b]{6}|-{5}[r-]|--b---", "runs or waits"),
    (r"xl info", r"release", r"6\.1\..*", "dom0's kernel is Debian's newest"),
    (r"xl info", r"version", r"#1 SMP .*", "dom0's kernel"),
    (r"xl list -l", r".*/uuid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
     "a new one each time"),
    (r"xenpm get-cpuidle-states", r"\d+",
     r"idle time\(ms\) +: \d+|C[01] +: transition \[ *\d+\]|"
     r"residency +\[ *\d+ ms\]", "how much it idled"),
    (r"xenstore-ls", r".*/vm", r"/vm/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
     "a new one each time"),
    (r"xenstore-ls", r".*/(ring-ref|(tx|rx)-ring-ref|event-channel(-tx|-rx)?)",
     r"\d+", "which grant and channel the frontend took"),
    (r"lsevtchn", r"\d+", r".*Remote Domain 0, Port \d+.*",
     "dom0's port: it has as many as its devices need"),
    (r".*test-xenstore", r"\d+", r"\w+( \w+)* *: \d+ ns", "how long it took"),
    # What the two hypervisors are.
    (r".*test-(resource|paging-mempool)", r"\d+",
     r"ABSENT|Created d\d+|Skip: .*|Test .*|mempool size .*",
     "tests of HVM guests"),
    (r".*xen-access 1 write", r"[34]", r".*(Invalid|not implemented).*",
     "of HVM guests only: another error"),
    (r".*xen-livepatch list", r"status|[12]",
     r"ABSENT|[01]|Failed to get list sizes\.|Error 38: .*",
     "Trellis has no live patches"),
    (r".*xen-ucode", r"1", r"Failed to update microcode\. .*",
     "Trellis loads no microcode, whatever the file"),
    (r"xl set-parameters loglvl=all", r"status|[12]",
     r"ABSENT|[01]|libxl: error: .*|cannot set parameters: loglvl=all",
     "no parameter can be changed while Trellis runs"),
    (r"xl info", r"free_memory|total_memory|(0:|node:)/[12]", r"\d+",
     "memory that the hypervisor needs for itself"),
    (r"xl info", r"cpu_mhz", NUMBER, "measured"),
    (r"xl info", r"hw_caps", r"([0-9a-f]{8}:){7}[0-9a-f]{8}",
     "the reference clears what it will not use itself"),
    (r"xl info", r"virt_caps", r"pv( hvm hap)? gnttab-v1 gnttab-v2",
     "Trellis has PV guests only"),
    (r"xl info", r"xen_caps", r"xen-3.0-x86_64( hvm-\S+)*",
     "Trellis has PV guests only"),
    (r"xl info", r"xen_(extra|version|changeset)|cc_\w+|build_id", r".*",
     "whose build it is"),
    (r"xl info", r"xen_commandline", r"console=com1.*", "options of each"),
    (r"xl sched-credit2", r"Cpupool/2", r"ratelimit=\d+us",
     "the default; both can be set"),
    (r"cpupool-cpu-remove .* 0-1", r"1",
     r".*Error removing cpu [01] from cpupool: .*",
     "Xen keeps CPU 0 in pool 0; here any CPU may leave but the last"),
    (r"cpupool-create .*sched=.credit.'", r"status", r"[01]",
     "Trellis has one scheduler, credit2"),
    (r"xenhypfs ls /cpupool/0", r"1", r"<string> r[w-] sched-gran",
     "Trellis places single CPUs, never cores as a whole"),
    (r"xenhypfs tree", r".*", r"ABSENT|1",
     "parameters are those of each command line"),
]
