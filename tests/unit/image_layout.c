/* SPDX-License-Identifier: MIT */
/*
 * The initial memory of a PV guest: what kernels rely on, and what the
 * hypervisor will refuse to pin. The page tables are read back by a walker that
 * knows only the machine's format, for many sizes of kernel, ramdisk, memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <public/xen.h>

#include <public/elfnote.h>

#include "libs/image/pv_layout.h"

#define VIRT_BASE 0xffffffff80000000ull
#define INIT_P2M  0x8000000000ull
#define PAGE      4096ull
#define MFN_BASE  0x12345ull /* machine frames are neither pfns nor in order */

struct guest {
    struct kernel k;
    struct pv_layout l;
    struct errmsg err;
    uint64_t *p2m, *tables, *p2m_tables;
};

static uint64_t mfn_of(uint64_t pfn)
{
    return MFN_BASE + (pfn ^ 0x155);
}

static uint64_t pfn_of(uint64_t mfn)
{
    return (mfn - MFN_BASE) ^ 0x155;
}

static void kernel_make(struct kernel *k, uint64_t paddr, uint64_t len,
                        bool modern)
{
    memset(k, 0, sizeof(*k));
    k->elf.pstart = paddr;
    k->elf.pend = paddr + len;
    k->notes.virt_base = VIRT_BASE;
    if (modern) {
        k->notes.present = 1u << XEN_ELFNOTE_INIT_P2M;
        k->notes.init_p2m = INIT_P2M;
        k->notes.mod_start_pfn = 1;
    }
}

static int plan(struct guest *g, uint64_t pages, uint64_t initrd)
{
    g->err.text[0] = '\0';
    return pv_layout_plan(&g->k, pages, initrd, &g->l, &g->err);
}

static void build(struct guest *g)
{
    const struct pv_layout *l = &g->l;

    g->p2m = malloc(l->nr_pages * sizeof(*g->p2m));
    g->tables = malloc(l->tables.nr_pages * PAGE);
    g->p2m_tables = malloc(l->p2m_tables.nr_pages * PAGE + 1);
    assert_non_null(g->p2m);
    assert_non_null(g->tables);
    assert_non_null(g->p2m_tables);
    for (uint64_t pfn = 0; pfn < l->nr_pages; pfn++)
        g->p2m[pfn] = mfn_of(pfn);
    pv_layout_tables(l, g->p2m, g->tables, g->p2m_tables);
}

static void drop(struct guest *g)
{
    free(g->p2m);
    free(g->tables);
    free(g->p2m_tables);
}

static bool region_has(const struct pv_region *r, uint64_t pfn)
{
    return pfn >= r->pfn && pfn - r->pfn < r->nr_pages;
}

/* The table page that a machine frame holds, as it was generated. */
static const uint64_t *table_at(const struct guest *g, uint64_t mfn)
{
    uint64_t pfn = pfn_of(mfn);

    if (region_has(&g->l.tables, pfn))
        return g->tables + 512 * (pfn - g->l.tables.pfn);
    assert_true(region_has(&g->l.p2m_tables, pfn));
    return g->p2m_tables + 512 * (pfn - g->l.p2m_tables.pfn);
}

/* Entry that maps va, 0 if none; upper levels must be open for the user. */
static uint64_t walk(const struct guest *g, uint64_t va)
{
    const uint64_t *table = g->tables;

    for (unsigned int shift = 39; shift > 12; shift -= 9) {
        uint64_t e = table[va >> shift & 511];

        if (!(e & 1))
            return 0;
        assert_int_equal(e & 0xfff, 0x67);
        table = table_at(g, (e & ~0xfffull) / PAGE);
    }
    return table[va >> 12 & 511];
}

static uint64_t count_leaves(const struct guest *g)
{
    uint64_t leaves = 0;

    for (unsigned int i4 = 0; i4 < 512; i4++) {
        if (!(g->tables[i4] & 1))
            continue;
        for (unsigned int i3 = 0; i3 < 512; i3++)
            for (unsigned int i2 = 0; i2 < 512; i2++) {
                const uint64_t *l3 = table_at(g, g->tables[i4] / PAGE);
                const uint64_t *l2, *l1;

                if (!(l3[i3] & 1))
                    break;
                l2 = table_at(g, l3[i3] / PAGE);
                if (!(l2[i2] & 1))
                    continue;
                l1 = table_at(g, l2[i2] / PAGE);
                for (unsigned int i1 = 0; i1 < 512; i1++)
                    leaves += l1[i1] & 1;
            }
    }
    return leaves;
}

static bool is_table(const struct guest *g, uint64_t pfn)
{
    return region_has(&g->l.tables, pfn) || region_has(&g->l.p2m_tables, pfn);
}

static void check_mapping(const struct guest *g, uint64_t va, uint64_t pfn)
{
    uint64_t e = walk(g, va);

    assert_int_equal(e & 1, 1);
    assert_int_equal(e / PAGE, mfn_of(pfn));
    /* The rule the hypervisor enforces: no table is writable anywhere. */
    assert_int_equal(e >> 1 & 1, !is_table(g, pfn));
    assert_int_equal(e & 0xffd, 0x21);
}

static void check_tables(const struct guest *g)
{
    const struct pv_layout *l = &g->l;

    for (uint64_t pfn = 0; pfn < l->mapped_pages; pfn++)
        check_mapping(g, l->virt_base + pfn * PAGE, pfn);
    assert_int_equal(walk(g, l->virt_base + l->mapped_pages * PAGE), 0);
    for (uint64_t i = 0; i < l->p2m_map.nr_pages; i++)
        check_mapping(g, l->p2m.va + i * PAGE, l->p2m.pfn + i);
    assert_int_equal(count_leaves(g), l->mapped_pages + l->p2m_map.nr_pages);
}

static void check_region(const struct pv_layout *l, const struct pv_region *r,
                         uint64_t *next)
{
    if (!r->nr_pages)
        return;
    assert_true(r->pfn >= *next);
    if (r->va && r->pfn < l->mapped_pages)
        assert_int_equal(r->va, l->virt_base + r->pfn * PAGE);
    *next = r->pfn + r->nr_pages;
}

/* In order, without overlap, with the room that kernels count on. */
static void check_plan(const struct guest *g, uint64_t pages, uint64_t initrd)
{
    const struct pv_layout *l = &g->l;
    uint64_t next = 0;

    check_region(l, &l->kernel, &next);
    assert_true(l->kernel.pfn * PAGE <= g->k.elf.pstart);
    assert_true(next * PAGE >= g->k.elf.pend);
    if (!l->initrd_by_pfn)
        check_region(l, &l->initrd, &next);
    if (!l->p2m_map.nr_pages)
        check_region(l, &l->p2m, &next);
    check_region(l, &l->start_info, &next);
    check_region(l, &l->xenstore, &next);
    check_region(l, &l->console, &next);
    check_region(l, &l->tables, &next);
    check_region(l, &l->stack, &next);
    assert_int_equal(l->mapped_pages % 1024, 0);
    assert_true(l->mapped_pages - next >= 128);
    next = l->mapped_pages;
    if (l->p2m_map.nr_pages) {
        check_region(l, &l->p2m, &next);
        assert_int_equal(l->p2m_tables.pfn, next);
        check_region(l, &l->p2m_tables, &next);
    }
    if (l->initrd_by_pfn)
        check_region(l, &l->initrd, &next);
    assert_int_equal(next, l->used_pages);
    assert_true(l->used_pages <= pages);
    assert_int_equal(l->initrd.nr_pages, (initrd + PAGE - 1) / PAGE);
    assert_int_equal(l->p2m.nr_pages, (pages * 8 + PAGE - 1) / PAGE);
}

static void try_guest(uint64_t paddr, uint64_t len, bool modern, uint64_t pages,
                      uint64_t initrd)
{
    struct guest g;

    kernel_make(&g.k, paddr, len, modern);
    assert_int_equal(plan(&g, pages, initrd), 0);
    check_plan(&g, pages, initrd);
    build(&g);
    check_tables(&g);
    drop(&g);
}

static void test_linux(void **state)
{
    (void)state;
    try_guest(0x1000000, 0x3a00000, true, 256 << 8, 1830000);
    try_guest(0x1000000, 0x3a00000, true, 2048 << 8, 0);
}

static void test_old_style(void **state)
{
    (void)state;
    try_guest(0x100000, 0x40000, false, 32 << 8, 0);
    try_guest(0x100000, 0x40001, false, 64 << 8, 4097);
    try_guest(0, 0x5000, false, 16 << 8, 0);
}

static void test_random(void **state)
{
    (void)state;
    srandom(2);
    for (unsigned int i = 0; i < 60; i++) {
        uint64_t paddr = (uint64_t)(random() % 0x2000) * PAGE;
        uint64_t len = 1 + (uint64_t)random() % (64 << 20);
        uint64_t initrd = (uint64_t)random() % (32 << 20);
        uint64_t pages = (144 << 8) + (uint64_t)random() % (300 << 8);

        try_guest(paddr, len, i & 1, pages, i & 2 ? initrd : 0);
    }
}

static void test_too_small(void **state)
{
    struct guest g;
    uint64_t used;

    (void)state;
    kernel_make(&g.k, 0x1000000, 0x3a00000, true);
    assert_int_equal(plan(&g, 64 << 8, 0), -ENOMEM);
    assert_true(g.err.text[0] && g.err.hint[0]);
    /* The exact edge: as much as is used is enough. */
    assert_int_equal(plan(&g, 128 << 8, 5000), 0);
    used = g.l.used_pages;
    assert_int_equal(plan(&g, used, 5000), 0);
    assert_int_equal(plan(&g, g.l.used_pages - 1, 5000), -ENOMEM);
    /* Sizes that would wrap. */
    assert_int_equal(plan(&g, 1ull << 40, 0), -ENOMEM);
    assert_int_equal(plan(&g, 128 << 8, UINT64_MAX), -ENOMEM);
}

static void test_addresses(void **state)
{
    static const uint64_t taken[] = {
        VIRT_BASE,             /* the kernel's own slot */
        0xffff800000000000ull, /* the hypervisor's */
        0x0000800000000000ull, /* not canonical */
        0xfffffffffffff000ull, /* wraps */
    };
    struct guest g;

    (void)state;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        kernel_make(&g.k, 0x1000000, 0x400000, true);
        g.k.notes.init_p2m = taken[i];
        assert_int_equal(plan(&g, 64 << 8, 0), -EINVAL);
    }
    kernel_make(&g.k, 0, 0x1000, false);
    g.k.notes.virt_base = 0xffffffffffc00000ull;
    assert_int_equal(plan(&g, 64 << 8, 4 << 20), -EINVAL);
}

/* A region of several L2 and L3 tables, across their edges. */
static void test_edges(void **state)
{
    struct guest g;

    (void)state;
    kernel_make(&g.k, 0, 0x800000, false);
    g.k.notes.virt_base = 0x0000007fffc00000ull - 0x1000;
    assert_int_equal(plan(&g, 64 << 8, 0), 0);
    assert_int_equal(g.l.map.nr[3], 2);
    assert_int_equal(g.l.map.nr[2], 2);
    build(&g);
    check_tables(&g);
    drop(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linux),     cmocka_unit_test(test_old_style),
        cmocka_unit_test(test_random),    cmocka_unit_test(test_too_small),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_edges),
    };

    return cmocka_run_group_tests_name("image_layout", tests, NULL, NULL);
}
