/* SPDX-License-Identifier: MIT */
/*
 * User mode. The user L4 and the kernel L4 share the L3 of slot 0, so that the
 * kernel and hypercalls see the user area too, as in a real kernel. A present
 * entry of slot 0 in the builder's L4 does not exist, so it is ours to set.
 */
#include <kit/user.h>

#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>

static uint64_t *tables[4]; /* L1 at 0 ... L4 at 3 */
static char *pages[USER_PAGES];

static void fill_l1(void)
{
    unsigned int first = (USER_BASE >> PAGE_SHIFT) & 511;

    for (unsigned int i = 0; i < USER_PAGES; i++) {
        pages[i] = page_alloc();
        tables[0][first + i] = pte_make(virt_to_mfn(pages[i]), USER_RW);
    }
}

void user_init(void)
{
    struct mmuext_op op;

    if (tables[3])
        return;
    for (unsigned int i = 0; i < 4; i++)
        tables[i] = page_alloc();
    fill_l1();
    tables[1][(USER_BASE >> 21) & 511] =
        pte_make(virt_to_mfn(tables[0]), TABLE_FLAGS);
    tables[2][0] = pte_make(virt_to_mfn(tables[1]), TABLE_FLAGS);
    tables[3][0] = pte_make(virt_to_mfn(tables[2]), TABLE_FLAGS);
    for (unsigned int i = 0; i < 4; i++)
        page_set_ro(tables[i]);
    if (pin_table(4, virt_to_mfn(tables[3])))
        panic("user L4 refused");
    if (pte_set(pte_maddr((void *)USER_BASE, 4), tables[3][0]))
        panic("slot 0 of the kernel L4 refused");

    memset(&op, 0, sizeof(op));
    op.cmd = MMUEXT_NEW_USER_BASEPTR;
    op.arg1.mfn = virt_to_mfn(tables[3]);
    if (hc_mmuext_op(&op, 1, NULL, DOMID_SELF))
        panic("user base pointer refused");
}

uint64_t user_root_mfn(void)
{
    return virt_to_mfn(tables[3]);
}

uint64_t user_l1_mfn(void)
{
    return virt_to_mfn(tables[0]);
}

void *user_view(uint64_t va)
{
    uint64_t offset = va - USER_BASE;

    return pages[offset >> PAGE_SHIFT] + (offset & ~PAGE_MASK);
}

uint64_t user_load(unsigned int offset, const void *code, size_t len_bytes)
{
    memcpy(user_view(USER_BASE + offset), code, len_bytes);
    return USER_BASE + offset;
}

struct regs user_regs(uint64_t rip)
{
    struct regs r;

    memset(&r, 0, sizeof(r));
    r.rip = rip;
    r.cs = USER_CS64;
    r.ss = USER_SS;
    r.rsp = USER_STACK_TOP;
    r.rflags = RFLAGS_IF | 2;
    return r;
}

static void enter(void *r)
{
    trap_resume(r);
}

unsigned int user_run(struct regs *r)
{
    struct cpu *cpu = this_cpu();
    uint8_t mask = events_off();

    context_run(&cpu->user_sp, enter, r);
    cpu->user_sp = 0;
    *r = cpu->user_out;
    events_restore(mask);
    return (unsigned int)r->vector;
}

void user_leave(struct cpu *cpu, const struct regs *r)
{
    cpu->user_out = *r;
    cpu->user_cr2 = cpu->info->arch.cr2;
    cpu->user_mask = cpu->info->evtchn_upcall_mask;
    cpu->info->evtchn_upcall_mask = 1;
    context_return(cpu->user_sp);
}

uint8_t user_last_mask(void)
{
    return this_cpu()->user_mask;
}

uint64_t user_last_cr2(void)
{
    return this_cpu()->user_cr2;
}
