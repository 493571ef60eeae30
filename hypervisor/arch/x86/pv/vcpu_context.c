/* SPDX-License-Identifier: MIT */
/*
 * The whole state of a vcpu as one structure of the ABI: set when it is
 * brought up or restored, read when it is saved. The vcpu is not running.
 */
#include <hv/arch.h>
#include <hv/domain.h>
#include <hv/guest_access.h>
#include <hv/lib.h>

#include <asm/context.h>
#include <asm/fpu.h>
#include <asm/pv/bounce.h>
#include <asm/pv/cpuid.h>
#include <asm/pv/debugreg.h>
#include <asm/pv/desc.h>
#include <asm/pv/domain.h>
#include <asm/pv/m2p_slot.h>
#include <asm/pv/mm.h>
#include <asm/traps.h>

/* struct cpu_regs is the beginning of cpu_user_regs, by design. */
_Static_assert(offsetof(struct cpu_user_regs, ss) ==
                   offsetof(struct cpu_regs, ss),
               "frames are copied");

#define B7_FSGSBASE (1U << 0)
#define C1_XSAVE    (1U << 26)

#define ASSIST_MASK                                                            \
    (BIT(VMASST_TYPE_4gb_segments) | BIT(VMASST_TYPE_writable_pagetables) |    \
     BIT(VMASST_TYPE_pae_extended_cr3) | BIT(VMASST_TYPE_architectural_iopl) | \
     BIT(VMASST_TYPE_runstate_update_flag) | BIT(VMASST_TYPE_m2p_strict))
#define FLAGS_KEPT                                                           \
    (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_TF | \
     RFLAGS_DF | RFLAGS_OF | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

static bool context_ok(const struct vcpu_guest_context *c)
{
    const uint64_t addr[] = {
        c->event_callback_eip,
        c->failsafe_callback_eip,
        c->syscall_callback_eip,
        c->fs_base,
        c->gs_base_kernel,
        c->gs_base_user,
        c->ldt_base,
    };

    for (unsigned int i = 0; i < ARRAY_SIZE(addr); i++)
        if (!CANONICAL(addr[i]))
            return false;
    for (unsigned int i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++)
        if (!CANONICAL(c->trap_ctxt[i].address))
            return false;
    if (c->ldt_ents > LDT_MAX_ENTS || c->ldt_base % PAGE_SIZE ||
        (c->ldt_ents && !guest_range_ok(c->ldt_base, c->ldt_ents * 8)))
        return false;
    return c->gdt_ents <= GDT_GUEST_ENTS;
}

/* A root of page tables given as CR3; *l4 is INVALID_MFN for none. */
static int get_l4(struct domain *d, uint64_t cr3, mfn_t *l4)
{
    mfn_t m = mfn(xen_cr3_to_pfn(cr3));
    int rc;

    *l4 = INVALID_MFN;
    if (!cr3)
        return 0;
    if (!mfn_is_ram(m))
        return -EINVAL;
    rc = pv_get_root(d, m);
    if (rc)
        return rc == -ERESTART ? rc : -EINVAL;
    *l4 = m;
    return 0;
}

static void put_l4(mfn_t l4)
{
    if (!mfn_eq(l4, INVALID_MFN))
        pv_put_or_defer(mfn_to_page(l4));
}

static void set_registers(struct vcpu *v, const struct cpu_user_regs *u)
{
    struct arch_vcpu *a = &v->arch;

    memcpy(&a->regs, u, sizeof(a->regs));
    a->regs.cs = pv_fix_sel(u->cs);
    a->regs.ss = pv_fix_sel(u->ss);
    a->regs.rflags = (u->rflags & FLAGS_KEPT) | RFLAGS_IF | RFLAGS_ONE;
    a->regs.error_code = a->regs.entry_vector = 0;
    arch_set_iopl(v, u->rflags >> RFLAGS_IOPL_SHIFT & 3);
    a->ds = u->ds;
    a->es = u->es;
    a->fs = u->fs;
    a->gs = u->gs;
}

static void set_entry_points(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct arch_vcpu *a = &v->arch;

    for (unsigned int i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++)
        a->trap_table[i] = (struct pv_trap){
            .address = c->trap_ctxt[i].address,
            .cs = pv_fix_sel(c->trap_ctxt[i].cs),
            .flags = c->trap_ctxt[i].flags,
        };
    a->event_callback = c->event_callback_eip;
    a->failsafe_callback = c->failsafe_callback_eip;
    a->syscall_callback = c->syscall_callback_eip;
    a->failsafe_masks = c->flags & VGCF_failsafe_disables_events;
    a->syscall_masks = c->flags & VGCF_syscall_disables_events;
    pv_set_kernel_stack(v, c->kernel_ss, c->kernel_sp);
}

uint64_t vcpu_cr4_settable(const struct vcpu *v)
{
    const struct cpuid_policy *p = v->domain->arch.cpuid;
    uint64_t bits = CR4_TSD | CR4_DE;

    if (p->sub7[0].b & B7_FSGSBASE)
        bits |= CR4_FSGSBASE;
    if (p->basic[1].c & C1_XSAVE)
        bits |= CR4_OSXSAVE;
    return bits;
}

static void set_debugregs(struct vcpu *v, const unsigned long *dr)
{
    for (unsigned int i = 0; i < 8; i++)
        if (i != 4 && i != 5 && pv_set_debugreg(v, i, dr[i]))
            printk(LOG_GUEST_DEBUG "d%dv%u: debug register %u refused\n",
                   v->domain->id, v->id, i);
}

static void set_m2p_slots(const struct vcpu *v)
{
    m2p_slot_kernel(v->arch.kernel_l4);
    if (!mfn_eq(v->arch.user_l4, INVALID_MFN))
        m2p_slot_user(v->domain, v->arch.user_l4);
}

int arch_vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct arch_vcpu *a = &v->arch;
    mfn_t kernel, user;
    int rc;

    if (!context_ok(c))
        return -EINVAL;
    if (pv_finish_drops() == -ERESTART)
        return -ERESTART;
    rc = get_l4(v->domain, c->ctrlreg[3], &kernel);
    if (rc)
        return rc;
    if (mfn_eq(kernel, INVALID_MFN))
        return -EINVAL;
    rc = get_l4(v->domain, c->ctrlreg[1], &user);
    if (rc)
        goto put_kernel;
    rc = -EINVAL;
    if (!(c->flags & VGCF_in_kernel) && mfn_eq(user, INVALID_MFN))
        goto put_user;
    rc = pv_set_gdt(v, c->gdt_frames, (unsigned int)c->gdt_ents);
    if (rc)
        goto put_user;

    put_l4(a->user_l4);
    put_l4(a->kernel_l4);
    a->kernel_l4 = kernel;
    a->user_l4 = user;
    isolation_forget(v);
    pv_ldt_unmap(v);
    a->ldt_base = c->ldt_base;
    a->ldt_ents = (unsigned int)c->ldt_ents;
    a->kernel_mode = c->flags & VGCF_in_kernel;
    set_registers(v, &c->user_regs);
    set_entry_points(v, c);
    a->fs_base = c->fs_base;
    a->gs_base_kernel = c->gs_base_kernel;
    a->gs_base_user = c->gs_base_user;
    a->cr4 = c->ctrlreg[4] & vcpu_cr4_settable(v);
    set_debugregs(v, c->debugreg);
    if (c->flags & VGCF_I387_VALID)
        fpu_set_legacy(v, &c->fpu_ctxt);
    if (v->id == 0 && !v->is_initialised) {
        v->domain->vm_assist = c->vm_assist & ASSIST_MASK;
        arch_vm_assist_changed(v->domain);
    }
    /* By the assists that it comes with. */
    set_m2p_slots(v);
    v->is_initialised = true;
    return 0;

put_user:
    put_l4(user);
put_kernel:
    put_l4(kernel);
    return rc;
}

static uint64_t l4_to_cr3(mfn_t l4)
{
    return mfn_eq(l4, INVALID_MFN) ? 0 : xen_pfn_to_cr3(mfn_x(l4));
}

static void get_registers(const struct arch_vcpu *a, struct cpu_user_regs *u)
{
    memcpy(u, &a->regs, sizeof(a->regs));
    u->entry_vector = a->regs.entry_vector & 0xff;
    u->rflags |= (uint64_t)a->iopl << RFLAGS_IOPL_SHIFT;
    u->ds = a->ds;
    u->es = a->es;
    u->fs = a->fs;
    u->gs = a->gs;
}

static void get_entry_points(const struct arch_vcpu *a,
                             struct vcpu_guest_context *c)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(c->trap_ctxt); i++)
        c->trap_ctxt[i] = (struct trap_info){
            .vector = (uint8_t)i,
            .flags = a->trap_table[i].flags,
            .cs = a->trap_table[i].cs,
            .address = a->trap_table[i].address,
        };
    c->event_callback_eip = a->event_callback;
    c->failsafe_callback_eip = a->failsafe_callback;
    c->syscall_callback_eip = a->syscall_callback;
    if (a->failsafe_masks)
        c->flags |= VGCF_failsafe_disables_events;
    if (a->syscall_masks)
        c->flags |= VGCF_syscall_disables_events;
    c->kernel_ss = a->kernel_ss;
    c->kernel_sp = a->kernel_sp;
}

void arch_vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
    const struct arch_vcpu *a = &v->arch;

    memset(c, 0, sizeof(*c));
    c->flags = VGCF_I387_VALID | (a->kernel_mode ? VGCF_in_kernel : 0);
    if (!(READ_ONCE(v->pause_flags) & VPF_DOWN))
        c->flags |= VGCF_online;
    fpu_get_legacy(v, &c->fpu_ctxt);
    get_registers(a, &c->user_regs);
    get_entry_points(a, c);
    c->ldt_base = a->ldt_base;
    c->ldt_ents = a->ldt_ents;
    for (unsigned int i = 0; i < GDT_GUEST_PAGES; i++)
        if (a->gdt_pages[i])
            c->gdt_frames[i] = mfn_x(page_to_mfn(a->gdt_pages[i]));
    c->gdt_ents = a->gdt_ents;
    c->ctrlreg[0] = read_cr0() | (a->cr0_ts ? CR0_TS : 0);
    c->ctrlreg[1] = l4_to_cr3(a->user_l4);
    c->ctrlreg[3] = l4_to_cr3(a->kernel_l4);
    c->ctrlreg[4] = a->cr4;
    for (unsigned int i = 0; i < 8; i++)
        c->debugreg[i] = pv_get_debugreg(v, i);
    c->vm_assist = v->domain->vm_assist;
    c->fs_base = a->fs_base;
    c->gs_base_kernel = a->gs_base_kernel;
    c->gs_base_user = a->gs_base_user;
}
