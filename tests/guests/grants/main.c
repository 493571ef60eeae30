/* SPDX-License-Identifier: MIT */
/*
 * Grant tables: the domain grants to itself, maps, copies and unmaps.
 */
#include <kit/console.h>
#include <kit/event.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/trap.h>

#define REF (GRANT_FIRST + 1)

static unsigned int self; /* the own domid */
static char *page;
static char *where;

static struct gnttab_map_grant_ref map_op(const void *va, unsigned int ref,
                                          uint32_t flags)
{
    struct gnttab_map_grant_ref op;

    memset(&op, 0, sizeof(op));
    op.host_addr = addr(va);
    op.flags = flags;
    op.ref = ref;
    op.dom = (domid_t)self;
    op.status = 99;
    return op;
}

static int map(const void *va, unsigned int ref, uint32_t flags,
               uint32_t *handle)
{
    struct gnttab_map_grant_ref op = map_op(va, ref, flags);

    EXPECT_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &op, 1), 0);
    *handle = op.handle;
    return op.status;
}

static int unmap(const void *va, uint32_t handle)
{
    struct gnttab_unmap_grant_ref op;

    memset(&op, 0, sizeof(op));
    op.host_addr = addr(va);
    op.handle = handle;
    op.status = 99;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1), 0);
    return op.status;
}

static void query_size(void)
{
    struct gnttab_query_size op;

    memset(&op, 0, sizeof(op));
    op.dom = DOMID_SELF;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_query_size, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
    EXPECT(op.nr_frames >= 1);
    EXPECT(op.max_nr_frames >= op.nr_frames);
    op.dom = 77;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_query_size, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_bad_domain);
}

static void version(void)
{
    struct gnttab_get_version get;
    struct gnttab_set_version set = {.version = 1};

    memset(&get, 0, sizeof(get));
    get.dom = DOMID_SELF;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_set_version, &set, 1), 0);
    EXPECT_EQ(set.version, 1);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_get_version, &get, 1), 0);
    EXPECT_EQ(get.version, 1);
    set.version = 3;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_set_version, &set, 1), -XEN_EINVAL);
}

static void grow(void)
{
    struct gnttab_query_size q;

    EXPECT_EQ(grant_init(3), 0);
    memset(&q, 0, sizeof(q));
    q.dom = DOMID_SELF;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_query_size, &q, 1), 0);
    EXPECT(q.nr_frames >= 3);
    EXPECT_EQ(grant_table[512].flags, 0);
    grant_table[1024].frame = 5;
    EXPECT_EQ(grant_table[1024].frame, 5);
    grant_table[1024].frame = 0;
}

static void setup_errors(void)
{
    uint64_t frames[2];
    struct gnttab_setup_table op;

    memset(&op, 0, sizeof(op));
    op.dom = DOMID_SELF;
    op.nr_frames = 1000000;
    HANDLE_SET(op.frame_list, frames);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_setup_table, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_general_error);
    op.dom = 77;
    op.nr_frames = 1;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_setup_table, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_bad_domain);
    EXPECT_EQ(hc_grant_table_op(99, &op, 1), -XEN_ENOSYS);
}

/* The table's frame is shared with the hypervisor: it cannot be a table of
 * another kind, nor may it be writable and a page table. */
static void table_frame_is_no_table(void)
{
    uint64_t mfn = pte_mfn(*pte_find((void *)grant_table, 1));

    for (unsigned int level = 1; level <= 4; level++)
        EXPECT(pin_table(level, mfn) < 0);
}

static void map_unmap(void)
{
    uint32_t handle;

    page[100] = 12;
    grant_access(REF, self, virt_to_mfn(page), false);
    EXPECT_EQ(map(where, REF, GNTMAP_host_map, &handle), GNTST_okay);
    EXPECT_EQ(grant_table[REF].flags,
              GTF_permit_access | GTF_reading | GTF_writing);
    EXPECT_EQ(((volatile char *)where)[100], 12);
    ((volatile char *)where)[101] = 13;
    EXPECT_EQ(((volatile char *)page)[101], 13);
    EXPECT_EQ(pte_mfn(*pte_find(where, 1)), virt_to_mfn(page));
    EXPECT(!grant_end(REF));
    EXPECT_EQ(unmap(where, handle), GNTST_okay);
    EXPECT_EQ(*pte_find(where, 1), 0);
    EXPECT_EQ(grant_table[REF].flags, GTF_permit_access);
    EXPECT(grant_end(REF));
    trap_last()->count = 0;
    asm volatile("1: movb (%0), %%al\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(where)
                 : "rax", "memory");
    EXPECT_EQ(trap_last()->count, 1);
}

static void map_twice(void)
{
    char *other = window(1);
    uint32_t h1, h2;

    grant_access(REF, self, virt_to_mfn(page), false);
    EXPECT_EQ(map(where, REF, GNTMAP_host_map, &h1), GNTST_okay);
    EXPECT_EQ(map(other, REF, GNTMAP_host_map | GNTMAP_readonly, &h2),
              GNTST_okay);
    EXPECT(h1 != h2);
    EXPECT_EQ(unmap(where, h1), GNTST_okay);
    EXPECT_EQ(grant_table[REF].flags, GTF_permit_access | GTF_reading);
    EXPECT_EQ(unmap(other, h2), GNTST_okay);
    EXPECT(grant_end(REF));
}

static void readonly(void)
{
    uint32_t handle;

    grant_access(REF, self, virt_to_mfn(page), true);
    EXPECT(map(where, REF, GNTMAP_host_map, &handle) < 0);
    EXPECT_EQ(map(where, REF, GNTMAP_host_map | GNTMAP_readonly, &handle),
              GNTST_okay);
    EXPECT_EQ(grant_table[REF].flags,
              GTF_permit_access | GTF_readonly | GTF_reading);
    EXPECT_EQ(*pte_find(where, 1) & PTE_RW, 0);
    trap_last()->count = 0;
    asm volatile("1: movb $1, (%0)\n2:\n" EXTABLE("1b", "2b")
                 :
                 : "r"(where)
                 : "memory");
    EXPECT_EQ(trap_last()->count, 1);
    EXPECT_EQ(unmap(where, handle), GNTST_okay);
    EXPECT(grant_end(REF));
}

static void device_map(void)
{
    struct gnttab_map_grant_ref op;
    struct gnttab_unmap_grant_ref un;

    grant_access(REF, self, virt_to_mfn(page), false);
    op = map_op(where, REF, GNTMAP_host_map | GNTMAP_device_map);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
    EXPECT_EQ(op.dev_bus_addr, virt_to_maddr(page));
    memset(&un, 0, sizeof(un));
    un.host_addr = addr(where);
    un.dev_bus_addr = op.dev_bus_addr;
    un.handle = op.handle;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_unmap_grant_ref, &un, 1), 0);
    EXPECT_EQ(un.status, GNTST_okay);
    EXPECT(grant_end(REF));
}

/* The entry by machine address, as for user space mappings. */
static void contains_pte(void)
{
    struct gnttab_map_grant_ref op;
    struct gnttab_unmap_grant_ref un;

    grant_access(REF, self, virt_to_mfn(page), false);
    op = map_op(NULL, REF,
                GNTMAP_host_map | GNTMAP_contains_pte | GNTMAP_application_map);
    op.host_addr = pte_maddr(where, 1);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
    EXPECT_EQ(pte_mfn(*pte_find(where, 1)), virt_to_mfn(page));
    EXPECT_EQ(*pte_find(where, 1) & PTE_GUEST_KERNEL, 0);
    memset(&un, 0, sizeof(un));
    un.host_addr = pte_maddr(where, 1);
    un.handle = op.handle;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_unmap_grant_ref, &un, 1), 0);
    EXPECT_EQ(un.status, GNTST_okay);
    EXPECT_EQ(*pte_find(where, 1), 0);
    EXPECT(grant_end(REF));
}

static void bad_references(void)
{
    static const unsigned int bad[] = {REF + 1, 511, 100000, ~0U};
    uint32_t handle;

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
        EXPECT(map(where, bad[i], GNTMAP_host_map, &handle) < 0);
    EXPECT_EQ(map(where, 100000, GNTMAP_host_map, &handle), GNTST_bad_gntref);
    /* Granted to somebody else. */
    grant_access(REF, 5, virt_to_mfn(page), false);
    EXPECT(map(where, REF, GNTMAP_host_map, &handle) < 0);
    EXPECT(grant_end(REF));
    /* A frame that is not ours to grant. */
    grant_access(REF, self, 0x7fffffff, false);
    EXPECT(map(where, REF, GNTMAP_host_map, &handle) < 0);
    grant_access(REF, self, 0x200, false);
    EXPECT(map(where, REF, GNTMAP_host_map, &handle) < 0);
    EXPECT(grant_end(REF));
    EXPECT_EQ(*pte_find(where, 1), 0);
}

/* A page table may be granted read-only at most. */
static void grant_of_page_table(void)
{
    uint64_t mfn = virt_to_mfn((void *)start_info->pt_base);
    uint32_t handle;

    grant_access(REF, self, mfn, false);
    EXPECT(map(where, REF, GNTMAP_host_map, &handle) < 0);
    EXPECT_EQ(grant_table[REF].flags, GTF_permit_access);
    EXPECT(grant_end(REF));
    EXPECT_EQ(*pte_find(where, 1), 0);
}

static void bad_arguments(void)
{
    struct gnttab_map_grant_ref op;
    uint32_t handle;

    grant_access(REF, self, virt_to_mfn(page), false);
    EXPECT(map((void *)0xffff820000000000UL, REF, GNTMAP_host_map, &handle) <
           0);
    EXPECT(map((void *)0x600000000000UL, REF, GNTMAP_host_map, &handle) < 0);
    EXPECT(map(where, REF, 0, &handle) < 0);
    op = map_op(where, REF, GNTMAP_host_map);
    op.dom = 77;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_bad_domain);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref,
                                (void *)0xffff820000000000UL, 1),
              -XEN_EFAULT);
    EXPECT_EQ(grant_table[REF].flags, GTF_permit_access);
    EXPECT(grant_end(REF));
}

static void unmap_errors(void)
{
    uint32_t handle;

    grant_access(REF, self, virt_to_mfn(page), false);
    EXPECT_EQ(map(where, REF, GNTMAP_host_map, &handle), GNTST_okay);
    EXPECT_EQ(unmap(where, handle + 1), GNTST_bad_handle);
    EXPECT_EQ(unmap(where, ~0U), GNTST_bad_handle);
    EXPECT(unmap(window(3), handle) < 0); /* not mapped there */
    EXPECT_EQ(pte_mfn(*pte_find(where, 1)), virt_to_mfn(page));
    EXPECT_EQ(unmap(where, handle), GNTST_okay);
    EXPECT_EQ(unmap(where, handle), GNTST_bad_handle);
    EXPECT(grant_end(REF));
}

/* Many at once, in one call. */
static void batch(void)
{
    static struct gnttab_map_grant_ref ops[4];
    static struct gnttab_unmap_grant_ref un[4];

    for (unsigned int i = 0; i < 4; i++) {
        grant_access(REF + i, self, virt_to_mfn(page), false);
        ops[i] = map_op(window(i), REF + i, GNTMAP_host_map);
    }
    ops[2].ref = 77777;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, ops, 4), 0);
    EXPECT_EQ(ops[0].status, GNTST_okay);
    EXPECT_EQ(ops[1].status, GNTST_okay);
    EXPECT_EQ(ops[2].status, GNTST_bad_gntref);
    EXPECT_EQ(ops[3].status, GNTST_okay);
    memset(un, 0, sizeof(un));
    for (unsigned int i = 0; i < 4; i++) {
        un[i].host_addr = addr(window(i));
        un[i].handle = ops[i].handle;
    }
    un[2].handle = ~0U;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_unmap_grant_ref, un, 4), 0);
    EXPECT_EQ(un[0].status, GNTST_okay);
    EXPECT_EQ(un[2].status, GNTST_bad_handle);
    EXPECT_EQ(un[3].status, GNTST_okay);
    for (unsigned int i = 0; i < 4; i++)
        EXPECT(grant_end(REF + i));
}

/* Handles run out at a bound, and all come back. */
static void many(void)
{
    static uint32_t handles[256];

    grant_access(REF, self, virt_to_mfn(page), false);
    for (unsigned int round = 0; round < 3; round++) {
        for (unsigned int i = 0; i < 256; i++) {
            EXPECT_EQ(map(where, REF, GNTMAP_host_map, &handles[i]),
                      GNTST_okay);
            EXPECT_EQ(unmap(where, handles[i]), GNTST_okay);
        }
    }
    EXPECT(grant_end(REF));
}

/* --- copy --- */

static int copy(uint64_t src, unsigned int src_offset, uint64_t dst,
                unsigned int dst_offset, unsigned int len, unsigned int flags)
{
    struct gnttab_copy op;

    memset(&op, 0, sizeof(op));
    op.source.domid = flags & GNTCOPY_source_gref ? (domid_t)self : DOMID_SELF;
    op.dest.domid = flags & GNTCOPY_dest_gref ? (domid_t)self : DOMID_SELF;
    if (flags & GNTCOPY_source_gref)
        op.source.u.ref = (grant_ref_t)src;
    else
        op.source.u.gmfn = src;
    if (flags & GNTCOPY_dest_gref)
        op.dest.u.ref = (grant_ref_t)dst;
    else
        op.dest.u.gmfn = dst;
    op.source.offset = (uint16_t)src_offset;
    op.dest.offset = (uint16_t)dst_offset;
    op.len = (uint16_t)len;
    op.flags = (uint16_t)flags;
    op.status = 99;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_copy, &op, 1), 0);
    return op.status;
}

static void copy_frames(void)
{
    char *a = page_alloc(), *b = page_alloc();

    for (unsigned int i = 0; i < PAGE_SIZE; i++)
        a[i] = (char)(i * 7);
    EXPECT_EQ(copy(virt_to_mfn(a), 0, virt_to_mfn(b), 0, 4096, 0), GNTST_okay);
    EXPECT_EQ(memcmp(a, b, PAGE_SIZE), 0);
    memset(b, 0, PAGE_SIZE);
    EXPECT_EQ(copy(virt_to_mfn(a), 100, virt_to_mfn(b), 200, 50, 0),
              GNTST_okay);
    EXPECT_EQ(memcmp(a + 100, b + 200, 50), 0);
    EXPECT_EQ(b[199], 0);
    EXPECT_EQ(b[250], 0);
    page_free(a);
    page_free(b);
}

static void copy_grants(void)
{
    char *a = page_alloc(), *b = page_alloc();

    a[5] = 55;
    grant_access(REF, self, virt_to_mfn(a), true);
    grant_access(REF + 1, self, virt_to_mfn(b), false);
    EXPECT_EQ(
        copy(REF, 5, REF + 1, 6, 1, GNTCOPY_source_gref | GNTCOPY_dest_gref),
        GNTST_okay);
    EXPECT_EQ(b[6], 55);
    /* The source may only be read. */
    EXPECT(copy(REF + 1, 0, REF, 0, 8,
                GNTCOPY_source_gref | GNTCOPY_dest_gref) < 0);
    EXPECT_EQ(a[5], 55);
    EXPECT_EQ(grant_table[REF].flags & (GTF_reading | GTF_writing), 0);
    EXPECT(grant_end(REF));
    EXPECT(grant_end(REF + 1));
    EXPECT(copy(REF, 0, virt_to_mfn(b), 0, 8, GNTCOPY_source_gref) < 0);
    page_free(a);
    page_free(b);
}

static void copy_errors(void)
{
    uint64_t mfn = virt_to_mfn(page);
    uint64_t table = virt_to_mfn((void *)start_info->pt_base);

    EXPECT_EQ(copy(mfn, 4000, mfn, 0, 200, 0), GNTST_bad_copy_arg);
    EXPECT_EQ(copy(mfn, 0, mfn, 4090, 10, 0), GNTST_bad_copy_arg);
    EXPECT(copy(mfn, 0, table, 0, 8, 0) < 0);
    EXPECT(copy(0x7fffffff, 0, mfn, 0, 8, 0) < 0);
    EXPECT(copy(mfn, 0, 0x200, 0, 8, 0) < 0);
    EXPECT_EQ(copy(mfn, 0, mfn, 0, 0, 0), GNTST_okay);
}

/* --- version 2 --- */

static volatile union grant_entry_v2 *table2;
static volatile grant_status_t *status2;

static long set_version(uint32_t version)
{
    struct gnttab_set_version op = {.version = version};

    return hc_grant_table_op(GNTTABOP_set_version, &op, 1);
}

/* Change to version 2 and map the status frame. */
static bool enter_version_2(void)
{
    struct gnttab_get_status_frames op;
    uint64_t frame;

    EXPECT_EQ(set_version(2), 0);
    memset(&op, 0, sizeof(op));
    op.dom = DOMID_SELF;
    op.nr_frames = 1;
    HANDLE_SET(op.frame_list, &frame);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_get_status_frames, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
    if (op.status != GNTST_okay)
        return false;
    EXPECT_EQ(map_page(window(4), pte_make(frame, KERNEL_RW)), 0);
    table2 = (volatile void *)grant_table;
    status2 = window(4);
    return true;
}

static void leave_version_2(void)
{
    EXPECT_EQ(map_page(window(4), 0), 0);
    EXPECT_EQ(set_version(1), 0);
}

static void grant_page_2(unsigned int ref, uint64_t mfn, uint16_t flags)
{
    table2[ref].full_page.frame = mfn;
    table2[ref].hdr.domid = (domid_t)self;
    barrier();
    table2[ref].hdr.flags = (uint16_t)(GTF_permit_access | flags);
}

/* As Linux does: withdraw, then look whether it is in use. */
static bool grant_end_2(unsigned int ref)
{
    table2[ref].hdr.flags = 0;
    __sync_synchronize();
    return !(status2[ref] & (GTF_reading | GTF_writing));
}

static void version_2_maps(void)
{
    uint32_t handle, other;

    if (!enter_version_2())
        return;
    grant_page_2(REF, virt_to_mfn(page), 0);
    EXPECT_EQ(map(where, REF, GNTMAP_host_map, &handle), GNTST_okay);
    EXPECT_EQ(table2[REF].hdr.flags, GTF_permit_access);
    EXPECT_EQ(status2[REF], GTF_reading | GTF_writing);
    EXPECT_EQ(pte_mfn(*pte_find(where, 1)), virt_to_mfn(page));
    EXPECT_EQ(set_version(1), -XEN_EBUSY);
    EXPECT(!grant_end_2(REF));
    /* Withdrawn, but in use: for its user it goes on. */
    EXPECT_EQ(map(window(1), REF, GNTMAP_host_map | GNTMAP_readonly, &other),
              GNTST_okay);
    EXPECT_EQ(unmap(where, handle), GNTST_okay);
    EXPECT_EQ(status2[REF], GTF_reading);
    EXPECT_EQ(unmap(window(1), other), GNTST_okay);
    EXPECT_EQ(status2[REF], 0);
    EXPECT(grant_end_2(REF));
    EXPECT(map(where, REF, GNTMAP_host_map, &handle) < 0);
    EXPECT_EQ(status2[REF], 0);
    EXPECT_EQ(map(where, 100000, GNTMAP_host_map, &handle), GNTST_bad_gntref);
    leave_version_2();
}

static void version_2_copies(void)
{
    char *a = page_alloc(), *b = page_alloc();
    uint32_t handle;

    if (!enter_version_2())
        return;
    memset(a, 'q', PAGE_SIZE);
    table2[REF].sub_page.page_off = 200;
    table2[REF].sub_page.length = 100;
    grant_page_2(REF, virt_to_mfn(a), GTF_sub_page | GTF_readonly);
    table2[REF].sub_page.page_off = 200;
    EXPECT(map(where, REF, GNTMAP_host_map | GNTMAP_readonly, &handle) < 0);
    EXPECT_EQ(copy(REF, 200, virt_to_mfn(b), 0, 100, GNTCOPY_source_gref),
              GNTST_okay);
    EXPECT_EQ(b[99], 'q');
    EXPECT_EQ(b[100], 0);
    EXPECT(copy(REF, 199, virt_to_mfn(b), 0, 10, GNTCOPY_source_gref) < 0);
    EXPECT(copy(REF, 299, virt_to_mfn(b), 0, 2, GNTCOPY_source_gref) < 0);
    /* A grant that leads back to its own table. */
    table2[REF + 1].transitive.trans_domid = (domid_t)self;
    table2[REF + 1].transitive.gref = REF;
    table2[REF + 1].hdr.domid = (domid_t)self;
    table2[REF + 1].hdr.flags = GTF_transitive;
    EXPECT(copy(REF + 1, 200, virt_to_mfn(b), 0, 1, GNTCOPY_source_gref) < 0);
    EXPECT(map(where, REF + 1, GNTMAP_host_map, &handle) < 0);
    EXPECT(grant_end_2(REF));
    EXPECT(grant_end_2(REF + 1));
    leave_version_2();
    EXPECT_EQ(grant_table[REF].flags, 0);
    page_free(a);
    page_free(b);
}

/* The frame is the domain's own again, by way of its table. */
static void transfer_to_itself(void)
{
    char *p = page_alloc();
    uint64_t mfn = virt_to_mfn(p);
    struct gnttab_transfer op;

    memset(&op, 0, sizeof(op));
    op.mfn = mfn;
    op.domid = (domid_t)self;
    op.ref = REF;
    grant_table[REF].domid = (domid_t)self;
    grant_table[REF].flags = GTF_accept_transfer;
    /* Mapped: not to be had. */
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_transfer, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_bad_page);
    EXPECT_EQ(grant_table[REF].flags, GTF_accept_transfer);
    memset(p, 'm', PAGE_SIZE);
    EXPECT_EQ(map_page(p, 0), 0);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_transfer, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
    EXPECT_EQ(grant_table[REF].frame, mfn);
    EXPECT_EQ(grant_table[REF].flags, GTF_accept_transfer |
                                          GTF_transfer_committed |
                                          GTF_transfer_completed);
    grant_table[REF].flags = 0;
    EXPECT_EQ(map_page(p, pte_make(mfn, KERNEL_RW)), 0);
    EXPECT_EQ(p[77], 'm');
    op.mfn = virt_to_mfn((void *)start_info->pt_base);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_transfer, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_bad_page);
}

/* --- unmap and replace --- */

static int replace(void *va, void *with, uint32_t handle)
{
    struct gnttab_unmap_and_replace op;

    memset(&op, 0, sizeof(op));
    op.host_addr = addr(va);
    op.new_addr = addr(with);
    op.handle = handle;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_unmap_and_replace, &op, 1), 0);
    return op.status;
}

static void unmap_and_replace(void)
{
    char *other = page_alloc();
    uint64_t pte = pte_make(virt_to_mfn(other), KERNEL_RW);
    uint32_t handle;

    grant_access(REF, self, virt_to_mfn(page), false);
    EXPECT_EQ(map(where, REF, GNTMAP_host_map, &handle), GNTST_okay);
    EXPECT_EQ(map_page(window(2), pte), 0);
    /* What fails leaves both as they are. */
    EXPECT(replace(window(3), window(2), handle) < 0);
    EXPECT_EQ(pte_mfn(*pte_find(window(2), 1)), virt_to_mfn(other));
    EXPECT_EQ(pte_mfn(*pte_find(where, 1)), virt_to_mfn(page));
    EXPECT_EQ(replace(where, window(2), handle), GNTST_okay);
    EXPECT_EQ(pte_mfn(*pte_find(where, 1)), virt_to_mfn(other));
    EXPECT_EQ(*pte_find(window(2), 1), 0);
    EXPECT(grant_end(REF));
    EXPECT_EQ(replace(where, window(2), handle), GNTST_bad_handle);
    EXPECT_EQ(map_page(where, 0), 0);
    page_free(other);
}

static const struct test tests[] = {
    {"query size", query_size},
    {"version", version},
    {"table grows", grow},
    {"setup errors", setup_errors},
    {"frame of the table", table_frame_is_no_table},
    {"map and unmap", map_unmap},
    {"map twice", map_twice},
    {"read-only grant", readonly},
    {"device map", device_map},
    {"map by PTE address", contains_pte},
    {"bad references", bad_references},
    {"grant of a page table", grant_of_page_table},
    {"bad arguments", bad_arguments},
    {"unmap errors", unmap_errors},
    {"batch", batch},
    {"many", many},
    {"copy frames", copy_frames},
    {"copy grants", copy_grants},
    {"copy errors", copy_errors},
    {"version 2 maps", version_2_maps},
    {"version 2 copies", version_2_copies},
    {"transfer", transfer_to_itself},
    {"unmap and replace", unmap_and_replace},
};

void kit_main(void)
{
    self = event_own_domid();
    page = page_alloc();
    where = window(0);
    for (unsigned int i = 0; i < 4; i++)
        map_page(window(i), 0);
    if (grant_init(1)) {
        printk("TEST grant table FAIL set-up refused\n");
        printk("RESULT 0 passed 1 failed\n");
        return;
    }
    tests_run(tests, ARRAY_SIZE(tests));
}
