/* SPDX-License-Identifier: MIT */
/*
 * Page types: what a guest must not be able to make of its own frames, and
 * what it must. A frame is never at once writable and a table.
 */
#include <kit/console.h>
#include <kit/cpu.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/trap.h>

/* An errno that is not fixed by the ABI: any refusal will do. */
#define EXPECT_REFUSED(call)                                           \
    do {                                                               \
        long rc_ = (call);                                             \
        if (rc_ >= 0)                                                  \
            test_fail(__FILE__, __LINE__, "%s gives %ld", #call, rc_); \
    } while (0)

/* Beyond what a processor can address; and beyond the RAM of the tests only,
 * where the control domain may map what it wants. */
#define BAD_MFN (1UL << 38)
#define TOP_PFN 0x3ffffffUL

/* A zeroed page, read-only, ready to become a table. */
static uint64_t *table_alloc(void)
{
    uint64_t *t = page_alloc();

    EXPECT_EQ(page_set_ro(t), 0);
    return t;
}

/* It must be possible to write to it again. */
static void table_free(uint64_t *t)
{
    EXPECT_EQ(page_set_rw(t), 0);
    page_free(t);
}

static uint64_t table_pte(const void *table)
{
    return pte_make(virt_to_mfn(table), TABLE_FLAGS);
}

static uint64_t *own_table(unsigned int level)
{
    uint64_t *pte = pte_find((void *)start_info, level);

    return (uint64_t *)(addr(pte) & PAGE_MASK);
}

/* --- writable mappings of tables --- */

static void no_writable_table(void)
{
    void *w = window(0);

    for (unsigned int level = 1; level <= 4; level++) {
        uint64_t mfn = virt_to_mfn(own_table(level));

        EXPECT_EQ(map_page(w, pte_make(mfn, KERNEL_RO)), 0);
        EXPECT_REFUSED(map_page(w, pte_make(mfn, KERNEL_RW)));
        EXPECT_REFUSED(pte_set(pte_maddr(w, 1), pte_make(mfn, KERNEL_RW)));
        EXPECT_REFUSED(page_set_rw(own_table(level)));
    }
    EXPECT_EQ(map_page(w, 0), 0);
}

static void pin_and_unpin(void)
{
    for (unsigned int level = 1; level <= 4; level++) {
        uint64_t *t = table_alloc();
        uint64_t mfn = virt_to_mfn(t);

        EXPECT_EQ(pin_table(level, mfn), 0);
        EXPECT_EQ(pin_table(level, mfn), -XEN_EINVAL);
        EXPECT_REFUSED(page_set_rw(t));
        for (unsigned int other = 1; other <= 4; other++)
            EXPECT_REFUSED(pin_table(other, mfn));
        EXPECT_EQ(unpin_table(mfn), 0);
        EXPECT_EQ(unpin_table(mfn), -XEN_EINVAL);
        table_free(t);
    }
}

static void pin_writable_page(void)
{
    void *page = page_alloc();

    for (unsigned int level = 1; level <= 4; level++)
        EXPECT_REFUSED(pin_table(level, virt_to_mfn(page)));
    page_free(page);
}

static void pin_bad_frame(void)
{
    EXPECT_EQ(pin_table(1, INVALID_MFN), -XEN_EINVAL);
    EXPECT_EQ(pin_table(1, TOP_PFN), -XEN_EINVAL);
    EXPECT_REFUSED(pin_table(1, start_info->shared_info >> PAGE_SHIFT));
    EXPECT_REFUSED(pin_table(4, 0xb8));
    EXPECT_EQ(unpin_table(INVALID_MFN), -XEN_EINVAL);
    EXPECT_REFUSED(unpin_table(virt_to_mfn(start_info)));
}

/* --- what tables may hold --- */

/* Try to make a table of `level` whose entry 3 is `entry`. */
static long try_entry(unsigned int level, uint64_t entry)
{
    uint64_t *t = page_alloc();
    long rc;

    t[3] = entry;
    EXPECT_EQ(page_set_ro(t), 0);
    rc = pin_table(level, virt_to_mfn(t));
    if (rc == 0)
        EXPECT_EQ(unpin_table(virt_to_mfn(t)), 0);
    table_free(t);
    return rc;
}

/* The same entry, written into a table that is already one. */
static long try_update(unsigned int level, uint64_t entry)
{
    uint64_t *t = table_alloc();
    long rc;

    EXPECT_EQ(pin_table(level, virt_to_mfn(t)), 0);
    rc = pte_set(virt_to_maddr(&t[3]), entry);
    if (rc != 0)
        EXPECT_EQ(t[3], 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(t)), 0);
    table_free(t);
    return rc;
}

static void entry_allowed(unsigned int level, uint64_t entry)
{
    EXPECT_EQ(try_entry(level, entry), 0);
    EXPECT_EQ(try_update(level, entry), 0);
}

static void entry_refused(unsigned int level, uint64_t entry)
{
    EXPECT_REFUSED(try_entry(level, entry));
    EXPECT_REFUSED(try_update(level, entry));
}

static void l1_entries(void)
{
    uint64_t *page = page_alloc();
    uint64_t mfn = virt_to_mfn(page);

    entry_allowed(1, pte_make(mfn, KERNEL_RW));
    entry_allowed(1, pte_make(mfn, KERNEL_RO));
    entry_allowed(1, pte_make(mfn, USER_RW));
    entry_allowed(1, pte_make(mfn, USER_RW | PTE_NX));
    entry_allowed(1, pte_make(mfn, USER_RW | 0xe00));
    entry_allowed(1, pte_make(mfn, KERNEL_RW & ~PTE_P)); /* not present */
    entry_allowed(1, ~PTE_P);
    entry_refused(1, pte_make(BAD_MFN, KERNEL_RW));
    entry_refused(1, pte_make(PTE_ADDR >> PAGE_SHIFT, KERNEL_RW));
    entry_refused(1, pte_make(virt_to_mfn(own_table(1)), KERNEL_RW));
    entry_refused(1, pte_make(virt_to_mfn(own_table(4)), USER_RW));
    entry_allowed(1, pte_make(virt_to_mfn(own_table(4)), KERNEL_RO));
    page_free(page);
}

static void upper_entries(void)
{
    uint64_t *plain = page_alloc();

    for (unsigned int level = 2; level <= 4; level++) {
        uint64_t *lower = table_alloc();
        uint64_t pte = table_pte(lower);

        EXPECT_EQ(pin_table(level - 1, virt_to_mfn(lower)), 0);
        entry_allowed(level, pte);
        entry_allowed(level, pte & ~PTE_RW);
        entry_allowed(level, pte & ~PTE_US);
        entry_allowed(level, pte | PTE_NX);
        entry_refused(level, pte | PTE_PSE);
        /* A frame that is no table, and cannot be one while writable. */
        entry_refused(level, table_pte(plain));
        entry_refused(level, pte_make(BAD_MFN, TABLE_FLAGS));
        entry_refused(level, pte_make(0xb8, TABLE_FLAGS));
        EXPECT_EQ(unpin_table(virt_to_mfn(lower)), 0);
        table_free(lower);
    }
    page_free(plain);
}

static void wrong_levels(void)
{
    uint64_t *tables[5];

    for (unsigned int level = 1; level <= 4; level++) {
        tables[level] = table_alloc();
        EXPECT_EQ(pin_table(level, virt_to_mfn(tables[level])), 0);
    }
    for (unsigned int level = 2; level <= 4; level++) {
        for (unsigned int other = 1; other <= 4; other++) {
            if (other == level || other == level - 1)
                continue;
            entry_refused(level, table_pte(tables[other]));
        }
    }
    for (unsigned int level = 1; level <= 4; level++) {
        EXPECT_EQ(unpin_table(virt_to_mfn(tables[level])), 0);
        table_free(tables[level]);
    }
}

/* A failed validation leaves nothing behind: deep trees are undone. */
static void failed_tree_is_undone(void)
{
    uint64_t *l1 = page_alloc(), *l2 = page_alloc(), *page = page_alloc();

    l1[0] = pte_make(virt_to_mfn(page), KERNEL_RW);
    l2[0] = table_pte(l1);
    l2[511] = pte_make(virt_to_mfn(page), TABLE_FLAGS | PTE_PSE);
    EXPECT_EQ(page_set_ro(l1), 0);
    EXPECT_EQ(page_set_ro(l2), 0);
    EXPECT_REFUSED(pin_table(2, virt_to_mfn(l2)));
    EXPECT_EQ(page_set_rw(l1), 0);
    EXPECT_EQ(page_set_rw(l2), 0);
    /* The page lost its writable type with it: it can become a table. */
    EXPECT_EQ(page_set_ro(page), 0);
    EXPECT_EQ(pin_table(1, virt_to_mfn(page)), 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(page)), 0);
    EXPECT_EQ(page_set_rw(page), 0);
    page_free(l1);
    page_free(l2);
    page_free(page);
}

/* A tree of four levels is validated by one pin, and all of it is typed. */
static void tree(void)
{
    uint64_t *t[5];

    for (unsigned int level = 1; level <= 4; level++) {
        t[level] = page_alloc();
        if (level > 1)
            t[level][7] = table_pte(t[level - 1]);
    }
    for (unsigned int level = 1; level <= 4; level++)
        EXPECT_EQ(page_set_ro(t[level]), 0);
    EXPECT_EQ(pin_table(4, virt_to_mfn(t[4])), 0);
    for (unsigned int level = 1; level <= 4; level++)
        EXPECT_REFUSED(page_set_rw(t[level]));
    /* Of the inner ones none is pinned, but each may be, on its own level. */
    EXPECT_EQ(unpin_table(virt_to_mfn(t[2])), -XEN_EINVAL);
    EXPECT_REFUSED(pin_table(3, virt_to_mfn(t[2])));
    EXPECT_EQ(pin_table(2, virt_to_mfn(t[2])), 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(t[4])), 0);
    EXPECT_EQ(page_set_rw(t[4]), 0);
    EXPECT_EQ(page_set_rw(t[3]), 0);
    EXPECT_REFUSED(page_set_rw(t[2]));
    EXPECT_REFUSED(page_set_rw(t[1]));
    EXPECT_EQ(unpin_table(virt_to_mfn(t[2])), 0);
    EXPECT_EQ(page_set_rw(t[2]), 0);
    EXPECT_EQ(page_set_rw(t[1]), 0);
    for (unsigned int level = 1; level <= 4; level++)
        page_free(t[level]);
}

/* Unpinning a table that something still points to leaves it typed. */
static void unpin_in_use(void)
{
    uint64_t *l1 = table_alloc(), *l2 = table_alloc();

    EXPECT_EQ(pin_table(1, virt_to_mfn(l1)), 0);
    EXPECT_EQ(pin_table(2, virt_to_mfn(l2)), 0);
    EXPECT_EQ(pte_set(virt_to_maddr(&l2[0]), table_pte(l1)), 0);
    EXPECT_EQ(pte_set(virt_to_maddr(&l2[1]), table_pte(l1)), 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(l1)), 0);
    EXPECT_REFUSED(page_set_rw(l1));
    EXPECT_EQ(pte_set(virt_to_maddr(&l2[0]), 0), 0);
    EXPECT_REFUSED(page_set_rw(l1));
    EXPECT_EQ(pte_set(virt_to_maddr(&l2[1]), 0), 0);
    EXPECT_EQ(page_set_rw(l1), 0);
    page_free(l1);
    EXPECT_EQ(unpin_table(virt_to_mfn(l2)), 0);
    table_free(l2);
}

/* --- the L4 --- */

static void hypervisor_slots(void)
{
    uint64_t *root = (uint64_t *)start_info->pt_base;
    uint64_t *l3 = table_alloc();

    EXPECT_EQ(pin_table(3, virt_to_mfn(l3)), 0);
    for (unsigned int slot = 256; slot < 272; slot++) {
        EXPECT_EQ(pte_set(virt_to_maddr(&root[slot]), table_pte(l3)),
                  -XEN_EINVAL);
        EXPECT_EQ(pte_set(virt_to_maddr(&root[slot]), 0), -XEN_EINVAL);
    }
    EXPECT_EQ(pte_set(virt_to_maddr(&root[272]), table_pte(l3)), 0);
    EXPECT_EQ(pte_set(virt_to_maddr(&root[272]), 0), 0);
    EXPECT_EQ(pte_set(virt_to_maddr(&root[255]), table_pte(l3)), 0);
    EXPECT_EQ(pte_set(virt_to_maddr(&root[255]), 0), 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(l3)), 0);
    table_free(l3);
}

/* Whatever a new L4 holds in the hypervisor's slots, it does not count. */
static void hypervisor_slots_replaced(void)
{
    uint64_t *root = (uint64_t *)start_info->pt_base;
    uint64_t *l4 = page_alloc(), *l3 = page_alloc();

    memcpy(l4, root, PAGE_SIZE);
    l3[0] = 0;
    for (unsigned int slot = 256; slot < 272; slot++)
        l4[slot] = table_pte(l3);
    EXPECT_EQ(page_set_ro(l4), 0);
    EXPECT_EQ(pin_table(4, virt_to_mfn(l4)), 0);
    /* l3 did not become a table: it stays writable. */
    EXPECT_EQ(page_set_rw(l3), 0);
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(l4)), 0);
    EXPECT_EQ(mfn_to_pfn(virt_to_mfn(l4)), virt_to_pfn(l4));
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(root)), 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(l4)), 0);
    table_free(l4);
    page_free(l3);
}

static void base_pointer(void)
{
    uint64_t *root = (uint64_t *)start_info->pt_base;
    uint64_t *l4 = page_alloc(), *plain = page_alloc();

    EXPECT_REFUSED(mmuext_mfn(MMUEXT_NEW_BASEPTR, INVALID_MFN));
    EXPECT_REFUSED(mmuext_mfn(MMUEXT_NEW_BASEPTR, TOP_PFN));
    EXPECT_REFUSED(mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(plain)));
    EXPECT_REFUSED(mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(own_table(1))));
    EXPECT_REFUSED(mmuext_mfn(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(plain)));
    EXPECT_REFUSED(
        mmuext_mfn(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(own_table(3))));

    /* Unpinned, it is validated on the way, and typed while in use. */
    memcpy(l4, root, PAGE_SIZE);
    EXPECT_EQ(page_set_ro(l4), 0);
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(l4)), 0);
    EXPECT_REFUSED(page_set_rw(l4));
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(l4)), 0);
    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_BASEPTR, virt_to_mfn(root)), 0);
    EXPECT_EQ(page_set_rw(l4), 0);

    EXPECT_EQ(mmuext_mfn(MMUEXT_NEW_USER_BASEPTR, 0), 0);
    page_free(l4);
    page_free(plain);
}

/* An L4 that points to itself read-only is legal where linear tables are
 * offered; writable it never is. */
static void linear_table(void)
{
    uint64_t *root = (uint64_t *)start_info->pt_base;
    uint64_t self = pte_make(virt_to_mfn(root), TABLE_FLAGS);
    uint64_t *l4 = page_alloc();
    long rc;

    EXPECT_REFUSED(pte_set(virt_to_maddr(&root[300]), self));
    rc = pte_set(virt_to_maddr(&root[300]), self & ~PTE_RW);
    if (rc == 0)
        EXPECT_EQ(pte_set(virt_to_maddr(&root[300]), 0), 0);
    l4[300] = table_pte(l4);
    EXPECT_EQ(page_set_ro(l4), 0);
    EXPECT_REFUSED(pin_table(4, virt_to_mfn(l4)));
    EXPECT_EQ(page_set_rw(l4), 0);
    page_free(l4);
}

/* --- mmu_update --- */

static void update_count(void)
{
    uint64_t *l1 = table_alloc();
    struct mmu_update u[3];
    unsigned int done = 77;

    EXPECT_EQ(pin_table(1, virt_to_mfn(l1)), 0);
    for (unsigned int i = 0; i < 3; i++) {
        u[i].ptr = virt_to_maddr(&l1[i]);
        u[i].val = pte_make(virt_to_mfn(start_info), KERNEL_RO);
    }
    EXPECT_EQ(hc_mmu_update(u, 3, &done, DOMID_SELF), 0);
    EXPECT_EQ(done, 3);
    for (unsigned int i = 0; i < 3; i++) {
        EXPECT_EQ(pte_mfn(l1[i]), virt_to_mfn(start_info));
        u[i].val = 0;
    }
    /* It stops at the first error and says where. */
    u[1].val = pte_make(BAD_MFN, KERNEL_RW);
    EXPECT_REFUSED(hc_mmu_update(u, 3, &done, DOMID_SELF));
    EXPECT_EQ(done, 1);
    EXPECT_EQ(l1[0], 0);
    EXPECT(l1[1] != 0);
    EXPECT(l1[2] != 0);
    EXPECT_EQ(hc_mmu_update(u, 0, &done, DOMID_SELF), 0);
    EXPECT_EQ(done, 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(l1)), 0);
    table_free(l1);
}

static void update_bad_pointer(void)
{
    EXPECT_EQ(pte_set(TOP_PFN << PAGE_SHIFT, 0), -XEN_EINVAL);
    EXPECT_EQ(pte_set(~7UL, 0), -XEN_EINVAL);
    EXPECT_REFUSED(pte_set(0xb8000, 0));
    /* The hypervisor's own memory. */
    EXPECT_REFUSED(pte_set(0x200000, 0));
}

/* In a page that is no table the update is a plain store. */
static void update_plain_page(void)
{
    uint64_t *page = page_alloc();

    EXPECT_EQ(pte_set(virt_to_maddr(&page[5]), 0x123456789abcdef8UL), 0);
    EXPECT_EQ(page[5], 0x123456789abcdef8UL);
    EXPECT_EQ(page[4], 0);
    EXPECT_EQ(page[6], 0);
    page_free(page);
}

static void update_owner(void)
{
    uint64_t *l1 = table_alloc();
    uint64_t m = virt_to_maddr(&l1[0]);
    uint64_t pte = pte_make(virt_to_mfn(start_info), KERNEL_RO);

    EXPECT_EQ(pin_table(1, virt_to_mfn(l1)), 0);
    EXPECT_EQ(pte_set_owned(m, pte, 77), -XEN_ESRCH);
    EXPECT_REFUSED(pte_set_owned(m, pte, DOMID_IO));
    EXPECT_REFUSED(pte_set_owned(m, pte, DOMID_XEN));
    EXPECT_EQ(l1[0], 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(l1)), 0);
    table_free(l1);
}

static void update_preserve_ad(void)
{
    volatile char *page = page_alloc();
    uint64_t *pte = pte_find(page, 1);
    uint64_t m = pte_maddr(page, 1), mfn = virt_to_mfn(page);

    EXPECT_EQ(map_page(page, pte_make(mfn, PTE_P | PTE_RW)), 0);
    EXPECT_EQ(*pte & (PTE_A | PTE_D), 0);
    page[0] = 1;
    EXPECT_EQ(*pte & (PTE_A | PTE_D), PTE_A | PTE_D);
    EXPECT_EQ(pte_set(m | MMU_PT_UPDATE_PRESERVE_AD, pte_make(mfn, PTE_P)), 0);
    EXPECT_EQ(*pte & (PTE_A | PTE_D | PTE_RW), PTE_A | PTE_D);
    EXPECT_EQ(pte_set(m, pte_make(mfn, PTE_P)), 0);
    EXPECT_EQ(*pte & (PTE_A | PTE_D | PTE_RW), 0);
    EXPECT_EQ(pte_set(m | MMU_PT_UPDATE_NO_TRANSLATE, pte_make(mfn, KERNEL_RO)),
              0);
    EXPECT_EQ(*pte & (PTE_A | PTE_D | PTE_RW), PTE_A | PTE_D);
    EXPECT_EQ(page_set_rw((void *)page), 0);
    page_free((void *)page);
}

static void machphys_update(void)
{
    void *page = page_alloc();
    uint64_t mfn = virt_to_mfn(page), pfn = virt_to_pfn(page);
    uint64_t m = (mfn << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE;

    EXPECT_EQ(mfn_to_pfn(mfn), pfn);
    EXPECT_EQ(pte_set(m, 0x123456), 0);
    EXPECT_EQ(mfn_to_pfn(mfn), 0x123456);
    EXPECT_EQ(pte_set(m, pfn), 0);
    EXPECT_EQ(mfn_to_pfn(mfn), pfn);
    EXPECT_REFUSED(pte_set((TOP_PFN << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE, 1));
    EXPECT_REFUSED(pte_set(0x200000 | MMU_MACHPHYS_UPDATE, 1));
    page_free(page);
}

/* Flags as a guest reads them back: U is forced, and marked where it was not
 * asked for. */
static void forced_flags(void)
{
    void *page = page_alloc();
    uint64_t mfn = virt_to_mfn(page);
    const uint64_t *pte = pte_find(page, 1);

    EXPECT_EQ(map_page(page, pte_make(mfn, KERNEL_RW)), 0);
    EXPECT_EQ(pte_mfn(*pte), mfn);
    EXPECT_EQ(*pte & (PTE_P | PTE_RW | PTE_US), PTE_P | PTE_RW | PTE_US);
    EXPECT(*pte & PTE_GUEST_KERNEL);
    EXPECT_EQ(map_page(page, pte_make(mfn, USER_RW)), 0);
    EXPECT_EQ(*pte & (PTE_P | PTE_RW | PTE_US), PTE_P | PTE_RW | PTE_US);
    EXPECT_EQ(*pte & PTE_GUEST_KERNEL, 0);
    EXPECT_EQ(map_page(page, pte_make(mfn, USER_RW | PTE_NX)), 0);
    EXPECT_EQ(*pte & PTE_NX, PTE_NX);
    EXPECT_EQ(page_set_rw(page), 0);
    page_free(page);
}

static void cache_attributes(void)
{
    void *page = page_alloc();
    uint64_t mfn = virt_to_mfn(page);

    if (!(start_info->flags & SIF_PRIVILEGED)) {
        test_skip("for the control domain");
        return;
    }
    EXPECT_EQ(map_page(page, pte_make(mfn, KERNEL_RW | PTE_PCD | PTE_PWT)), 0);
    EXPECT_EQ(*pte_find(page, 1) & (PTE_PCD | PTE_PWT), PTE_PCD | PTE_PWT);
    EXPECT_EQ(map_page(page, pte_make(mfn, KERNEL_RW | PTE_PAT)), 0);
    EXPECT_EQ(page_set_rw(page), 0);
    EXPECT_EQ(*pte_find(page, 1) & (PTE_PCD | PTE_PWT | PTE_PAT), 0);
    page_free(page);
}

/* --- update_va_mapping --- */

static void va_mapping(void)
{
    char *w = window(1);
    char *page = page_alloc();
    uint64_t pte = pte_make(virt_to_mfn(page), KERNEL_RW);
    static const uint64_t flags[] = {
        UVMF_NONE, UVMF_INVLPG | UVMF_LOCAL, UVMF_TLB_FLUSH | UVMF_LOCAL,
        UVMF_INVLPG | UVMF_ALL, UVMF_TLB_FLUSH | UVMF_ALL};
    uint64_t mask[4] = {1, 0, 0, 0};

    page[9] = 55;
    for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
        EXPECT_EQ(hc_update_va_mapping(addr(w), pte, flags[i]), 0);
        EXPECT_EQ(((volatile char *)w)[9], 55);
        EXPECT_EQ(map_page(w, 0), 0);
    }
    EXPECT_EQ(hc_update_va_mapping(addr(w), pte,
                                   addr(mask) | UVMF_INVLPG | UVMF_MULTI),
              0);
    EXPECT_EQ(hc_update_va_mapping(addr(w), 0,
                                   addr(mask) | UVMF_TLB_FLUSH | UVMF_MULTI),
              0);
    /* No table there. */
    EXPECT_EQ(hc_update_va_mapping(0x600000000000UL, pte, 0), -XEN_EINVAL);
    EXPECT_REFUSED(hc_update_va_mapping(0xffff820000000000UL, pte, 0));
    EXPECT_REFUSED(hc_update_va_mapping(M2P_BASE, pte, 0));
    EXPECT_REFUSED(hc_update_va_mapping(0x8000000000000000UL, pte, 0));
    EXPECT_REFUSED(
        hc_update_va_mapping(addr(w), pte_make(BAD_MFN, KERNEL_RW), 0));
    page_free(page);
}

static void va_mapping_otherdomain(void)
{
    void *w = window(1), *page = page_alloc();
    uint64_t pte = pte_make(virt_to_mfn(page), KERNEL_RW);

    EXPECT_EQ(hcall4(__HYPERVISOR_update_va_mapping_otherdomain, addr(w), pte,
                     UVMF_INVLPG, 77),
              -XEN_ESRCH);
    EXPECT_EQ(hcall4(__HYPERVISOR_update_va_mapping_otherdomain, addr(w), pte,
                     UVMF_INVLPG, DOMID_SELF),
              0);
    EXPECT_EQ(map_page(w, 0), 0);
    page_free(page);
}

/* --- foreign frames --- */

static void io_frames(void)
{
    volatile uint16_t *w = window(2);
    uint64_t m = pte_maddr(w, 1);
    uint64_t vga = pte_make(0xb8, KERNEL_RW | PTE_PCD);

    if (!(start_info->flags & SIF_PRIVILEGED)) {
        /* Uncached, a mapping may be refused for that already. */
        EXPECT_REFUSED(pte_set_owned(m, vga, DOMID_IO));
        EXPECT_EQ(pte_set_owned(m, vga & ~PTE_PCD, DOMID_IO), -XEN_EPERM);
        return;
    }
    EXPECT_EQ(pte_set_owned(m, vga, DOMID_IO), 0);
    (void)*w;
    EXPECT_EQ(pte_set(m, 0), 0);
    EXPECT_EQ(pte_set(m, vga), 0);
    EXPECT_EQ(pte_set(m, 0), 0);
    EXPECT_EQ(map_page(w, vga), 0);
    EXPECT_EQ(map_page(w, 0), 0);
    /* The local APIC and the I/O APIC are the hypervisor's. */
    EXPECT_REFUSED(pte_set_owned(m, pte_make(0xfee00, KERNEL_RW), DOMID_IO));
    EXPECT_REFUSED(pte_set(m, pte_make(0xfee00, KERNEL_RO)));
    if (pte_set(m, pte_make(0xfec00, KERNEL_RW)) == 0)
        EXPECT_EQ(*pte_find(w, 1) & PTE_RW, 0);
    EXPECT_EQ(pte_set(m, 0), 0);
}

static void m2p_frames(void)
{
    const volatile uint64_t *w = window(2);
    struct xen_machphys_mfn_list list;
    uint64_t m = pte_maddr(w, 1);
    uint64_t frames[4] = {0};

    memset(&list, 0, sizeof(list));
    list.max_extents = ARRAY_SIZE(frames);
    HANDLE_SET(list.extent_start, frames);
    EXPECT_EQ(hc_memory_op(XENMEM_machphys_mfn_list, &list), 0);
    EXPECT(list.nr_extents > 0);
    if (!(start_info->flags & SIF_PRIVILEGED)) {
        test_skip("for the control domain");
        return;
    }
    EXPECT_EQ(pte_set_owned(m, pte_make(frames[0], KERNEL_RO), DOMID_XEN), 0);
    EXPECT_EQ(w[300], mfn_to_pfn(300));
    EXPECT_EQ(pte_set(m, 0), 0);
    EXPECT_REFUSED(pte_set_owned(m, pte_make(frames[0], KERNEL_RW), DOMID_XEN));
    EXPECT_REFUSED(pte_set(m, pte_make(frames[0], KERNEL_RO)));
    EXPECT_EQ(pte_find(w, 1)[0], 0);
}

static void hypervisor_frames(void)
{
    void *w = window(2);
    uint64_t m = pte_maddr(w, 1);
    static const uint64_t owner[] = {DOMID_SELF, DOMID_IO, DOMID_XEN};

    EXPECT_EQ(map_page(w, 0), 0);
    /* Its image begins at 1 or 2 MiB. */
    for (unsigned int i = 0; i < ARRAY_SIZE(owner); i++) {
        EXPECT_REFUSED(pte_set_owned(m, pte_make(0x200, KERNEL_RW),
                                     (unsigned int)owner[i]));
        EXPECT_REFUSED(pte_set_owned(m, pte_make(0x210, KERNEL_RO),
                                     (unsigned int)owner[i]));
    }
    EXPECT_EQ(pte_find(w, 1)[0], 0);
}

/* --- descriptor pages --- */

static void descriptor_page(void)
{
    uint64_t *gdt = page_alloc();
    uint64_t frame = virt_to_mfn(gdt);

    EXPECT_EQ(hc_set_gdt(&frame, 512), -XEN_EINVAL); /* writable */
    EXPECT_EQ(page_set_ro(gdt), 0);
    EXPECT_EQ(hc_set_gdt(&frame, 512), 0);
    EXPECT_REFUSED(page_set_rw(gdt));
    for (unsigned int level = 1; level <= 4; level++)
        EXPECT_REFUSED(pin_table(level, frame));
    EXPECT_EQ(hc_set_gdt(&frame, 7169), -XEN_EINVAL);
    EXPECT_EQ(hc_set_gdt(NULL, 0), 0);
    EXPECT_EQ(page_set_rw(gdt), 0);

    gdt[1] = 0x0000890000000067UL; /* a TSS */
    EXPECT_EQ(page_set_ro(gdt), 0);
    EXPECT_EQ(hc_set_gdt(&frame, 512), -XEN_EINVAL);
    EXPECT_EQ(page_set_rw(gdt), 0);
    frame = TOP_PFN;
    EXPECT_EQ(hc_set_gdt(&frame, 512), -XEN_EINVAL);
    frame = virt_to_mfn(own_table(1));
    EXPECT_EQ(hc_set_gdt(&frame, 512), -XEN_EINVAL);
    page_free(gdt);
}

/* LDT pages are taken when they are used, and become read-only then. */
static void ldt(void)
{
    uint64_t *table = page_alloc();
    struct mmuext_op op;
    uint16_t sel;

    memset(&op, 0, sizeof(op));
    table[1] = 0x00cff2000000ffffUL;
    EXPECT_EQ(page_set_ro(table), 0);
    op.cmd = MMUEXT_SET_LDT;
    op.arg1.linear_addr = addr(table);
    op.arg2.nr_ents = 512;
    EXPECT_EQ(hc_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    asm volatile("mov %1, %%fs; mov %%fs, %0; mov %2, %%fs"
                 : "=&r"(sel)
                 : "r"(0xf), "r"(0));
    EXPECT_EQ(sel, 0xf);
    EXPECT_REFUSED(page_set_rw(table));
    op.arg1.linear_addr = addr(table) + 8;
    EXPECT_EQ(hc_mmuext_op(&op, 1, NULL, DOMID_SELF), -XEN_EINVAL);
    op.arg1.linear_addr = addr(table);
    op.arg2.nr_ents = 8193;
    EXPECT_EQ(hc_mmuext_op(&op, 1, NULL, DOMID_SELF), -XEN_EINVAL);
    op.arg1.linear_addr = 0;
    op.arg2.nr_ents = 0;
    EXPECT_EQ(hc_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    EXPECT_EQ(page_set_rw(table), 0);
    page_free(table);
}

/* --- mmuext_op --- */

static long mmuext(unsigned int cmd, uint64_t arg1, uint64_t arg2)
{
    struct mmuext_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.arg1.mfn = arg1;
    op.arg2.src_mfn = arg2;
    return hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static void flushes(void)
{
    uint64_t mask = 1;

    EXPECT_EQ(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0);
    EXPECT_EQ(mmuext(MMUEXT_INVLPG_LOCAL, addr(start_info), 0), 0);
    EXPECT_EQ(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0);
    EXPECT_EQ(mmuext(MMUEXT_INVLPG_ALL, addr(start_info), 0), 0);
    EXPECT_EQ(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, addr(&mask)), 0);
    EXPECT_EQ(mmuext(MMUEXT_INVLPG_MULTI, addr(start_info), addr(&mask)), 0);
    mask = 0;
    EXPECT_EQ(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, addr(&mask)), 0);
    EXPECT_EQ(mmuext(MMUEXT_INVLPG_LOCAL, 0xffff820000000000UL, 0), 0);
    EXPECT_EQ(mmuext(MMUEXT_INVLPG_LOCAL, 0x8000000000000000UL, 0), 0);
    if (start_info->flags & SIF_PRIVILEGED)
        EXPECT_EQ(mmuext(MMUEXT_FLUSH_CACHE, 0, 0), 0);
}

static void clear_and_copy(void)
{
    uint64_t *a = page_alloc(), *b = page_alloc();

    a[3] = 33;
    b[3] = 44;
    EXPECT_EQ(mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(a), virt_to_mfn(b)), 0);
    EXPECT_EQ(a[3], 44);
    EXPECT_EQ(mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(a), 0), 0);
    EXPECT_EQ(a[3], 0);
    EXPECT_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(own_table(1)), 0));
    EXPECT_REFUSED(
        mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(own_table(1)), virt_to_mfn(b)));
    EXPECT_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, TOP_PFN, 0));
    EXPECT_REFUSED(mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(a), TOP_PFN));
    page_free(a);
    page_free(b);
}

static void mmuext_errors(void)
{
    struct mmuext_op ops[2];
    unsigned int done = 9;

    EXPECT_EQ(mmuext(14, 0, 0), -XEN_ENOSYS);
    EXPECT_EQ(mmuext(99, 0, 0), -XEN_ENOSYS);
    memset(ops, 0, sizeof(ops));
    ops[0].cmd = MMUEXT_TLB_FLUSH_LOCAL;
    ops[1].cmd = MMUEXT_UNPIN_TABLE;
    ops[1].arg1.mfn = INVALID_MFN;
    EXPECT_EQ(hc_mmuext_op(ops, 2, &done, DOMID_SELF), -XEN_EINVAL);
    EXPECT_EQ(done, 1);
    EXPECT_EQ(hc_mmuext_op(ops, 1, &done, 77), -XEN_ESRCH);
    EXPECT_EQ(hc_mmuext_op(ops, 0, &done, DOMID_SELF), 0);
}

/* --- writable page tables: stores to an L1, emulated --- */

static uint64_t *pt; /* a pinned L1, mapped read-only */
static char *target;
static uint64_t target_pte;

static void ptwr_begin(void)
{
    hc_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables);
    pt = table_alloc();
    target = page_alloc();
    target_pte = pte_make(virt_to_mfn(target), KERNEL_RW);
    EXPECT_EQ(pin_table(1, virt_to_mfn(pt)), 0);
}

static void ptwr_end(void)
{
    EXPECT_EQ(unpin_table(virt_to_mfn(pt)), 0);
    table_free(pt);
    page_free(target);
}

static void expect_entry(unsigned int i, uint64_t want)
{
    uint64_t ignore = PTE_US | PTE_G | PTE_GUEST_KERNEL;

    EXPECT_EQ(((volatile uint64_t *)pt)[i] & ~ignore, want & ~ignore);
}

static void ptwr_mov(void)
{
    ptwr_begin();
    *(volatile uint64_t *)&pt[1] = target_pte;
    expect_entry(1, target_pte);
    *(volatile uint64_t *)&pt[1] = 0;
    expect_entry(1, 0);
    asm volatile("movq $0, (%0)" : : "r"(&pt[2]) : "memory");
    expect_entry(2, 0);
    asm volatile("mov %1, (%0)" : : "r"(&pt[511]), "r"(target_pte) : "memory");
    expect_entry(511, target_pte);
    ptwr_end();
}

/* Two 32-bit stores, the high half first, as a careful kernel does it. */
static void ptwr_mov32(void)
{
    uint32_t *half;

    ptwr_begin();
    half = (uint32_t *)&pt[4];
    asm volatile("movl %1, 4(%0)\nmovl %2, (%0)"
                 :
                 : "r"(half), "r"((uint32_t)(target_pte >> 32)),
                   "r"((uint32_t)target_pte)
                 : "memory");
    expect_entry(4, target_pte);
    asm volatile("movl $0, (%0)" : : "r"(half) : "memory");
    EXPECT_EQ(pt[4] & PTE_P, 0);
    ptwr_end();
}

static void ptwr_exchange(void)
{
    uint64_t v, old;

    ptwr_begin();
    v = target_pte;
    asm volatile("xchg %0, (%1)" : "+r"(v) : "r"(&pt[3]) : "memory");
    EXPECT_EQ(v, 0);
    expect_entry(3, target_pte);
    old = ((volatile uint64_t *)pt)[3];
    v = old;
    asm volatile("lock cmpxchg %2, (%1)"
                 : "+a"(v)
                 : "r"(&pt[3]), "r"(target_pte & ~PTE_RW)
                 : "memory", "cc");
    EXPECT_EQ(v, old);
    expect_entry(3, target_pte & ~PTE_RW);
    /* A comparison that fails changes nothing and returns what is there. */
    old = ((volatile uint64_t *)pt)[3];
    v = 0x1234;
    asm volatile("lock cmpxchg %2, (%1)"
                 : "+a"(v)
                 : "r"(&pt[3]), "r"(0UL)
                 : "memory", "cc");
    EXPECT_EQ(v, old);
    EXPECT_EQ(((volatile uint64_t *)pt)[3], old);
    v = 0;
    asm volatile("xchg %0, (%1)" : "+r"(v) : "r"(&pt[3]) : "memory");
    EXPECT_EQ(v, old);
    expect_entry(3, 0);
    ptwr_end();
}

static void ptwr_bits(void)
{
    bool carry;

    ptwr_begin();
    *(volatile uint64_t *)&pt[6] = target_pte;
    asm volatile("lock andq %1, (%0)"
                 :
                 : "r"(&pt[6]), "r"(~PTE_RW)
                 : "memory", "cc");
    expect_entry(6, target_pte & ~PTE_RW);
    asm volatile("lock orq %1, (%0)"
                 :
                 : "r"(&pt[6]), "r"(PTE_RW)
                 : "memory", "cc");
    expect_entry(6, target_pte);
    asm volatile("lock btrq $1, (%1)"
                 : "=@ccc"(carry)
                 : "r"(&pt[6])
                 : "memory");
    EXPECT(carry);
    expect_entry(6, target_pte & ~PTE_RW);
    asm volatile("lock btsq $1, (%1)"
                 : "=@ccc"(carry)
                 : "r"(&pt[6])
                 : "memory");
    EXPECT(!carry);
    expect_entry(6, target_pte);
    *(volatile uint64_t *)&pt[6] = 0;
    ptwr_end();
}

/* A store of what must not be there is an ordinary page fault. */
static void ptwr_refused(void)
{
    static const unsigned int slot = 8;
    uint64_t bad[3];

    ptwr_begin();
    bad[0] = pte_make(BAD_MFN, KERNEL_RW);
    bad[1] = pte_make(virt_to_mfn(own_table(1)), KERNEL_RW);
    bad[2] = pte_make(virt_to_mfn(own_table(4)), USER_RW);
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        trap_last()->count = 0;
        asm volatile("1: mov %1, (%0)\n2:\n" EXTABLE("1b", "2b")
                     :
                     : "r"(&pt[slot]), "r"(bad[i])
                     : "memory");
        EXPECT_EQ(trap_last()->count, 1);
        EXPECT_EQ(trap_last()->regs.vector, VEC_PF);
        EXPECT_EQ(trap_last()->regs.error, PF_PRESENT | PF_WRITE);
        EXPECT_EQ(trap_last()->cr2, addr(&pt[slot]));
        EXPECT_EQ(pt[slot], 0);
    }
    ptwr_end();
}

/* Stores to L2 and above are not emulated. */
static void ptwr_upper_levels(void)
{
    for (unsigned int level = 2; level <= 4; level++) {
        uint64_t *t = table_alloc();

        EXPECT_EQ(pin_table(level, virt_to_mfn(t)), 0);
        trap_last()->count = 0;
        asm volatile("1: movq $0, (%0)\n2:\n" EXTABLE("1b", "2b")
                     :
                     : "r"(&t[1])
                     : "memory");
        EXPECT_EQ(trap_last()->count, 1);
        EXPECT_EQ(trap_last()->regs.vector, VEC_PF);
        EXPECT_EQ(unpin_table(virt_to_mfn(t)), 0);
        table_free(t);
    }
}

/* The written page keeps its reference: no table can be made of it. */
static void ptwr_counts(void)
{
    ptwr_begin();
    *(volatile uint64_t *)&pt[1] = target_pte;
    EXPECT_EQ(page_set_ro(target), 0);
    EXPECT_REFUSED(pin_table(1, virt_to_mfn(target)));
    *(volatile uint64_t *)&pt[1] = 0;
    EXPECT_EQ(pin_table(1, virt_to_mfn(target)), 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(target)), 0);
    EXPECT_EQ(page_set_rw(target), 0);
    ptwr_end();
}

static void many_tables(void)
{
    uint64_t *tables[64];

    for (unsigned int round = 0; round < 4; round++) {
        for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
            tables[i] = page_alloc();
            for (unsigned int e = 0; e < 512; e++)
                tables[i][e] = pte_make(virt_to_mfn(start_info), KERNEL_RO);
            EXPECT_EQ(page_set_ro(tables[i]), 0);
            EXPECT_EQ(pin_table(1, virt_to_mfn(tables[i])), 0);
        }
        for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
            EXPECT_EQ(unpin_table(virt_to_mfn(tables[i])), 0);
            table_free(tables[i]);
        }
    }
}

/* --- pins that are given up half-way --- */

#define GIVEN_UP 0x1234

/* Instead of going on with the hypercall that it interrupted: behind its
 * `syscall`, as if that had said so. */
static void give_up(unsigned int port, struct regs *r)
{
    (void)port;
    r->rip += 2;
    r->rax = GIVEN_UP;
}

static unsigned int ipi;

/* Pins with an event pending, at which the hypervisor stops after the first
 * table below, and never asks it to go on. */
static void pin_and_give_up(unsigned int level, uint64_t mfn)
{
    struct vcpu_info *vi = this_cpu()->info;

    events_off();
    EXPECT_EQ(event_send(ipi), 0);
    *(volatile uint8_t *)&vi->evtchn_upcall_mask = 0;
    barrier();
    EXPECT_EQ(pin_table(level, mfn), GIVEN_UP);
    events_off();
}

/* Finished later, or refused as anything else. */
static void given_up_pin(void)
{
    uint64_t *l1 = table_alloc(), *l2 = page_alloc();

    l2[0] = l2[7] = table_pte(l1);
    EXPECT_EQ(page_set_ro(l2), 0);
    pin_and_give_up(2, virt_to_mfn(l2));
    EXPECT_REFUSED(pin_table(1, virt_to_mfn(l2)));
    EXPECT_REFUSED(page_set_rw(l2));
    EXPECT_REFUSED(unpin_table(virt_to_mfn(l2)));
    EXPECT_EQ(pin_table(2, virt_to_mfn(l2)), 0);
    EXPECT_EQ(unpin_table(virt_to_mfn(l2)), 0);
    table_free(l2);
    table_free(l1);
}

/* L2 tables, each given up where its next entry leads to the next of them:
 * the hypervisor must not follow. */
static void given_up_chain(void)
{
    static uint64_t *l2[256];
    uint64_t *l1 = table_alloc();

    for (unsigned int i = 0; i < ARRAY_SIZE(l2); i++)
        l2[i] = page_alloc();
    for (unsigned int i = 0; i < ARRAY_SIZE(l2); i++) {
        l2[i][0] = table_pte(l1);
        l2[i][1] = table_pte(l2[(i + 1) % ARRAY_SIZE(l2)]);
        EXPECT_EQ(page_set_ro(l2[i]), 0);
        pin_and_give_up(2, virt_to_mfn(l2[i]));
    }
    /* Each is refused for its second entry, and with that let go. */
    for (unsigned int i = 0; i < ARRAY_SIZE(l2); i++)
        EXPECT_REFUSED(pin_table(2, virt_to_mfn(l2[i])));
    for (unsigned int i = 0; i < ARRAY_SIZE(l2); i++)
        table_free(l2[i]);
    table_free(l1);
}

static const struct test tests[] = {
    {"no writable mapping of a table", no_writable_table},
    {"pin and unpin", pin_and_unpin},
    {"pin a writable page", pin_writable_page},
    {"pin a bad frame", pin_bad_frame},
    {"L1 entries", l1_entries},
    {"L2..L4 entries", upper_entries},
    {"entries of a wrong level", wrong_levels},
    {"failed validation is undone", failed_tree_is_undone},
    {"tree of four levels", tree},
    {"unpin a table in use", unpin_in_use},
    {"hypervisor slots of the L4", hypervisor_slots},
    {"hypervisor slots replaced", hypervisor_slots_replaced},
    {"base pointer", base_pointer},
    {"linear table", linear_table},
    {"mmu_update: count", update_count},
    {"mmu_update: bad pointer", update_bad_pointer},
    {"mmu_update: plain page", update_plain_page},
    {"mmu_update: owner", update_owner},
    {"mmu_update: preserve A and D", update_preserve_ad},
    {"mmu_update: machphys", machphys_update},
    {"forced flags", forced_flags},
    {"cache attributes", cache_attributes},
    {"update_va_mapping", va_mapping},
    {"update_va_mapping_otherdomain", va_mapping_otherdomain},
    {"I/O frames", io_frames},
    {"M2P frames", m2p_frames},
    {"hypervisor frames", hypervisor_frames},
    {"descriptor page", descriptor_page},
    {"LDT", ldt},
    {"TLB and cache flushes", flushes},
    {"clear and copy page", clear_and_copy},
    {"mmuext_op errors", mmuext_errors},
    {"emulated store: mov", ptwr_mov},
    {"emulated store: mov, 32 bits", ptwr_mov32},
    {"emulated store: xchg, cmpxchg", ptwr_exchange},
    {"emulated store: and, or, btr, bts", ptwr_bits},
    {"emulated store: refused", ptwr_refused},
    {"emulated store: upper levels", ptwr_upper_levels},
    {"pin given up half-way", given_up_pin},
    {"chain of pins given up", given_up_chain},
    {"emulated store: counts", ptwr_counts},
    {"many full tables", many_tables},
};

void kit_main(void)
{
    ipi = (unsigned int)event_bind_ipi(0);
    event_bind(ipi, give_up);
    tests_run(tests, ARRAY_SIZE(tests));
}
