/* SPDX-License-Identifier: MIT */
/*
 * Grants: batches, and operations on whole tables of the greatest size that is
 * given by default.
 */
#include "late.h"

#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <public/grant_table.h>
#include <public/memory.h>

#define NR_FRAMES 64U
#define BATCH     512U
#define COPIES    256U
#define MOVES     128U
#define FIRST_REF 8U
#define NR_MAPPED 3U /* frames of the table that we write */

static uint64_t frames[NR_FRAMES], *l1, moved[MOVES];
static struct grant_entry_v1 *table[NR_MAPPED];
static void *page;
static unsigned int other;

static struct grant_entry_v1 *entry(unsigned int ref)
{
    return &table[ref / 512][ref % 512];
}

static void get_frames(unsigned int domid)
{
    struct gnttab_setup_table op = {.dom = (domid_t)domid,
                                    .nr_frames = NR_FRAMES};

    HANDLE_SET(op.frame_list, frames);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_setup_table, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
}

void grant_prepare(void)
{
    get_frames(DOMID_SELF);
    page = page_alloc();
    l1 = page_alloc();
    page_set_ro(l1);
    EXPECT_EQ(pin_table(1, virt_to_mfn(l1)), 0);
    for (unsigned int i = 0; i < NR_MAPPED && !test_failed(); i++) {
        EXPECT_EQ(map_page(window(8 + i), pte_make(frames[i], KERNEL_RW)), 0);
        table[i] = window(8 + i);
    }
}

static void grant_all(void)
{
    for (unsigned int i = 0; i < 2 * BATCH; i++)
        *entry(FIRST_REF + i) =
            (struct grant_entry_v1){.flags = GTF_permit_access,
                                    .domid = 0,
                                    .frame = (uint32_t)virt_to_mfn(page)};
}

static void revoke_all(void)
{
    for (unsigned int i = 0; i < 2 * BATCH; i++)
        entry(FIRST_REF + i)->flags = 0;
}

/* ---- map and unmap ---- */

static struct gnttab_map_grant_ref maps[BATCH];
static struct gnttab_unmap_grant_ref unmaps[BATCH];

static void list_maps(void)
{
    grant_all();
    memset(maps, 0, sizeof(maps));
    for (unsigned int i = 0; i < BATCH; i++) {
        maps[i].host_addr = virt_to_maddr(&l1[i]);
        maps[i].flags = GNTMAP_host_map | GNTMAP_contains_pte;
        maps[i].ref = FIRST_REF + i;
    }
}

static void map(void)
{
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, maps, BATCH), 0);
    EXPECT_EQ(maps[BATCH - 1].status, GNTST_okay);
}

static void unmap(void)
{
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_unmap_grant_ref, unmaps, BATCH), 0);
    EXPECT_EQ(unmaps[BATCH - 1].status, GNTST_okay);
}

static void list_unmaps(void)
{
    memset(unmaps, 0, sizeof(unmaps));
    for (unsigned int i = 0; i < BATCH; i++) {
        unmaps[i].host_addr = maps[i].host_addr;
        unmaps[i].handle = maps[i].handle;
    }
}

static void have_mapped(void)
{
    list_maps();
    map();
    list_unmaps();
}

static void drop_mapped(void)
{
    list_unmaps();
    unmap();
    revoke_all();
}

/* ---- copy, transfer, swap ---- */

static struct gnttab_copy copies[COPIES];
static struct gnttab_transfer transfers[MOVES];
static struct gnttab_swap_grant_ref swaps[BATCH];

static void list_copies(void)
{
    grant_all();
    memset(copies, 0, sizeof(copies));
    for (unsigned int i = 0; i < COPIES; i++) {
        copies[i].source.u.ref = FIRST_REF + i;
        copies[i].dest.u.ref = FIRST_REF + BATCH + i;
        copies[i].len = PAGE_SIZE;
        copies[i].flags = GNTCOPY_source_gref | GNTCOPY_dest_gref;
    }
}

static void copy(void)
{
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_copy, copies, COPIES), 0);
    EXPECT_EQ(copies[COPIES - 1].status, GNTST_okay);
}

static void list_transfers(void)
{
    for (unsigned int i = 0; i < MOVES; i++)
        moved[i] = 0x40000 + i;
    EXPECT_EQ(reservation(XENMEM_populate_physmap, DOMID_SELF, moved, MOVES, 0),
              MOVES);
    memset(transfers, 0, sizeof(transfers));
    for (unsigned int i = 0; i < MOVES; i++) {
        *entry(FIRST_REF + i) =
            (struct grant_entry_v1){.flags = GTF_accept_transfer};
        transfers[i].mfn = moved[i];
        transfers[i].domid = 0;
        transfers[i].ref = FIRST_REF + i;
    }
}

static void transfer(void)
{
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_transfer, transfers, MOVES), 0);
    EXPECT_EQ(transfers[MOVES - 1].status, GNTST_okay);
}

static void free_transferred(void)
{
    for (unsigned int i = 0; i < MOVES; i++)
        moved[i] = entry(FIRST_REF + i)->frame;
    EXPECT_EQ(
        reservation(XENMEM_decrease_reservation, DOMID_SELF, moved, MOVES, 0),
        MOVES);
    revoke_all();
}

static void list_swaps(void)
{
    grant_all();
    for (unsigned int i = 0; i < BATCH; i++)
        swaps[i] = (struct gnttab_swap_grant_ref){
            .ref_a = FIRST_REF + i, .ref_b = FIRST_REF + 2 * BATCH - 1 - i};
}

static void swap(void)
{
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_swap_grant_ref, swaps, BATCH), 0);
    EXPECT_EQ(swaps[BATCH - 1].status, GNTST_okay);
}

/* ---- whole tables ---- */

static void set_version(uint32_t version)
{
    struct gnttab_set_version op = {.version = version};

    EXPECT_EQ(hc_grant_table_op(GNTTABOP_set_version, &op, 1), 0);
    EXPECT_EQ(op.version, version);
}

static void version_1(void)
{
    set_version(1);
}

static void version_2(void)
{
    set_version(2);
}

static void status_frames(void)
{
    struct gnttab_get_status_frames op = {.dom = DOMID_SELF,
                                          .nr_frames = NR_FRAMES / 8};

    HANDLE_SET(op.frame_list, frames);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_get_status_frames, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
}

static void setup_own(void)
{
    get_frames(DOMID_SELF);
}

static void new_domain(void)
{
    other = other_create(1, 63);
}

static void setup_other(void)
{
    get_frames(other);
}

static void end_domain(void)
{
    other_destroy(other);
}

const struct late_case grant_cases[] = {
    {.name = "grant map",
     .work = "512",
     .prepare = list_maps,
     .run = map,
     .undo = drop_mapped},
    {.name = "grant unmap",
     .work = "512",
     .prepare = have_mapped,
     .run = unmap,
     .undo = revoke_all},
    {.name = "grant copy",
     .work = "256 pages",
     .prepare = list_copies,
     .run = copy,
     .undo = revoke_all},
    {.name = "grant transfer",
     .work = "128",
     .prepare = list_transfers,
     .run = transfer,
     .undo = free_transferred},
    {.name = "grant swap",
     .work = "512",
     .prepare = list_swaps,
     .run = swap,
     .undo = revoke_all},
    {.name = "setup_table, first time",
     .work = "64 frames",
     .prepare = new_domain,
     .run = setup_other,
     .undo = end_domain},
    {.name = "setup_table again", .work = "64 frames", .run = setup_own},
    {.name = "set_version 1 to 2",
     .work = "64 frames",
     .run = version_2,
     .undo = version_1,
     .bound_ns = 300000},
    {.name = "set_version 2 to 1",
     .work = "64 frames",
     .prepare = version_2,
     .run = version_1,
     .bound_ns = 300000},
    {.name = "get_status_frames",
     .work = "8 frames",
     .prepare = version_2,
     .run = status_frames,
     .undo = version_1},
};
const unsigned int nr_grant_cases = ARRAY_SIZE(grant_cases);
