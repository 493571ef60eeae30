/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls by the SYSCALL instruction: number in eax, arguments in rdi, rsi,
 * rdx, r10, r8, result in rax. rcx and r11 are lost to the instruction; the
 * argument registers are taken as lost too, since a debug hypervisor may
 * overwrite them.
 */
#ifndef KIT_HYPERCALL_H
#define KIT_HYPERCALL_H

#include <kit/calls.h>
#include <kit/types.h>
#include <public/event_channel.h>
#include <public/grant_table.h>
#include <public/memory.h>
#include <public/sched.h>
#include <public/vcpu.h>
#include <public/version.h>
#include <public/xen.h>

static inline long hcall0(uint64_t nr)
{
    long rc;

    asm volatile("syscall" : "=a"(rc) : "0"(nr) : "rcx", "r11", "memory");
    return call_seen(nr, 0, 0, 0, rc);
}

static inline long hcall1(uint64_t nr, uint64_t a1)
{
    uint64_t r1 = a1;
    long rc;

    asm volatile("syscall"
                 : "=a"(rc), "+D"(r1)
                 : "0"(nr)
                 : "rcx", "r11", "memory");
    return call_seen(nr, a1, 0, 0, rc);
}

static inline long hcall2(uint64_t nr, uint64_t a1, uint64_t a2)
{
    uint64_t r1 = a1, r2 = a2;
    long rc;

    asm volatile("syscall"
                 : "=a"(rc), "+D"(r1), "+S"(r2)
                 : "0"(nr)
                 : "rcx", "r11", "memory");
    return call_seen(nr, a1, a2, 0, rc);
}

static inline long hcall3(uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3)
{
    uint64_t r1 = a1, r2 = a2, r3 = a3;
    long rc;

    asm volatile("syscall"
                 : "=a"(rc), "+D"(r1), "+S"(r2), "+d"(r3)
                 : "0"(nr)
                 : "rcx", "r11", "memory");
    return call_seen(nr, a1, a2, a3, rc);
}

static inline long hcall4(uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3,
                          uint64_t a4)
{
    register uint64_t r10 asm("r10") = a4;
    uint64_t r1 = a1, r2 = a2, r3 = a3;
    long rc;

    asm volatile("syscall"
                 : "=a"(rc), "+D"(r1), "+S"(r2), "+d"(r3), "+r"(r10)
                 : "0"(nr)
                 : "rcx", "r11", "memory");
    return call_seen(nr, a1, a2, a3, rc);
}

static inline long hcall5(uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3,
                          uint64_t a4, uint64_t a5)
{
    register uint64_t r10 asm("r10") = a4;
    register uint64_t r8 asm("r8") = a5;
    uint64_t r1 = a1, r2 = a2, r3 = a3;
    long rc;

    asm volatile("syscall"
                 : "=a"(rc), "+D"(r1), "+S"(r2), "+d"(r3), "+r"(r10), "+r"(r8)
                 : "0"(nr)
                 : "rcx", "r11", "memory");
    return call_seen(nr, a1, a2, a3, rc);
}

static inline long hc_set_trap_table(const struct trap_info *table)
{
    return hcall1(__HYPERVISOR_set_trap_table, addr(table));
}

static inline long hc_mmu_update(struct mmu_update *req, unsigned int count,
                                 unsigned int *done, unsigned int owner)
{
    return hcall4(__HYPERVISOR_mmu_update, addr(req), count, addr(done), owner);
}

static inline long hc_mmuext_op(struct mmuext_op *op, unsigned int count,
                                unsigned int *done, unsigned int owner)
{
    return hcall4(__HYPERVISOR_mmuext_op, addr(op), count, addr(done), owner);
}

static inline long hc_update_va_mapping(uint64_t va, uint64_t pte,
                                        uint64_t flags)
{
    return hcall3(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

static inline long hc_set_gdt(uint64_t *frames, unsigned int entries)
{
    return hcall2(__HYPERVISOR_set_gdt, addr(frames), entries);
}

static inline long hc_update_descriptor(uint64_t maddr, uint64_t desc)
{
    return hcall2(__HYPERVISOR_update_descriptor, maddr, desc);
}

static inline long hc_stack_switch(uint64_t ss, uint64_t sp)
{
    return hcall2(__HYPERVISOR_stack_switch, ss, sp);
}

static inline long hc_fpu_taskswitch(unsigned int set)
{
    return hcall1(__HYPERVISOR_fpu_taskswitch, set);
}

static inline long hc_set_debugreg(unsigned int reg, uint64_t value)
{
    return hcall2(__HYPERVISOR_set_debugreg, reg, value);
}

static inline uint64_t hc_get_debugreg(unsigned int reg)
{
    return (uint64_t)hcall1(__HYPERVISOR_get_debugreg, reg);
}

static inline long hc_memory_op(unsigned int cmd, void *arg)
{
    return hcall2(__HYPERVISOR_memory_op, cmd, addr(arg));
}

static inline long hc_multicall(struct multicall_entry *list, unsigned int n)
{
    return hcall2(__HYPERVISOR_multicall, addr(list), n);
}

static inline long hc_set_timer_op(uint64_t deadline_ns)
{
    return hcall1(__HYPERVISOR_set_timer_op, deadline_ns);
}

static inline long hc_xen_version(unsigned int cmd, void *arg)
{
    return hcall2(__HYPERVISOR_xen_version, cmd, addr(arg));
}

static inline long hc_console_io(unsigned int cmd, unsigned int count,
                                 void *buf)
{
    return hcall3(__HYPERVISOR_console_io, cmd, count, addr(buf));
}

static inline long hc_grant_table_op(unsigned int cmd, void *op, unsigned int n)
{
    return hcall3(__HYPERVISOR_grant_table_op, cmd, addr(op), n);
}

static inline long hc_vm_assist(unsigned int cmd, unsigned int type)
{
    return hcall2(__HYPERVISOR_vm_assist, cmd, type);
}

static inline long hc_vcpu_op(unsigned int cmd, unsigned int vcpu, void *arg)
{
    return hcall3(__HYPERVISOR_vcpu_op, cmd, vcpu, addr(arg));
}

static inline long hc_set_segment_base(unsigned int which, uint64_t base)
{
    return hcall2(__HYPERVISOR_set_segment_base, which, base);
}

static inline long hc_sched_op(unsigned int cmd, void *arg)
{
    return hcall2(__HYPERVISOR_sched_op, cmd, addr(arg));
}

static inline long hc_callback_op(unsigned int cmd, void *arg)
{
    return hcall2(__HYPERVISOR_callback_op, cmd, addr(arg));
}

static inline long hc_event_channel_op(unsigned int cmd, void *arg)
{
    return hcall2(__HYPERVISOR_event_channel_op, cmd, addr(arg));
}

static inline long hc_physdev_op(unsigned int cmd, void *arg)
{
    return hcall2(__HYPERVISOR_physdev_op, cmd, addr(arg));
}

#endif
