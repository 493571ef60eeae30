/* SPDX-License-Identifier: MIT */
/*
 * platform_op: what the firmware left: keyboard flags, disks, memory types.
 * Nobody asked the BIOS for its disks and screens at boot, so there are none.
 */
#include "platform_op.h"

#include <hv/lib.h>
#include <hv/page.h>

#include <asm/cpu.h>
#include <asm/msr.h>
#include <asm/x86.h>

/* BIOS data area: shift states of the keyboard. */
#define BDA_KBD_FLAGS 0x417

static uint8_t kbd_flags(void)
{
    if (!mfn_is_ram(mfn(0)))
        return 0;
    return READ_ONCE(*((const uint8_t *)mfn_to_virt(mfn(0)) + BDA_KBD_FLAGS));
}

/* -ESRCH ends a caller's enumeration. */
long platform_firmware_info(struct xen_platform_op *op)
{
    struct xenpf_firmware_info *f = &op->u.firmware_info;

    switch (f->type) {
    case XEN_FW_DISK_INFO:
    case XEN_FW_DISK_MBR_SIGNATURE:
    case XEN_FW_VBEDDC_INFO:
        return -ESRCH;
    case XEN_FW_EFI_INFO:
        return -ENOSYS; /* no run-time services are kept */
    case XEN_FW_KBD_SHIFT_FLAGS:
        if (f->index)
            return -ESRCH;
        f->u.kbd_shift_flags = kbd_flags();
        return 0;
    default:
        return -EINVAL;
    }
}

/* What some boards were said to need long ago; here nothing depends on it. */
#define QUIRK_NOIRQBALANCING     1
#define QUIRK_IOAPIC_GOOD_REGSEL 3

long platform_quirk(struct xen_platform_op *op)
{
    uint32_t id = op->u.platform_quirk.quirk_id;

    return id >= QUIRK_NOIRQBALANCING && id <= QUIRK_IOAPIC_GOOD_REGSEL
               ? 0
               : -EINVAL;
}

/* ---- memory types: Intel SDM vol. 3, "Memory Type Range Registers" ---- */

#define CPUID1_D_MTRR    (1U << 12)
#define MTRRCAP_VCNT     0xffU
#define MSR_MTRR_BASE(n) (0x200U + 2 * (n))
#define MSR_MTRR_MASK(n) (0x201U + 2 * (n))
#define MTRR_TYPE        0xffU
#define MTRR_VALID       (1UL << 11)

/* The firmware sets them, and nobody changes them later. */
long platform_read_memtype(struct xen_platform_op *op)
{
    struct xenpf_read_memtype *m = &op->u.read_memtype;
    uint64_t base, mask;

    if (!(cpuid(1).d & CPUID1_D_MTRR) ||
        m->reg >= (rdmsr(MSR_MTRRCAP) & MTRRCAP_VCNT))
        return -EINVAL;
    base = rdmsr(MSR_MTRR_BASE(m->reg));
    mask = rdmsr(MSR_MTRR_MASK(m->reg));
    m->mfn = m->nr_mfns = 0;
    m->type = 0;
    if (mask & MTRR_VALID) {
        m->mfn = base >> PAGE_SHIFT;
        /* The mask's lowest bit is the size. */
        mask &= PAGE_MASK;
        m->nr_mfns = (mask & -mask) >> PAGE_SHIFT;
        m->type = (uint32_t)base & MTRR_TYPE;
    }
    return 0;
}

long platform_change_memtype(struct xen_platform_op *op)
{
    (void)op;
    return -ENXIO;
}
