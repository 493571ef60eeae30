/* SPDX-License-Identifier: MIT */
/*
 * Memory and grants beyond the own pages: frames of others (which must be
 * refused), exchanges, reservations, the grant operations that pages.c leaves
 * out.
 */
#include "fuzz.h"

#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/string.h>

/* --- frames of others --- */

#define ROM_FIRST 0xa0U /* screen and firmware: nobody's RAM */
#define ROM_END   0x100U

/* A writable mapping of any frame. Which RAM is ours changes all the time, so
 * the hypervisor's audit judges that; a device's is never ours. */
long op_foreign(struct fuzzer *f)
{
    static uint64_t ram_end;
    uint64_t mfn;
    long rc;

    if (!ram_end)
        ram_end = (uint64_t)hc_memory_op(XENMEM_maximum_ram_page, NULL);
    mfn = below(f, 8) ? next(f) % ram_end
                      : ROM_FIRST + below(f, ROM_END - ROM_FIRST);
    rc = hc_update_va_mapping(addr(window(below(f, 6))),
                              pte_make(mfn, KERNEL_RW), UVMF_NONE);
    if (rc == 0 && mfn >= ROM_FIRST && mfn < ROM_END)
        breach("frame mapped", mfn, 0);
    return rc;
}

/* --- reservations --- */

static void reservation(struct xen_memory_reservation *r, uint64_t *frames,
                        unsigned int nr, unsigned int order)
{
    memset(r, 0, sizeof(*r));
    HANDLE_SET(r->extent_start, frames);
    r->nr_extents = nr;
    r->extent_order = order;
    r->domid = DOMID_SELF;
}

/* Up to four pages for as many others, or for one extent of them. */
long op_exchange(struct fuzzer *f)
{
    struct xen_memory_exchange x;
    unsigned int first = below(f, NR_PAGES - 4), order = below(f, 3);
    unsigned int done = 0;
    uint64_t in[4], out[4];
    bool joined = below(f, 2);
    long rc;

    for (unsigned int i = 0; i < 1U << order; i++) {
        map_page(pages[first + i], 0);
        in[i] = virt_to_mfn(pages[first + i]);
        out[i] = virt_to_pfn(pages[first + i]);
    }
    memset(&x, 0, sizeof(x));
    reservation(&x.in, in, 1U << order, 0);
    reservation(&x.out, out, joined ? 1 : 1U << order, joined ? order : 0);
    if (below(f, 8) == 0)
        x.out.mem_flags = XENMEMF_address_bits(20 + below(f, 20));
    if (below(f, 16) == 0)
        done = below(f, 5);
    x.nr_exchanged = done; /* as if it went on after these */
    rc = hc_memory_op(XENMEM_exchange, &x);
    if (rc == 0 && x.nr_exchanged == 1U << order) {
        for (unsigned int i = done; i < 1U << order; i++)
            p2m[virt_to_pfn(pages[first + i])] = joined ? out[0] + i : out[i];
    }
    for (unsigned int i = 0; i < 1U << order; i++)
        page_set_rw(pages[first + i]);
    return rc;
}

/* More frames than the domain may have, orders and counts at the edge. */
long op_reservation(struct fuzzer *f)
{
    static const unsigned int cmds[] = {XENMEM_increase_reservation,
                                        XENMEM_populate_physmap,
                                        XENMEM_decrease_reservation};
    struct xen_memory_reservation r;
    uint64_t frames[8];
    unsigned int cmd = cmds[below(f, 3)];
    long rc;

    /* Numbers that are nobody's: what it gets, it gives back. */
    for (unsigned int i = 0; i < 8; i++)
        frames[i] = 0x100000 + below(f, 0x1000);
    reservation(&r, frames, below(f, 9), below(f, 8) ? 0 : below(f, 24));
    if (below(f, 8) == 0)
        r.nr_extents = any_word(f) | 1UL << 40;
    if (below(f, 8) == 0)
        r.mem_flags = (uint32_t)next(f);
    if (below(f, 8) == 0)
        r.domid = any_domid(f);
    rc = hc_memory_op(cmd, &r);
    if (rc <= 0 || rc > 8 || cmd == XENMEM_decrease_reservation)
        return rc < 0 ? rc : 0;
    r.nr_extents = (xen_ulong_t)rc;
    r.mem_flags = 0;
    hc_memory_op(XENMEM_decrease_reservation, &r);
    return 0;
}

long op_memory_question(struct fuzzer *f)
{
    static const unsigned int cmds[] = {
        XENMEM_maximum_ram_page,
        XENMEM_current_reservation,
        XENMEM_maximum_reservation,
        XENMEM_maximum_gpfn,
        XENMEM_machphys_mfn_list,
        XENMEM_machphys_mapping,
        XENMEM_memory_map,
        XENMEM_get_vnumainfo,
        XENMEM_add_to_physmap,
        XENMEM_acquire_resource,
        XENMEM_remove_from_physmap,
        XENMEM_claim_pages,
        XENMEM_reserved_device_memory_map,
    };
    long rc = hc_memory_op(cmds[below(f, ARRAY_SIZE(cmds))], any_argument(f));

    return rc > 0 ? 0 : rc;
}

/* --- grants --- */

long op_grant_size(struct fuzzer *f)
{
    uint64_t frames[8];
    union {
        struct gnttab_setup_table table;
        struct gnttab_query_size size;
        struct gnttab_get_status_frames status;
        struct gnttab_get_version version;
    } op;

    memset(&op, 0, sizeof(op));
    switch (below(f, 4)) {
    case 0:
        op.table.dom = any_domid(f);
        op.table.nr_frames = below(f, 16) ? below(f, 9) : (uint32_t)any_word(f);
        if (op.table.nr_frames <= 8)
            HANDLE_SET(op.table.frame_list, frames);
        hc_grant_table_op(GNTTABOP_setup_table, &op, 1);
        return op.table.status;
    case 1:
        op.status.dom = any_domid(f);
        op.status.nr_frames = below(f, 3);
        HANDLE_SET(op.status.frame_list, frames);
        hc_grant_table_op(GNTTABOP_get_status_frames, &op, 1);
        return op.status.status;
    case 2:
        op.size.dom = any_domid(f);
        hc_grant_table_op(GNTTABOP_query_size, &op, 1);
        return op.size.status;
    default:
        op.version.dom = any_domid(f);
        return hc_grant_table_op(GNTTABOP_get_version, &op, 1);
    }
}

long op_grant_version(struct fuzzer *f)
{
    struct gnttab_set_version op = {below(f, 8) ? 1 + below(f, 2)
                                                : (uint32_t)any_word(f)};

    long rc = hc_grant_table_op(GNTTABOP_set_version, &op, 1);

    if (rc == 0)
        grants_v2 = op.version == 2;
    return rc;
}

long op_grant_swap(struct fuzzer *f)
{
    struct gnttab_swap_grant_ref op[2];
    long rc;

    memset(op, 0, sizeof(op));
    for (unsigned int i = 0; i < 2; i++) {
        op[i].ref_a = GRANT_FIRST + below(f, NR_REFS);
        op[i].ref_b = below(f, 8) ? GRANT_FIRST + below(f, NR_REFS)
                                  : (grant_ref_t)next(f);
    }
    rc = hc_grant_table_op(GNTTABOP_swap_grant_ref, op, 1 + below(f, 2));
    return rc ? rc : op[0].status;
}

/* To the own table, where an entry may accept it; the frame is gone then. */
long op_grant_transfer(struct fuzzer *f)
{
    unsigned int ref = GRANT_FIRST + below(f, NR_REFS);
    char *page = any_page(f);
    uint64_t pfn = virt_to_pfn(page), frame = pfn;
    struct gnttab_transfer op;
    struct xen_memory_reservation r;

    if (below(f, 2))
        grant_write(ref, GTF_accept_transfer, pfn);
    map_page(page, 0);
    memset(&op, 0, sizeof(op));
    op.mfn = virt_to_mfn(page);
    op.domid = below(f, 2) ? (domid_t)self : any_domid(f);
    op.ref = ref;
    hc_grant_table_op(GNTTABOP_transfer, &op, 1);
    if (page_set_rw(page)) {
        reservation(&r, &frame, 1, 0);
        if (hc_memory_op(XENMEM_populate_physmap, &r) == 1)
            p2m[pfn] = frame;
        page_set_rw(page);
    }
    return op.status;
}

/* Nobody grants anything to this domain but itself. */
long op_grant_of_others(struct fuzzer *f)
{
    struct gnttab_map_grant_ref map;
    struct gnttab_copy copy;
    domid_t domid = any_domid(f);
    unsigned int ref = below(f, 16) ? below(f, 512) : (unsigned int)next(f);

    if (domid == self || domid == DOMID_SELF)
        return NOT_TRIED;
    if (below(f, 2)) {
        memset(&map, 0, sizeof(map));
        map.host_addr = addr(window(below(f, 6)));
        map.flags = GNTMAP_host_map | below(f, 64);
        map.ref = ref;
        map.dom = domid;
        hc_grant_table_op(GNTTABOP_map_grant_ref, &map, 1);
        if (map.status == GNTST_okay)
            breach("grant mapped", domid, ref);
        return map.status;
    }
    memset(&copy, 0, sizeof(copy));
    copy.source.domid = DOMID_SELF;
    copy.source.u.gmfn = virt_to_mfn(any_page(f));
    copy.dest.domid = domid;
    copy.dest.u.ref = ref;
    copy.flags = GNTCOPY_dest_gref;
    copy.len = (uint16_t)(1 + below(f, 4096));
    hc_grant_table_op(GNTTABOP_copy, &copy, 1);
    if (copy.status == GNTST_okay)
        breach("grant written", domid, ref);
    return copy.status;
}

long op_grant_replace(struct fuzzer *f)
{
    struct gnttab_unmap_and_replace op;

    if (!f->nr_handles)
        return NOT_TRIED;
    memset(&op, 0, sizeof(op));
    op.handle = f->handles[f->nr_handles - 1];
    op.host_addr = addr(window(below(f, 6)));
    op.new_addr = below(f, 4) ? addr(window(below(f, 6))) : 0;
    hc_grant_table_op(GNTTABOP_unmap_and_replace, &op, 1);
    if (op.status == GNTST_okay)
        f->nr_handles--;
    return op.status;
}
