/* SPDX-License-Identifier: MIT */
/*
 * The ways into the hypervisor: gates, stacks, frames. docs/entry.md draws
 * them. Also read by entry.S.
 */
#ifndef ASM_TRAPS_H
#define ASM_TRAPS_H

#include <asm/config.h>
#include <asm/x86.h>

/*
 * cpu_regs.entry_vector: the vector in bits 0..7; a SYSCALL or SYSENTER has
 * one of the pseudo-vectors. ENTRY_SYSRET: the guest expects nothing in rcx
 * and r11, so the way out may be SYSRET if the rest of the frame allows it.
 */
#define ENTRY_VECTOR_MASK 0xffff
#define ENTRY_SYSCALL     0x100
#define ENTRY_SYSCALL32   0x101
#define ENTRY_SYSENTER    0x102
#define ENTRY_SYSRET      0x10000

/* Interrupt stack table: which TSS.IST an IDT gate uses (0: none). */
/* The order is that of the stacks and slots in asm/config.h. */
#define IST_DF  1
#define IST_NMI 2
#define IST_MC  3
#define IST_DB  4

#define X86_TRAP_INT80 0x80

#ifndef __ASSEMBLY__

#include <asm/regs.h>

/* Boot CPU, before its traps_cpu_init(): fills the IDT that all share. */
void traps_init(void);
/* This CPU, with its area, TSS and GDT in place: IDT, SYSCALL and SYSENTER
 * registers. */
void traps_cpu_init(void);
/*
 * Whoever runs on this CPU next is isolated or not: its SYSCALL comes in by the
 * stub that loads cpu_info.host_cr3, or by the one that does not. Interrupts
 * off.
 */
void traps_syscalls_isolated(bool isolated);
/* The page of the IDT. */
#define NR_IDT_PAGES 2U
const void *idt_page(unsigned int i);

/* Called by entry.S, interrupts off. */
void guest_exception(struct cpu_regs *regs);
/* An exception of a guest, most often to be passed on. Of regs, rbx, rbp and
 * r12-r15 are not valid. */
enum fault_way {
    FAULT_COMPLETE, /* nothing was done: guest_exception(), with all of regs */
    FAULT_BOUNCED,  /* leave by SYSRET */
    FAULT_LEAVE,    /* dealt with: leave as regs say */
};
enum fault_way guest_fault(struct cpu_regs *regs);
void hv_exception(struct cpu_regs *regs);
bool hv_ist_exception(struct cpu_regs *regs);
void fatal_exception(const struct cpu_regs *regs) NORETURN;
void guest_syscall(struct cpu_regs *regs);
void guest_syscall_again(struct cpu_regs *regs);
void guest_exit_work(void);
/* V1's vectors from 0x20 on. */
void do_irq_vector(struct cpu_regs *regs);

/* Code of entry.S. */
extern const char entry_stub_start[], entry_stub_end[];
extern const char entry_text_start[], entry_text_end[];
extern const char stub_syscall64[], stub_syscall32[], sysenter_entry[];
extern const char stub_syscall64_isolated[], stub_syscall32_isolated[];
extern const char iret_failed[];  /* where an IRETQ to a guest is "fixed up" */
extern const char vector_stubs[]; /* 16 bytes each */
extern const char traced_stubs[]; /* the same, for the first 32 */
/* Drop everything on this CPU's stack and leave by the exit path of current,
 * whose frame is in cpu_info: to the guest. */
void exit_to_guest(void) NORETURN;
/* Drop everything on this CPU's stack and call fn, which never returns. */
void reset_stack_and_call(void (*fn)(void)) NORETURN;

#endif
#endif
