/* SPDX-License-Identifier: MIT */
/*
 * Operations that change page types and references of the pages: maps, pins,
 * tables, stores that are emulated, descriptors, grants, the balloon.
 */
#include "fuzz.h"

#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/test.h>

#define NR_SLOTS   8U /* of the kernel L4, from FIRST_SLOT */
#define FIRST_SLOT 40U

static long op_map_window(struct fuzzer *f)
{
    static const uint64_t flags[] = {UVMF_NONE, UVMF_INVLPG | UVMF_ALL,
                                     UVMF_TLB_FLUSH | UVMF_LOCAL};

    return hc_update_va_mapping(addr(window(below(f, 6))), any_entry(f),
                                flags[below(f, ARRAY_SIZE(flags))]);
}

static long op_protect(struct fuzzer *f)
{
    const char *page = any_page(f);

    return below(f, 2) ? page_set_ro(page) : page_set_rw(page);
}

static long op_pin(struct fuzzer *f)
{
    if (below(f, 3))
        return pin_table(1 + below(f, 4), any_mfn(f));
    return unpin_table(any_mfn(f));
}

static long op_update(struct fuzzer *f)
{
    struct mmu_update u[4];
    unsigned int n = 1 + below(f, 4);

    for (unsigned int i = 0; i < n; i++) {
        u[i].ptr = (any_mfn(f) << PAGE_SHIFT) | (below(f, 512) * 8);
        u[i].ptr |= below(f, 8) ? 0 : MMU_PT_UPDATE_PRESERVE_AD;
        u[i].val = any_entry(f);
        /* The builder's tables hold what this kernel stands on. */
        if (u[i].ptr >> PAGE_SHIFT == virt_to_mfn((void *)start_info->pt_base))
            u[i].ptr = virt_to_maddr(any_page(f));
    }
    return hc_mmu_update(u, n, NULL, DOMID_SELF);
}

/* A store that may be emulated, be ordinary, or fault. */
static long op_store(struct fuzzer *f)
{
    uint64_t *where = (uint64_t *)any_page(f) + below(f, 512);

    trap_last()->count = 0;
    asm volatile("1: mov %1, (%0)\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(where), "r"(any_entry(f))
                 : "memory");
    return (long)trap_last()->count;
}

static long op_exchange_entry(struct fuzzer *f)
{
    uint64_t *where = (uint64_t *)any_page(f) + below(f, 512);
    uint64_t v = any_entry(f);

    trap_last()->count = 0;
    asm volatile("1: xchg %0, (%1)\n2:\n" EXTABLE("1b", "2b")
                 : "+r"(v)
                 : "r"(where)
                 : "memory");
    return (long)trap_last()->count;
}

static long op_link_root(struct fuzzer *f)
{
    uint64_t *root = (uint64_t *)start_info->pt_base;
    unsigned int slot = FIRST_SLOT + below(f, NR_SLOTS);
    uint64_t entry = below(f, 3) ? any_entry(f) : 0;

    return pte_set(virt_to_maddr(&root[slot]), entry);
}

static long op_user_root(struct fuzzer *f)
{
    return mmuext_mfn(MMUEXT_NEW_USER_BASEPTR, below(f, 2) ? any_mfn(f) : 0);
}

static long op_gdt(struct fuzzer *f)
{
    uint64_t frames[2] = {any_mfn(f), any_mfn(f)};

    return hc_set_gdt(frames, below(f, 3) * 512);
}

static long op_descriptor(struct fuzzer *f)
{
    return hc_update_descriptor(virt_to_maddr(any_page(f)) + below(f, 512) * 8,
                                below(f, 2) ? 0x00cff2000000ffffUL : next(f));
}

/* As good as a page can be made: unpinned, of no type, zero, read-only. */
static char *fresh_page(struct fuzzer *f)
{
    char *page = any_page(f);

    unpin_table(virt_to_mfn(page));
    page_set_rw(page);
    mmuext_mfn(MMUEXT_CLEAR_PAGE, virt_to_mfn(page));
    return page;
}

static long op_make_table(struct fuzzer *f)
{
    const char *page = fresh_page(f);

    page_set_ro(page);
    return pin_table(1 + below(f, 4), virt_to_mfn(page));
}

static long op_ldt(struct fuzzer *f)
{
    char *page = fresh_page(f);
    unsigned int entry = below(f, 512);
    struct mmuext_op op;

    pte_set(virt_to_maddr(page) + entry * 8, 0x00cff2000000ffffUL);
    page_set_ro(page);
    memset(&op, 0, sizeof(op));
    op.cmd = MMUEXT_SET_LDT;
    op.arg1.linear_addr = addr(page);
    op.arg2.nr_ents = below(f, 8) ? 512 : 0;
    hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
    trap_last()->count = 0;
    asm volatile("1: mov %w0, %%es\n2: mov %w1, %%es\n3:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(entry * 8 | 7), "r"(0));
    return (long)trap_last()->count;
}

static long op_page(struct fuzzer *f)
{
    struct mmuext_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = below(f, 2) ? MMUEXT_CLEAR_PAGE : MMUEXT_COPY_PAGE;
    op.arg1.mfn = virt_to_mfn(any_page(f));
    op.arg2.src_mfn = any_mfn(f);
    return hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

static long op_flush(struct fuzzer *f)
{
    return mmuext_mfn(
        below(f, 2) ? MMUEXT_TLB_FLUSH_ALL : MMUEXT_TLB_FLUSH_LOCAL, 0);
}

volatile bool grants_v2;

/* Another vcpu may change the version meanwhile: then it is garbage. */
void grant_write(unsigned int ref, unsigned int flags, uint64_t frame)
{
    volatile union grant_entry_v2 *v2 = (void *)grant_table;

    if (!grants_v2) {
        grant_table[ref].frame = (uint32_t)frame;
        grant_table[ref].domid = (domid_t)self;
        barrier();
        grant_table[ref].flags = (uint16_t)flags;
    } else {
        v2[ref].full_page.frame = frame;
        v2[ref].hdr.domid = (domid_t)self;
        barrier();
        v2[ref].hdr.flags = (uint16_t)flags;
    }
}

static long op_grant(struct fuzzer *f)
{
    unsigned int ref = GRANT_FIRST + below(f, NR_REFS);

    if (!grant_table)
        return NOT_TRIED;
    if (below(f, 3) == 0) {
        if (!grants_v2)
            return grant_end(ref) ? 0 : -1;
        grant_write(ref, 0, 0);
        return 0;
    }
    grant_write(ref, GTF_permit_access | (below(f, 2) ? GTF_readonly : 0),
                any_mfn(f));
    return 0;
}

static long op_grant_map(struct fuzzer *f)
{
    struct gnttab_map_grant_ref op;

    if (!grant_table || f->nr_handles == ARRAY_SIZE(f->handles))
        return NOT_TRIED;
    memset(&op, 0, sizeof(op));
    op.host_addr = addr(window(below(f, 6)));
    op.flags = GNTMAP_host_map | (below(f, 2) ? GNTMAP_readonly : 0);
    op.ref = GRANT_FIRST + below(f, NR_REFS);
    op.dom = (domid_t)self;
    hc_grant_table_op(GNTTABOP_map_grant_ref, &op, 1);
    if (op.status == GNTST_okay)
        f->handles[f->nr_handles++] = op.handle;
    return op.status;
}

static bool unmap_somewhere(uint32_t handle)
{
    for (unsigned int i = 0; i < 6; i++) {
        struct gnttab_unmap_grant_ref op;

        memset(&op, 0, sizeof(op));
        op.host_addr = addr(window(i));
        op.handle = handle;
        hc_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1);
        if (op.status == GNTST_okay)
            return true;
    }
    return false;
}

static long op_grant_unmap(struct fuzzer *f)
{
    unsigned int i;

    if (!f->nr_handles)
        return NOT_TRIED;
    i = below(f, f->nr_handles);
    if (!unmap_somewhere(f->handles[i]))
        return -1;
    f->handles[i] = f->handles[--f->nr_handles];
    return 0;
}

static long op_grant_copy(struct fuzzer *f)
{
    struct gnttab_copy op;

    memset(&op, 0, sizeof(op));
    op.source.domid = (domid_t)self;
    op.source.u.ref = GRANT_FIRST + below(f, NR_REFS);
    op.flags = GNTCOPY_source_gref;
    op.dest.domid = DOMID_SELF;
    op.dest.u.gmfn = any_mfn(f);
    if (op.dest.u.gmfn == virt_to_mfn((void *)start_info->pt_base))
        return NOT_TRIED;
    op.len = (uint16_t)below(f, 4097);
    hc_grant_table_op(GNTTABOP_copy, &op, 1);
    return op.status;
}

/* Give a frame back, in whatever use it is, and take another for its pfn. */
static long op_balloon(struct fuzzer *f)
{
    char *page = any_page(f);
    uint64_t frame = virt_to_mfn(page);
    struct xen_memory_reservation r;

    if (below(f, 2))
        map_page(page, 0);
    memset(&r, 0, sizeof(r));
    HANDLE_SET(r.extent_start, &frame);
    r.nr_extents = 1;
    r.domid = DOMID_SELF;
    if (hc_memory_op(XENMEM_decrease_reservation, &r) != 1)
        return -1;
    frame = virt_to_pfn(page);
    if (hc_memory_op(XENMEM_populate_physmap, &r) != 1)
        return -1;
    p2m[virt_to_pfn(page)] = frame;
    return page_set_rw(page);
}

const struct op page_ops[] = {
    {"map", op_map_window, 2, 1},
    {"protect", op_protect, 2, 1},
    {"pin", op_pin, 2, 1},
    {"make table", op_make_table, 2, 1},
    {"update", op_update, 4, 1},
    {"store", op_store, 3, 0},
    {"xchg", op_exchange_entry, 1, 0},
    {"root", op_link_root, 1, 1},
    {"user root", op_user_root, 1, 1},
    {"gdt", op_gdt, 1, 1},
    {"descriptor", op_descriptor, 1, 1},
    {"ldt", op_ldt, 1, 1},
    {"page", op_page, 1, 1},
    {"flush", op_flush, 1, 1},
    {"grant", op_grant, 2, 0},
    {"grant map", op_grant_map, 1, 1},
    {"grant unmap", op_grant_unmap, 1, 1},
    {"grant copy", op_grant_copy, 1, 1},
    {"balloon", op_balloon, 1, 1},
};
const unsigned int nr_page_ops = ARRAY_SIZE(page_ops);

/* --- the end: everything is let go --- */

void let_go(struct fuzzer *f)
{
    hc_set_gdt(NULL, 0);
    mmuext_mfn(MMUEXT_NEW_USER_BASEPTR, 0);
    f->nr_handles = 0;
    {
        struct mmuext_op op;

        memset(&op, 0, sizeof(op));
        op.cmd = MMUEXT_SET_LDT;
        hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
    }
}

void unmap_grants(void)
{
    for (unsigned int c = 0; c < KIT_MAX_CPUS; c++) {
        for (unsigned int i = 0; i < fuzzers[c].nr_handles; i++)
            unmap_somewhere(fuzzers[c].handles[i]);
    }
    /* A mapping whose PTE was overwritten ends with its handle, whatever the
     * status says of the PTE. */
}

void release_all(void)
{
    uint64_t *root = (uint64_t *)start_info->pt_base;

    for (unsigned int i = 0; i < NR_SLOTS; i++)
        EXPECT_EQ(pte_set(virt_to_maddr(&root[FIRST_SLOT + i]), 0), 0);
    for (unsigned int i = 0; i < 6; i++)
        EXPECT_EQ(map_page(window(i), 0), 0);
    for (unsigned int i = 0; i < NR_PAGES; i++)
        unpin_table(virt_to_mfn(pages[i]));
}
