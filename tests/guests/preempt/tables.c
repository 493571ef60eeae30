/* SPDX-License-Identifier: MIT */
/*
 * Page tables, descriptors, lists of changes to them.
 */
#include "late.h"

#include <kit/cpu.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>

#define NR_L1   64U
#define UPDATES 4096U
#define CALLS   1024U
#define GDT     14U

static uint64_t *l4, *l3, *l2, *l1[NR_L1], *holder; /* holder: a pinned L2 */
static uint64_t pte_a, pte_b;
static struct mmu_update updates[UPDATES];
static struct mmuext_op ops[CALLS];
static struct multicall_entry calls[CALLS];
static struct trap_info traps[UPDATES + 1];
static uint64_t gdt[GDT];
static void *scratch;

void table_prepare(void)
{
    pte_a = pte_make(virt_to_mfn(page_alloc()), KERNEL_RW);
    pte_b = pte_make(virt_to_mfn(page_alloc()), KERNEL_RW);
    scratch = page_alloc();
    l4 = page_alloc();
    l3 = page_alloc();
    l2 = page_alloc();
    holder = page_alloc();
    for (unsigned int i = 0; i < NR_L1; i++) {
        l1[i] = page_alloc();
        for (unsigned int k = 0; k < 512; k++)
            l1[i][k] = k & 1 ? pte_a : pte_b;
        l2[i] = pte_make(virt_to_mfn(l1[i]), TABLE_FLAGS);
        page_set_ro(l1[i]);
    }
    l3[0] = pte_make(virt_to_mfn(l2), TABLE_FLAGS);
    memcpy(l4, (void *)start_info->pt_base, PAGE_SIZE);
    l4[0] = pte_make(virt_to_mfn(l3), TABLE_FLAGS);
    page_set_ro(l2);
    page_set_ro(l3);
    page_set_ro(l4);
    page_set_ro(holder);
    EXPECT_EQ(pin_table(2, virt_to_mfn(holder)), 0);
    for (unsigned int i = 0; i < GDT; i++) {
        uint64_t *page = page_alloc();

        for (unsigned int k = 0; k < 512; k++)
            page[k] = 0x00cff2000000ffffUL;
        page_set_ro(page);
        gdt[i] = virt_to_mfn(page);
    }
}

static void pin(void)
{
    EXPECT_EQ(pin_table(4, virt_to_mfn(l4)), 0);
}

static void unpin(void)
{
    EXPECT_EQ(unpin_table(virt_to_mfn(l4)), 0);
}

/* The last entry of the tree leads to no L1. */
static void spoil(void)
{
    uint64_t bad = pte_make(virt_to_mfn(l3), TABLE_FLAGS);

    EXPECT_EQ(pte_set(virt_to_maddr(&l2[511]), bad), 0);
}

static void unspoil(void)
{
    EXPECT_EQ(pte_set(virt_to_maddr(&l2[511]), 0), 0);
}

/* What had been taken is given back, if need be with the next call. */
static void pin_refused(void)
{
    EXPECT(pin_table(4, virt_to_mfn(l4)) < 0);
    EXPECT(pte_set(1, 0) < 0);
}

static void go_to_tree(void)
{
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(l4)), 0);
}

/* The last reference of the tree goes with it. */
static void leave_tree(void)
{
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_BASEPTR,
                         virt_to_mfn((void *)start_info->pt_base)),
              0);
}

/* ---- an entry, and all that hangs on it ---- */

static void unlink_l3(void)
{
    EXPECT_EQ(pte_set(virt_to_maddr(&l4[0]), 0), 0);
}

static void link_l3(void)
{
    EXPECT_EQ(
        pte_set(virt_to_maddr(&l4[0]), pte_make(virt_to_mfn(l3), TABLE_FLAGS)),
        0);
}

static void pin_unlinked(void)
{
    pin();
    unlink_l3();
}

static void link_and_unpin(void)
{
    link_l3();
    unpin();
}

static void list_l1s(bool present)
{
    for (unsigned int i = 0; i < NR_L1; i++) {
        updates[i].ptr = virt_to_maddr(&holder[i]);
        updates[i].val =
            present ? pte_make(virt_to_mfn(l1[i]), TABLE_FLAGS) : 0;
    }
}

static void update_l1s(void)
{
    EXPECT_EQ(hc_mmu_update(updates, NR_L1, NULL, DOMID_SELF), 0);
}

static void list_link(void)
{
    list_l1s(true);
}

static void unlink_l1s(void)
{
    list_l1s(false);
    update_l1s();
}

static void linked_l1s(void)
{
    list_l1s(true);
    update_l1s();
    list_l1s(false);
}

/* ---- lists ---- */

static void pin_and_list(void)
{
    pin();
    for (unsigned int i = 0; i < UPDATES; i++) {
        updates[i].ptr = virt_to_maddr(&l1[i / 16 % NR_L1][i % 16]);
        updates[i].val = i & 1 ? pte_b : pte_a;
    }
}

static void update_list(void)
{
    EXPECT_EQ(hc_mmu_update(updates, UPDATES, NULL, DOMID_SELF), 0);
}

static void list_va(void)
{
    memset(calls, 0, sizeof(calls));
    for (unsigned int i = 0; i < CALLS; i++) {
        calls[i].op = __HYPERVISOR_update_va_mapping;
        calls[i].args[0] = addr(window(0));
        calls[i].args[1] = i & 1 ? pte_a : pte_b;
        calls[i].args[2] = UVMF_TLB_FLUSH;
    }
}

static void call_list(void)
{
    EXPECT_EQ(hc_multicall(calls, CALLS), 0);
}

static void unmap_window(void)
{
    map_page(window(0), 0);
}

static void list_ops(unsigned int cmd)
{
    memset(ops, 0, sizeof(ops));
    for (unsigned int i = 0; i < CALLS; i++) {
        ops[i].cmd = cmd;
        ops[i].arg1.mfn = virt_to_mfn(scratch);
    }
}

static void list_flushes(void)
{
    list_ops(MMUEXT_TLB_FLUSH_LOCAL);
}

static void list_clears(void)
{
    list_ops(MMUEXT_CLEAR_PAGE);
}

static void op_list(void)
{
    EXPECT_EQ(hc_mmuext_op(ops, CALLS, NULL, DOMID_SELF), 0);
}

/* ---- descriptors ---- */

static void set_gdt(void)
{
    EXPECT_EQ(hc_set_gdt(gdt, GDT * 512), 0);
}

static void no_gdt(void)
{
    hc_set_gdt(NULL, 0);
}

static void list_traps(void)
{
    for (unsigned int i = 0; i < UPDATES; i++) {
        traps[i].vector = 0xf0;
        traps[i].cs = FLAT_KERNEL_CS;
        traps[i].address = addr(traps);
    }
}

static void set_traps(void)
{
    EXPECT_EQ(hc_set_trap_table(traps), 0);
}

const struct late_case table_cases[] = {
    {.name = "pin an L4 tree",
     .work = "64 full L1s",
     .run = pin,
     .undo = unpin},
    {.name = "unpin it", .work = "64 full L1s", .prepare = pin, .run = unpin},
    {.name = "pin a tree that is refused at its end",
     .work = "64 full L1s",
     .prepare = spoil,
     .run = pin_refused,
     .undo = unspoil},
    {.name = "new base pointer, tree not yet validated",
     .work = "64 full L1s",
     .run = go_to_tree,
     .undo = leave_tree},
    {.name = "new base pointer, the last use of the old tree",
     .work = "64 full L1s",
     .prepare = go_to_tree,
     .run = leave_tree},
    {.name = "mmu_update links a tree to an L4",
     .work = "64 full L1s",
     .prepare = pin_unlinked,
     .run = link_l3,
     .undo = unpin},
    {.name = "mmu_update unlinks it",
     .work = "64 full L1s",
     .prepare = pin,
     .run = unlink_l3,
     .undo = link_and_unpin},
    {.name = "mmu_update links L1s",
     .work = "64 full L1s",
     .prepare = list_link,
     .run = update_l1s,
     .undo = unlink_l1s},
    {.name = "mmu_update unlinks L1s",
     .work = "64 full L1s",
     .prepare = linked_l1s,
     .run = update_l1s},
    {.name = "mmu_update of L1 entries",
     .work = "4096",
     .prepare = pin_and_list,
     .run = update_list,
     .undo = unpin},
    {.name = "multicall of update_va_mapping",
     .work = "1024, flush each",
     .prepare = list_va,
     .run = call_list,
     .undo = unmap_window},
    {.name = "mmuext_op, TLB flushes",
     .work = "1024",
     .prepare = list_flushes,
     .run = op_list},
    {.name = "mmuext_op, clear page",
     .work = "1024",
     .prepare = list_clears,
     .run = op_list},
    {.name = "set_gdt", .work = "14 frames", .run = set_gdt, .undo = no_gdt},
    {.name = "set_trap_table",
     .work = "4096",
     .prepare = list_traps,
     .run = set_traps},
};
const unsigned int nr_table_cases = ARRAY_SIZE(table_cases);
