/* SPDX-License-Identifier: MIT */
/*
 * Debug registers. DR0..3 and DR7 are loaded only for a vcpu that has an
 * enabled breakpoint; DR6 is virtual. Intel SDM vol. 3, "Debug Registers".
 */
#include <asm/pv/debugreg.h>

#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/hypercall.h>
#include <hv/lib.h>

#include <asm/page.h>
#include <asm/pv/bounce.h>
#include <asm/x86.h>

#define DR7_ENABLES   0xffUL
#define DR7_GD        (1UL << 13)
#define DR7_RESERVED0 (DR7_GD | 3UL << 14 | 1UL << 12 | 1UL << 11)
#define DR7_IO        2U /* R/W field: I/O breakpoint */
#define DR6_FIXED1    0xffff0ff0UL
#define DR6_SETTABLE  (DR6_FIXED1 | 0xe00fUL)

static bool is_active(const struct vcpu *v)
{
    return v->arch.dr7 & DR7_ENABLES;
}

void pv_load_debugregs(const struct vcpu *v)
{
    if (likely(!is_active(v)))
        return;
    write_dr0(v->arch.dr[0]);
    write_dr1(v->arch.dr[1]);
    write_dr2(v->arch.dr[2]);
    write_dr3(v->arch.dr[3]);
    write_dr6(DR6_DEFAULT);
    write_dr7(v->arch.dr7);
}

void pv_clear_debugregs(const struct vcpu *v)
{
    if (unlikely(is_active(v)))
        write_dr7(DR7_DEFAULT);
}

void pv_debug_exception(struct vcpu *v, struct cpu_regs *regs)
{
    uint64_t dr6 = read_dr6();

    (void)regs;
    write_dr6(DR6_DEFAULT);
    irq_enable();
    v->arch.dr6 |= dr6 & ~DR6_DEFAULT;
    pv_inject_exception(X86_TRAP_DB, PV_NO_ERROR);
}

/* DR7 := value, if no part of it is an I/O breakpoint (those need CR4.DE, and
 * no guest has real I/O). */
static int set_dr7(struct vcpu *v, uint64_t value)
{
    if (value >> 32)
        return -EINVAL;
    value = (value & ~DR7_RESERVED0) | DR7_DEFAULT;
    for (unsigned int i = 0; i < 4; i++)
        if ((value >> (16 + 4 * i) & 3) == DR7_IO && (value >> 2 * i & 3))
            return -EPERM;
    pv_clear_debugregs(v);
    v->arch.dr7 = value;
    return 0;
}

int pv_set_debugreg(struct vcpu *v, unsigned int reg, uint64_t value)
{
    bool live = v == current;
    int rc = 0;

    switch (reg) {
    case 0 ... 3:
        if (!CANONICAL(value) || !guest_range_ok(value, 8))
            return -EPERM;
        v->arch.dr[index_nospec(reg, ARRAY_SIZE(v->arch.dr))] = value;
        break;
    case 4:
    case 6:
        if (value >> 32)
            return -EINVAL;
        v->arch.dr6 = (value & DR6_SETTABLE) | DR6_FIXED1;
        break;
    case 5:
    case 7:
        rc = set_dr7(v, value);
        break;
    default:
        return -EINVAL;
    }
    if (live && !rc)
        pv_load_debugregs(v);
    return rc;
}

uint64_t pv_get_debugreg(const struct vcpu *v, unsigned int reg)
{
    if (reg < 4)
        return v->arch.dr[index_nospec(reg, ARRAY_SIZE(v->arch.dr))];
    if (reg == 4 || reg == 6)
        return v->arch.dr6;
    return v->arch.dr7;
}

long do_set_debugreg(unsigned long reg, unsigned long value)
{
    return pv_set_debugreg(current, (unsigned int)min_t(unsigned long, reg, 8),
                           value);
}

long do_get_debugreg(unsigned long reg)
{
    return reg < 8 ? (long)pv_get_debugreg(current, (unsigned int)reg)
                   : -EINVAL;
}
