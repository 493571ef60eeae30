/* SPDX-License-Identifier: MIT */
/*
 * Grant table set-up. The frames belong to the hypervisor; the domain maps
 * them at a run of its windows.
 */
#include <kit/grant.h>

#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>

#define FIRST_WINDOW 8
#define MAX_FRAMES   (NR_WINDOWS - FIRST_WINDOW)

volatile struct grant_entry_v1 *grant_table;

long grant_init(unsigned int nr_frames)
{
    uint64_t frames[MAX_FRAMES];
    struct gnttab_setup_table op;
    long rc;

    if (nr_frames > MAX_FRAMES)
        nr_frames = MAX_FRAMES;
    memset(&op, 0, sizeof(op));
    op.dom = DOMID_SELF;
    op.nr_frames = nr_frames;
    HANDLE_SET(op.frame_list, frames);
    rc = hc_grant_table_op(GNTTABOP_setup_table, &op, 1);
    if (rc || op.status != GNTST_okay)
        return rc ? rc : op.status;
    for (unsigned int i = 0; i < nr_frames; i++) {
        rc = map_page(window(FIRST_WINDOW + i), pte_make(frames[i], KERNEL_RW));
        if (rc)
            return rc;
    }
    grant_table = window(FIRST_WINDOW);
    return 0;
}

/* The frame must be there before the type makes the entry valid. */
void grant_access(unsigned int ref, unsigned int domid, uint64_t mfn,
                  bool readonly)
{
    grant_table[ref].frame = (uint32_t)mfn;
    grant_table[ref].domid = (domid_t)domid;
    barrier();
    grant_table[ref].flags =
        (uint16_t)(GTF_permit_access | (readonly ? GTF_readonly : 0));
}

bool grant_end(unsigned int ref)
{
    uint16_t flags = grant_table[ref].flags;

    do {
        if (flags & (GTF_reading | GTF_writing))
            return false;
    } while (!__atomic_compare_exchange_n((uint16_t *)&grant_table[ref].flags,
                                          &flags, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    return true;
}
