/* SPDX-License-Identifier: MIT */
/*
 * Initial page tables. An entry names its target by machine frame; page-table
 * pages are mapped read-only, everything else read-write.
 */
#include "libs/image/pv_layout.h"

#define PTE_P  0x001ull
#define PTE_RW 0x002ull
#define PTE_US 0x004ull
#define PTE_A  0x020ull
#define PTE_D  0x040ull

#define PTE_LEAF  (PTE_P | PTE_RW | PTE_A)
#define PTE_TABLE (PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D)

#define ENTRIES 512ull

/* An L4, and tables of the levels 3, 2, 1 in this order, from pfn on. */
struct table_set {
    const struct pv_tables *t;
    const uint64_t *p2m;
    uint64_t *l4;
    uint64_t *l3; /* the first table of level 3; the others follow */
    uint64_t pfn; /* of that */
};

static uint64_t pte_make(uint64_t mfn, uint64_t flags)
{
    return mfn * PV_PAGE_SIZE | flags;
}

/* Index, within the set, of the first table of level n. */
static uint64_t level_first(const struct pv_tables *t, unsigned int n)
{
    return n == 3 ? 0 : n == 2 ? t->nr[3] : t->nr[3] + t->nr[2];
}

/* Link every table of level n into its parent. */
static void link_level(const struct table_set *s, unsigned int n)
{
    unsigned int span = 12 + 9 * n;
    uint64_t first_child = s->t->va >> span;
    uint64_t first_parent = first_child >> 9;

    for (uint64_t i = 0; i < s->t->nr[n]; i++) {
        uint64_t child = first_child + i;
        uint64_t pfn = s->pfn + level_first(s->t, n) + i;
        uint64_t *parent = s->l4;

        if (n < 3)
            parent = s->l3 + ENTRIES * (level_first(s->t, n + 1) +
                                        (child >> 9) - first_parent);
        parent[child % ENTRIES] = pte_make(s->p2m[pfn], PTE_TABLE);
    }
}

/* Map the set's range to pfns from first on; those in ro only for reading. */
static void fill_leaves(const struct table_set *s, uint64_t first,
                        const struct pv_region *ro)
{
    uint64_t *l1 = s->l3 + ENTRIES * level_first(s->t, 1);
    uint64_t offset = s->t->va / PV_PAGE_SIZE % ENTRIES;

    for (uint64_t i = 0; i < s->t->nr_pages; i++) {
        uint64_t pfn = first + i;
        uint64_t flags = PTE_LEAF;

        if (pfn >= ro->pfn && pfn - ro->pfn < ro->nr_pages)
            flags &= ~PTE_RW;
        l1[offset + i] = pte_make(s->p2m[pfn], flags);
    }
}

void pv_layout_tables(const struct pv_layout *l, const uint64_t *p2m,
                      uint64_t *out, uint64_t *p2m_out)
{
    const struct table_set main_set = {&l->map, p2m, out, out + ENTRIES,
                                       l->tables.pfn + 1};
    const struct table_set p2m_set = {&l->p2m_map, p2m, out, p2m_out,
                                      l->p2m_tables.pfn};

    memset(out, 0, l->tables.nr_pages * PV_PAGE_SIZE);
    for (unsigned int n = 3; n >= 1; n--)
        link_level(&main_set, n);
    fill_leaves(&main_set, 0, &l->tables);
    if (!l->p2m_map.nr_pages)
        return;
    memset(p2m_out, 0, l->p2m_tables.nr_pages * PV_PAGE_SIZE);
    for (unsigned int n = 3; n >= 1; n--)
        link_level(&p2m_set, n);
    fill_leaves(&p2m_set, l->p2m.pfn, &l->p2m_tables);
}
