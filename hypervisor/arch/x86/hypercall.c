/* SPDX-License-Identifier: MIT */
/*
 * Continuations: how a long hypercall gives way and goes on. Entry itself is
 * in entry.S, the table in hypercall/.
 */
#include <hv/hypercall.h>

#include <hv/domain.h>
#include <hv/lib.h>
#include <hv/multicall.h>
#include <hv/perfc.h>
#include <hv/softirq.h>

#include <stdarg.h>

#define SYSCALL_LEN 2

bool hypercall_preempt_check(void)
{
    return softirq_is_pending() || vcpu_events_pending(current);
}

long hypercall_continue(unsigned int nr, unsigned int nr_args, ...)
{
    struct cpu_regs *regs = guest_cpu_regs();
    uint64_t *const reg[] = {&regs->rdi, &regs->rsi, &regs->rdx,
                             &regs->r10, &regs->r8,  &regs->r9};
    struct multicall_state *mc = &this_cpu(multicall);
    va_list ap;

    perfc_inc(PERFC_CONTINUATIONS);
    ASSERT(nr_args <= ARRAY_SIZE(reg));
    va_start(ap, nr_args);
    for (unsigned int i = 0; i < nr_args; i++) {
        if (mc->active)
            mc->args[i] = va_arg(ap, unsigned long);
        else
            *reg[i] = va_arg(ap, unsigned long);
    }
    va_end(ap);
    if (mc->active) {
        mc->nr_args = nr_args;
        mc->continued = true;
    } else {
        /* The guest executes its SYSCALL once more, with eax = nr. */
        regs->rip -= SYSCALL_LEN;
    }
    return (long)nr;
}
