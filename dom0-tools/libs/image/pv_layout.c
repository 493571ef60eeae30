/* SPDX-License-Identifier: MIT */
/*
 * Planning of a PV guest's initial memory. The order and the padding are what
 * PV kernels rely on: mapped end on 4 MiB, at least 512 KiB behind the stack.
 */
#include "libs/image/pv_layout.h"

#include <errno.h>

#include <public/xen.h>

#include <public/elfnote.h>

#define MAPPED_ALIGN_PAGES 1024ull
#define MIN_SLACK_PAGES    128ull
#define L4_SHIFT           39

/* Address bits below the index into a table of level n: one entry's span. */
static const unsigned int table_span_shift[4] = {0, 21, 30, 39};

static uint64_t pages_of(uint64_t len)
{
    return (len + PV_PAGE_SIZE - 1) / PV_PAGE_SIZE;
}

static uint64_t tables_total(const struct pv_tables *t)
{
    return t->nr[1] + t->nr[2] + t->nr[3];
}

static void tables_count(struct pv_tables *t, uint64_t va, uint64_t nr_pages)
{
    uint64_t last = va + nr_pages * PV_PAGE_SIZE - 1;

    t->va = va;
    t->nr_pages = nr_pages;
    for (unsigned int n = 1; n <= 3; n++)
        t->nr[n] =
            (last >> table_span_shift[n]) - (va >> table_span_shift[n]) + 1;
}

/* Give r the next nr pages of the initial region. */
static void region_mapped(struct pv_layout *l, struct pv_region *r,
                          uint64_t *next, uint64_t nr)
{
    r->pfn = *next;
    r->nr_pages = nr;
    r->va = l->virt_base + *next * PV_PAGE_SIZE;
    *next += nr;
}

static void region_unmapped(struct pv_region *r, uint64_t *next, uint64_t nr,
                            uint64_t va)
{
    r->pfn = *next;
    r->nr_pages = nr;
    r->va = va;
    *next += nr;
}

/*
 * The tables lie in the region they map, so their number and the region's end
 * depend on each other: grow until both agree. It ends, for each round maps
 * more and a page of tables maps 2 MiB. False: it would pass the last address.
 */
static bool plan_tables(struct pv_layout *l, uint64_t *next)
{
    uint64_t nr_tables = 0, need, end;

    for (;;) {
        end = *next + nr_tables + 1 + MIN_SLACK_PAGES;
        end = (end + MAPPED_ALIGN_PAGES - 1) & ~(MAPPED_ALIGN_PAGES - 1);
        if (l->virt_base + end * PV_PAGE_SIZE - 1 < l->virt_base)
            return false;
        tables_count(&l->map, l->virt_base, end);
        need = 1 + tables_total(&l->map);
        if (need == nr_tables)
            break;
        nr_tables = need;
    }
    region_mapped(l, &l->tables, next, nr_tables);
    region_mapped(l, &l->stack, next, 1);
    l->mapped_pages = end;
    return true;
}

static void plan_p2m_elsewhere(struct pv_layout *l, uint64_t va, uint64_t nr,
                               uint64_t *next)
{
    tables_count(&l->p2m_map, va, nr);
    region_unmapped(&l->p2m, next, nr, va);
    region_unmapped(&l->p2m_tables, next, tables_total(&l->p2m_map), 0);
}

static int plan_check(const struct kernel *k, const struct pv_layout *l,
                      struct errmsg *err)
{
    uint64_t va = l->p2m_map.va;
    uint64_t last = va + l->p2m_map.nr_pages * PV_PAGE_SIZE - 1;
    uint64_t main_last = l->virt_base + l->mapped_pages * PV_PAGE_SIZE - 1;

    if (l->p2m_map.nr_pages &&
        (last < va || (va >> 47 != 0 && va < 0xffff880000000000ull) ||
         (last >> L4_SHIFT >= l->virt_base >> L4_SHIFT &&
          va >> L4_SHIFT <= main_last >> L4_SHIFT)))
        return err_set(err, -EINVAL,
                       "INIT_P2M note asks for the address %#llx "
                       "which is not free",
                       (unsigned long long)k->notes.init_p2m);
    if (l->used_pages > l->nr_pages) {
        err_set(err, -ENOMEM,
                "kernel and ramdisk need %llu MiB, the guest has "
                "%llu MiB",
                (unsigned long long)(l->used_pages >> 8) + 1,
                (unsigned long long)(l->nr_pages >> 8));
        err_hint(err, "raise memory= in the configuration");
        return -ENOMEM;
    }
    return 0;
}

int pv_layout_plan(const struct kernel *k, uint64_t nr_pages,
                   uint64_t initrd_len, struct pv_layout *l, struct errmsg *err)
{
    const struct pv_notes *n = &k->notes;
    bool p2m_elsewhere = pv_note_has(n, XEN_ELFNOTE_INIT_P2M);
    uint64_t p2m_pages = pages_of(nr_pages * sizeof(uint64_t));
    uint64_t next = (k->elf.pstart - n->paddr_offset) / PV_PAGE_SIZE;

    if (nr_pages >> 28 || initrd_len / PV_PAGE_SIZE > nr_pages)
        return err_set(err, -ENOMEM,
                       "memory of %llu MiB for a ramdisk of "
                       "%llu MiB is out of range",
                       (unsigned long long)(nr_pages >> 8),
                       (unsigned long long)(initrd_len >> 20));
    memset(l, 0, sizeof(*l));
    l->virt_base = n->virt_base;
    l->nr_pages = nr_pages;
    l->initrd_len = initrd_len;
    l->initrd_by_pfn = n->mod_start_pfn != 0;
    region_mapped(l, &l->kernel, &next,
                  pages_of(k->elf.pend - n->paddr_offset) - next);
    if (!l->initrd_by_pfn && initrd_len)
        region_mapped(l, &l->initrd, &next, pages_of(initrd_len));
    if (!p2m_elsewhere)
        region_mapped(l, &l->p2m, &next, p2m_pages);
    region_mapped(l, &l->start_info, &next, 1);
    region_mapped(l, &l->xenstore, &next, 1);
    region_mapped(l, &l->console, &next, 1);
    if (!plan_tables(l, &next))
        return err_set(err, -EINVAL,
                       "initial memory does not fit above the kernel's base "
                       "%#llx",
                       (unsigned long long)l->virt_base);
    next = l->mapped_pages;
    if (p2m_elsewhere)
        plan_p2m_elsewhere(l, n->init_p2m, p2m_pages, &next);
    if (l->initrd_by_pfn && initrd_len)
        region_unmapped(&l->initrd, &next, pages_of(initrd_len), 0);
    l->used_pages = next;
    return plan_check(k, l, err);
}
