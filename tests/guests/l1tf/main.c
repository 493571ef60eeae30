/* SPDX-License-Identifier: MIT */
/*
 * Entries that are not present, on a processor with L1TF (pv-l1tf=dom0): one
 * whose address is RAM's is refused by every way in which an entry can come
 * into a table, and changes nothing; one that names no RAM is the guest's own.
 */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/trap.h>

#define PF_PRESENT_WRITE 3UL

static uint64_t *table; /* an L1, pinned and read-only while a test runs */
static uint64_t ram;    /* an address that must not stand there */

/* As Linux keeps a swap entry and a page without permissions: the address
 * inverted. And the words that any kernel writes. */
static uint64_t harmless[] = {0, 0, PTE_ADDR, PTE_ADDR | PTE_G, PTE_NX};

static void begin(void)
{
    hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    table = page_alloc();
    ram = virt_to_mfn(table) << PAGE_SHIFT;
    harmless[0] = ~ram & PTE_ADDR;
    harmless[4] = PTE_NX | harmless[0];
}

static void begin_pinned(void)
{
    begin();
    EXPECT_EQ(page_set_ro(table), 0);
    EXPECT_EQ(pin_table(1, virt_to_mfn(table)), 0);
}

static void end(void)
{
    EXPECT_EQ(page_set_rw(table), 0);
    memset(table, 0, PAGE_SIZE);
    page_free(table);
}

static void end_pinned(void)
{
    EXPECT_EQ(unpin_table(virt_to_mfn(table)), 0);
    end();
}

static uint64_t slot(unsigned int i)
{
    return virt_to_maddr(&table[i]);
}

static uint64_t now(unsigned int i)
{
    return ((volatile uint64_t *)table)[i];
}

static void by_mmu_update(void)
{
    begin_pinned();
    for (unsigned int i = 0; i < ARRAY_SIZE(harmless); i++) {
        EXPECT_EQ(pte_set(slot(i), harmless[i]), 0);
        EXPECT_EQ(now(i), harmless[i]);
        EXPECT_EQ(pte_set(slot(i), ram), -XEN_EPERM);
        EXPECT_EQ(pte_set(slot(i), ram | PTE_RW | PTE_US), -XEN_EPERM);
        EXPECT_EQ(pte_set(slot(i) | MMU_PT_UPDATE_PRESERVE_AD, ram),
                  -XEN_EPERM);
        EXPECT_EQ(now(i), harmless[i]);
    }
    /* Frame 0 is RAM too. */
    EXPECT_EQ(pte_set(slot(9), PTE_RW), -XEN_EPERM);
    EXPECT_EQ(now(9), 0);
    end_pinned();
}

/* A list ends at the first that is refused, and says how far it came. */
static void in_a_list(void)
{
    struct mmu_update u[3];
    unsigned int done = 77;

    begin_pinned();
    for (unsigned int i = 0; i < ARRAY_SIZE(u); i++) {
        u[i].ptr = slot(i);
        u[i].val = i == 1 ? ram : harmless[0];
    }
    EXPECT_EQ(hc_mmu_update(u, 3, &done, DOMID_SELF), -XEN_EPERM);
    EXPECT_EQ(done, 1);
    EXPECT_EQ(now(0), harmless[0]);
    EXPECT_EQ(now(1), 0);
    EXPECT_EQ(now(2), 0);
    end_pinned();
}

static void by_update_va_mapping(void)
{
    void *w = window(1);

    begin();
    EXPECT_EQ(hc_update_va_mapping(addr(w), ram, 0), -XEN_EPERM);
    EXPECT_EQ(hc_update_va_mapping(addr(w), ram | PTE_NX, 0), -XEN_EPERM);
    EXPECT_EQ(hc_update_va_mapping(addr(w), harmless[0], 0), 0);
    EXPECT_EQ(*pte_find(w, 1), harmless[0]);
    EXPECT_EQ(hc_update_va_mapping(addr(w), 0, 0), 0);
    end();
}

/* Of an entry that was present: it stays as it was. */
static void of_a_mapping(void)
{
    void *w = window(1), *page = page_alloc();
    uint64_t pte = pte_make(virt_to_mfn(page), KERNEL_RW), was;

    EXPECT_EQ(map_page(w, pte), 0);
    was = *pte_find(w, 1);
    EXPECT_EQ(map_page(w, pte & ~PTE_P), -XEN_EPERM);
    EXPECT_EQ(*pte_find(w, 1), was);
    *(volatile char *)w = 5;
    EXPECT_EQ(*(volatile char *)page, 5);
    EXPECT_EQ(map_page(w, 0), 0);
    page_free(page);
}

/* A store that is refused is a page fault. */
static void expect_store_fault(unsigned int i)
{
    EXPECT_EQ(trap_last()->count, 1);
    EXPECT_EQ(trap_last()->regs.vector, VEC_PF);
    EXPECT_EQ(trap_last()->regs.error, PF_PRESENT_WRITE);
    EXPECT_EQ(trap_last()->cr2, addr(&table[i]));
    EXPECT_EQ(now(i), 0);
    trap_last()->count = 0;
}

static void by_stores(void)
{
    uint64_t v = ram, zero = 0;

    begin_pinned();
    trap_last()->count = 0;
    asm volatile("1: mov %1, (%0)\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(&table[8]), "r"(ram)
                 : "memory");
    expect_store_fault(8);
    asm volatile("1: xchg %1, (%0)\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(&table[8]), "r"(v)
                 : "memory");
    expect_store_fault(8);
    asm volatile("1: lock cmpxchg %2, (%1)\n2:\n" EXTABLE("1b", "2b")
                 : "+a"(zero)
                 : "r"(&table[8]), "r"(ram)
                 : "memory", "cc");
    expect_store_fault(8);
    asm volatile("1: lock orq %1, (%0)\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(&table[8]), "r"(ram)
                 : "memory", "cc");
    expect_store_fault(8);
    /* By parts: its own bits are enough. */
    asm volatile("1: movb $0x10, 1(%0)\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(&table[8])
                 : "memory");
    EXPECT_EQ(trap_last()->count, 1);
    trap_last()->count = 0;
    EXPECT_EQ(now(8), 0);

    *(volatile uint64_t *)&table[8] = harmless[0];
    EXPECT_EQ(trap_last()->count, 0);
    EXPECT_EQ(now(8), harmless[0]);
    end_pinned();
}

static void by_validation(void)
{
    static const unsigned int at[] = {0, 1, 15, 16, 300, 511};

    begin();
    for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
        table[at[i]] = ram;
        EXPECT_EQ(page_set_ro(table), 0);
        EXPECT_EQ(pin_table(1, virt_to_mfn(table)), -XEN_EPERM);
        EXPECT_EQ(pin_table(2, virt_to_mfn(table)), -XEN_EPERM);
        EXPECT_EQ(pin_table(3, virt_to_mfn(table)), -XEN_EPERM);
        EXPECT_EQ(page_set_rw(table), 0);
        table[at[i]] = harmless[0];
    }
    EXPECT_EQ(page_set_ro(table), 0);
    EXPECT_EQ(pin_table(1, virt_to_mfn(table)), 0);
    end_pinned();
}

static void of_upper_levels(void)
{
    begin();
    EXPECT_EQ(page_set_ro(table), 0);
    EXPECT_EQ(pin_table(2, virt_to_mfn(table)), 0);
    EXPECT_EQ(pte_set(slot(3), ram), -XEN_EPERM);
    EXPECT_EQ(pte_set(slot(3), ram | PTE_PSE | PTE_RW), -XEN_EPERM);
    EXPECT_EQ(now(3), 0);
    EXPECT_EQ(pte_set(slot(3), harmless[0]), 0);
    EXPECT_EQ(now(3), harmless[0]);
    end_pinned();
}

static const struct test tests[] = {
    {"l1tf: mmu_update", by_mmu_update},
    {"l1tf: a list of updates", in_a_list},
    {"l1tf: update_va_mapping", by_update_va_mapping},
    {"l1tf: unmapping by halves", of_a_mapping},
    {"l1tf: emulated stores", by_stores},
    {"l1tf: validation", by_validation},
    {"l1tf: upper levels", of_upper_levels},
};

void kit_main(void)
{
    tests_run(tests, ARRAY_SIZE(tests));
}
