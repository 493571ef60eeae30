/* SPDX-License-Identifier: MIT */
/*
 * The untrusted edge. Handlers take their arguments as raw registers, return
 * what goes into rax: a result or -Exxx.
 *
 * A long operation saves its progress and returns hypercall_continue(); the
 * guest then re-executes its SYSCALL with the given arguments after events
 * were looked at (inside a multicall: the entry's arguments are updated and
 * the multicall is continued at that entry).
 */
#ifndef HV_HYPERCALL_H
#define HV_HYPERCALL_H

#include <hv/guest_access.h>

#define NR_HYPERCALLS 64

typedef long (*hypercall_fn)(unsigned long a1, unsigned long a2,
                             unsigned long a3, unsigned long a4,
                             unsigned long a5, unsigned long a6);

/* By number; what does not exist returns -ENOSYS. Interrupts are on. The frame
 * of the guest holds rip, rsp, rflags and the arguments, no other register. */
extern const hypercall_fn hypercall_table[NR_HYPERCALLS];
/* The same for the entries of a multicall. */
extern const hypercall_fn multicall_table[NR_HYPERCALLS];

/* The table that the entry code uses: the one above, or, while somebody wants
 * to know of every hypercall, one whose entries all lead to watch_hypercall()
 * first (hypercall/watch.c). */
extern const hypercall_fn *hypercall_dispatch;
enum hypercall_watcher {
    WATCHER_TRACE = 1,
    WATCHER_COUNT = 2
};
void hypercall_watch(enum hypercall_watcher who, bool on);
/* args as watched_hypercall (arch) pushes them: the last one first. */
void watch_hypercall(unsigned int nr, const unsigned long args[6]);
void watch_subcall(unsigned int nr, const unsigned long args[6]);

/* Softirqs or events are waiting: a long operation should save and return. */
bool hypercall_preempt_check(void);
/* Returns the value that the handler must return at once. */
long hypercall_continue(unsigned int nr, unsigned int nr_args, ...);

/* Handlers in arch (signatures as in the ABI; a1.. in order). */
long do_set_trap_table(unsigned long traps);
long do_mmu_update(unsigned long reqs, unsigned long count, unsigned long done,
                   unsigned long foreigndom);
long do_set_gdt(unsigned long frames, unsigned long entries);
long do_stack_switch(unsigned long ss, unsigned long sp);
long do_set_callbacks(unsigned long event, unsigned long failsafe,
                      unsigned long syscall);
long do_fpu_taskswitch(unsigned long set);
long do_set_debugreg(unsigned long reg, unsigned long value);
long do_get_debugreg(unsigned long reg);
long do_update_descriptor(unsigned long maddr, unsigned long desc);
long do_update_va_mapping(unsigned long va, unsigned long val,
                          unsigned long flags);
long do_update_va_mapping_otherdomain(unsigned long va, unsigned long val,
                                      unsigned long flags, unsigned long domid);
long do_iret(void);
long do_set_segment_base(unsigned long which, unsigned long base);
long do_mmuext_op(unsigned long ops, unsigned long count, unsigned long done,
                  unsigned long foreigndom);
long do_nmi_op(unsigned long cmd, unsigned long arg);
long do_callback_op(unsigned long cmd, unsigned long arg);
long do_physdev_op(unsigned long cmd, unsigned long arg);
long do_platform_op(unsigned long arg);
long do_mca(unsigned long arg);
/* Handlers in hypercall/. */
long do_memory_op(unsigned long cmd, unsigned long arg);
long do_multicall(unsigned long calls, unsigned long count);
long do_set_timer_op(unsigned long deadline_ns);
long do_xen_version(unsigned long cmd, unsigned long arg);
long do_console_io(unsigned long cmd, unsigned long count, unsigned long buf);
long do_grant_table_op(unsigned long cmd, unsigned long uop,
                       unsigned long count);
long do_vm_assist(unsigned long cmd, unsigned long type);
long do_vcpu_op(unsigned long cmd, unsigned long vcpuid, unsigned long arg);
long do_sched_op(unsigned long cmd, unsigned long arg);
long do_sched_op_compat(unsigned long cmd, unsigned long arg);
long do_event_channel_op(unsigned long cmd, unsigned long arg);
long do_event_channel_op_compat(unsigned long uop);
long do_physdev_op_compat(unsigned long uop);
long do_hypfs_op(unsigned long cmd, unsigned long path, unsigned long path_len,
                 unsigned long buf, unsigned long len);
long do_xenpmu_op(unsigned long cmd, unsigned long arg);
long do_sysctl(unsigned long arg);
long do_domctl(unsigned long arg);
long do_kexec_op(unsigned long cmd, unsigned long arg);

/* Boot: keep what hypfs_op shows of the command line. */
void hypfs_init(void);

#endif
