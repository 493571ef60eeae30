/* SPDX-License-Identifier: MIT */
/*
 * Per-vcpu state. It is found through the stack: each stack is a naturally
 * aligned block whose first word points here, so GS stays free for the tests.
 */
#ifndef KIT_CPU_H
#define KIT_CPU_H

#include <kit/trap.h>
#include <public/xen.h>

#define STACK_SIZE   16384UL
#define KIT_MAX_CPUS 8

struct cpu {
    unsigned int id;
    struct vcpu_info *info;
    uint64_t catch_sp; /* innermost trap_catch(), or 0 */
    struct trap_record last;
    uint64_t user_sp; /* the caller of user_run(), or 0 */
    struct regs user_out;
    uint8_t user_mask;
    uint64_t user_cr2;
    uint64_t trap_stack_top; /* where entries from user mode begin */
    void (*ap_main)(void *);
    void *ap_arg;
};

static inline struct cpu *this_cpu(void)
{
    uint64_t sp;

    asm("mov %%rsp, %0" : "=r"(sp));
    return *(struct cpu **)(sp & ~(STACK_SIZE - 1));
}

extern struct cpu kit_cpus[KIT_MAX_CPUS];

/* Fill in cpu `id`: its stacks' owner words, its vcpu_info slot. */
struct cpu *cpu_prepare(unsigned int id);
uint64_t cpu_boot_stack_top(unsigned int id);

/* See traps.S. */
bool context_run(uint64_t *save_sp, void (*fn)(void *), void *arg);
void context_return(uint64_t sp) NORETURN;

/* Events of this vcpu; the former state comes back from events_off(). */
static inline uint8_t events_off(void)
{
    struct vcpu_info *vi = this_cpu()->info;
    uint8_t old = vi->evtchn_upcall_mask;

    vi->evtchn_upcall_mask = 1;
    barrier();
    return old;
}

void events_on(void);

static inline void events_restore(uint8_t mask)
{
    if (!mask)
        events_on();
}

#endif
