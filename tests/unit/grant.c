/* SPDX-License-Identifier: MIT */
/*
 * Grant tables through the hypercall: domain 1 grants, domains 0 and 2 map,
 * copy and unmap, against a model of every mapping. A use bit that is cleared
 * too early, a reference dropped before the TLB is flushed, or a handle used
 * twice would let one guest write another's memory.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>

#include <public/grant_table.h>

#define NR_DOMAINS 3
#define NR_FRAMES  256
#define OWNER      1
#define NR_REFS    24 /* refs 8.. of the owner, granting frames 8.. */
#define FIRST_REF  8
#define NR_SLOTS   64
#define ROUNDS     30000

static struct domain domains[NR_DOMAINS];
static struct vcpu vcpus[NR_DOMAINS];
struct domain *dom0 = &domains[0];
static char *args;
static unsigned int read_refs[NR_FRAMES], write_refs[NR_FRAMES];
static unsigned int flushes_at_unmap[NR_FRAMES];

/* Page-table slots of the mapping domains: address 0x1000 * (slot + 1). */
static struct slot {
    bool used, readonly;
    uint64_t frame;
} slots[NR_SLOTS];

/* ---- the rest of the hypervisor ---- */

void domain_put(struct domain *d)
{
    assert_true(d->refs > 1);
    d->refs--;
}

struct domain *domain_get_by_id(domid_t id)
{
    if (id >= NR_DOMAINS)
        return NULL;
    domains[id].refs++;
    return &domains[id];
}

struct domain *domain_get_any(domid_t id)
{
    return domain_get_by_id(id == DOMID_SELF ? current->domain->id : id);
}

bool hypercall_preempt_check(void)
{
    return false;
}

long hypercall_continue(unsigned int nr, unsigned int nr_args, ...)
{
    (void)nr;
    (void)nr_args;
    fail();
    return 0;
}

void domain_dirty_mask(const struct domain *d, cpumask_t *mask)
{
    (void)d;
    *mask = cpumask_of(0);
}

bool page_get(struct page_info *pg, const struct domain *d)
{
    if (pg->owner != d)
        return false;
    read_refs[mfn_x(page_to_mfn(pg))]++;
    return true;
}

/* A frame that was mapped may be let go only after a flush. */
static void check_flushed(uint64_t frame)
{
    if (flushes_at_unmap[frame] != 0)
        assert_true(host_tlb_flushes >= flushes_at_unmap[frame]);
}

void page_put(struct page_info *pg)
{
    uint64_t m = mfn_x(page_to_mfn(pg));

    check_flushed(m);
    assert_true(read_refs[m] > 0);
    read_refs[m]--;
}

int page_get_and_type(struct page_info *pg, const struct domain *d,
                      enum page_type type)
{
    assert_int_equal(type, PGT_WRITABLE);
    if (pg->owner != d || (pg->state & PGS_BROKEN))
        return -EINVAL;
    write_refs[mfn_x(page_to_mfn(pg))]++;
    return 0;
}

void page_put_and_type(struct page_info *pg)
{
    uint64_t m = mfn_x(page_to_mfn(pg));

    check_flushed(m);
    assert_true(write_refs[m] > 0);
    write_refs[m]--;
}

void page_share_with(struct page_info *pg, struct domain *d, bool writable)
{
    assert_true(writable);
    pg->owner = d;
}

void page_unshare(struct page_info *pg)
{
    hv_free_pages(page_to_virt(pg), 0);
}

int arch_grant_map(uint64_t addr, mfn_t m, unsigned int flags)
{
    uint64_t i = addr / 0x1000 - 1;

    if (i >= NR_SLOTS || slots[i].used)
        return GNTST_bad_virt_addr;
    slots[i] = (struct slot){true, flags & GNTMAP_readonly, mfn_x(m)};
    return GNTST_okay;
}

int arch_grant_unmap(uint64_t addr, mfn_t m, unsigned int flags,
                     uint64_t new_addr)
{
    uint64_t i = addr / 0x1000 - 1;

    (void)flags;
    (void)new_addr;
    if (i >= NR_SLOTS || !slots[i].used || slots[i].frame != mfn_x(m))
        return GNTST_bad_virt_addr;
    slots[i].used = false;
    flushes_at_unmap[mfn_x(m)] = host_tlb_flushes + 1;
    return GNTST_okay;
}

/* ---- set-up ---- */

static int setup(void **state)
{
    (void)state;
    host_cpus_init(1);
    host_frames_init(NR_FRAMES);
    host_heap_init(mfn(128), 128);
    args = host_guest_alloc(4 * PAGE_SIZE);
    memset(slots, 0, sizeof(slots));
    memset(read_refs, 0, sizeof(read_refs));
    memset(write_refs, 0, sizeof(write_refs));
    memset(flushes_at_unmap, 0, sizeof(flushes_at_unmap));
    for (domid_t id = 0; id < NR_DOMAINS; id++) {
        struct domain *d = &domains[id];

        memset(d, 0, sizeof(*d));
        d->id = id;
        d->is_privileged = id == 0;
        d->refs = 1;
        vcpus[id].domain = d;
        assert_int_equal(grant_domain_init(d, 4, 1, 1), 0);
    }
    for (unsigned int m = 0; m < 128; m++)
        host_frames[m].owner = &domains[m < 64 ? OWNER : 2];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned int m = 0; m < NR_FRAMES; m++)
        assert_int_equal(read_refs[m] + write_refs[m], 0);
    for (unsigned int id = 0; id < NR_DOMAINS; id++) {
        assert_int_equal(domains[id].refs, 1);
        grant_domain_free(&domains[id]);
    }
    assert_int_equal(host_allocs_live, 0);
    assert_int_equal(host_locks_held, 0);
    assert_false(host_irqs_off);
    host_guest_free_all();
    return 0;
}

/* ---- guests ---- */

static struct grant_entry_v1 *entry(unsigned int ref)
{
    return &domains[OWNER].grant.shared[0][ref];
}

static void grant(unsigned int ref, domid_t to, uint32_t frame, uint16_t flags)
{
    *entry(ref) = (struct grant_entry_v1){
        .flags = GTF_permit_access | flags, .domid = to, .frame = frame};
}

/* As Linux ends a grant: only if nobody uses it. */
static bool revoke(unsigned int ref)
{
    if (entry(ref)->flags & (GTF_reading | GTF_writing))
        return false;
    entry(ref)->flags = 0;
    return true;
}

#define CALL(dom, cmd, op, n)                                 \
    ({                                                        \
        long rc_;                                             \
        host_set_current(&vcpus[dom]);                        \
        memcpy(args, (op), sizeof(*(op)) * (n));              \
        rc_ = do_grant_table_op(cmd, (unsigned long)args, n); \
        memcpy((op), args, sizeof(*(op)) * (n));              \
        rc_;                                                  \
    })

static int map(unsigned int dom, unsigned int ref, uint32_t flags,
               unsigned int slot, uint32_t *handle)
{
    struct gnttab_map_grant_ref op = {.host_addr = 0x1000UL * (slot + 1),
                                      .flags = flags,
                                      .ref = ref,
                                      .dom = OWNER};

    assert_int_equal(CALL(dom, GNTTABOP_map_grant_ref, &op, 1), 0);
    *handle = op.handle;
    return op.status;
}

static int unmap(unsigned int dom, uint32_t handle, unsigned int slot)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = 0x1000UL * (slot + 1),
                                        .handle = handle};

    assert_int_equal(CALL(dom, GNTTABOP_unmap_grant_ref, &op, 1), 0);
    return op.status;
}

/* ---- model of random use ---- */

static struct mapping {
    bool live, readonly;
    unsigned int dom, ref;
    uint32_t handle, frame;
} maps[NR_SLOTS]; /* by slot */

static unsigned int users(unsigned int ref, bool writers_only)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < NR_SLOTS; i++)
        n += maps[i].live && maps[i].ref == ref &&
             !(writers_only && maps[i].readonly);
    return n;
}

static void check_use_bits(unsigned int ref)
{
    uint16_t flags = entry(ref)->flags;

    assert_int_equal(!!(flags & GTF_reading), users(ref, false) > 0);
    assert_int_equal(!!(flags & GTF_writing), users(ref, true) > 0);
}

static void random_map(unsigned int slot, unsigned int ref)
{
    unsigned int dom = rand() % 4 ? 0 : 2;
    bool ro = rand() % 2;
    const struct grant_entry_v1 e = *entry(ref);
    struct mapping m = {true, ro, dom, ref, 0, 0};
    bool granted = (e.flags & GTF_type_mask) == GTF_permit_access &&
                   e.domid == dom && !(!ro && (e.flags & GTF_readonly));
    int rc;

    if (users(ref, false) > 0)
        for (unsigned int i = 0; i < NR_SLOTS; i++)
            if (maps[i].live && maps[i].ref == ref)
                m.frame = maps[i].frame;
    if (users(ref, false) == 0)
        m.frame = e.frame;
    rc = map(dom, ref, GNTMAP_host_map | (ro ? GNTMAP_readonly : 0), slot,
             &m.handle);
    if (!granted || maps[slot].live || m.frame >= 64) {
        assert_int_not_equal(rc, GNTST_okay);
        return;
    }
    assert_int_equal(rc, GNTST_okay);
    assert_int_equal(slots[slot].frame, m.frame);
    assert_int_equal(slots[slot].readonly, ro);
    maps[slot] = m;
}

static void random_step(void)
{
    unsigned int slot = (unsigned int)rand() % NR_SLOTS;
    unsigned int ref = FIRST_REF + (unsigned int)rand() % NR_REFS;
    struct mapping *m = &maps[slot];

    switch (rand() % 8) {
    case 0:
        if (users(ref, false) == 0)
            grant(ref, rand() % 4 ? 0 : 2, (uint32_t)rand() % 72,
                  rand() % 4 ? 0 : GTF_readonly);
        break;
    case 1:
        assert_int_equal(revoke(ref), users(ref, false) == 0);
        break;
    case 2: /* the owner scribbles on the frame while it may be in use */
        entry(ref)->frame = (uint32_t)rand();
        if (users(ref, false) == 0)
            entry(ref)->frame = (uint32_t)rand() % 72;
        break;
    case 3:
    case 4:
        random_map(slot, ref);
        break;
    default:
        if (m->live) {
            /* Not where it was mapped; then there; then again. */
            assert_int_equal(unmap(m->dom, m->handle, NR_SLOTS),
                             GNTST_bad_virt_addr);
            assert_int_equal(unmap(m->dom, m->handle, slot), GNTST_okay);
            assert_int_equal(unmap(m->dom, m->handle, slot), GNTST_bad_handle);
            m->live = false;
        }
        break;
    }
    check_use_bits(ref);
}

static void random_use_equals_the_model(void **state)
{
    unsigned int most = 0;

    (void)state;
    srand(13);
    memset(maps, 0, sizeof(maps));
    for (unsigned int round = 0; round < ROUNDS; round++) {
        unsigned int live = 0;

        random_step();
        for (unsigned int i = 0; i < NR_SLOTS; i++)
            live += maps[i].live;
        most = live > most ? live : most;
    }
    assert_true(most > 20);
    for (unsigned int i = 0; i < NR_SLOTS; i++)
        if (maps[i].live)
            assert_int_equal(unmap(maps[i].dom, maps[i].handle, i), GNTST_okay);
    for (unsigned int ref = FIRST_REF; ref < FIRST_REF + NR_REFS; ref++)
        assert_true(revoke(ref));
}

/* ---- single rules ---- */

static void what_is_not_granted_is_not_mapped(void **state)
{
    uint32_t h;

    (void)state;
    grant(8, 2, 8, 0);
    grant(9, 0, 9, GTF_readonly);
    grant(10, 0, 100, 0); /* a frame of domain 2 */
    grant(11, 0, 0x7fffffff, 0);
    grant(12, 0, 12, GTF_sub_page);
    entry(13)->flags = GTF_accept_transfer;
    host_frames[14].state = PGS_BROKEN; /* not to be had writable */
    grant(14, 0, 14, 0);
    assert_int_equal(map(0, 8, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    assert_int_equal(map(0, 9, GNTMAP_host_map, 0, &h),
                     GNTST_permission_denied);
    assert_int_equal(map(0, 10, GNTMAP_host_map, 0, &h), GNTST_general_error);
    assert_int_equal(map(0, 11, GNTMAP_host_map, 0, &h), GNTST_general_error);
    assert_int_equal(map(0, 12, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    assert_int_equal(map(0, 13, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    assert_int_equal(map(0, 14, GNTMAP_host_map, 0, &h), GNTST_general_error);
    assert_int_equal(map(0, 511, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    assert_int_equal(map(0, 512, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    assert_int_equal(map(0, ~0u, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    assert_int_not_equal(map(0, 9, GNTMAP_readonly, 0, &h), GNTST_okay);
    for (unsigned int ref = 8; ref < 15; ref++)
        assert_int_equal(entry(ref)->flags & (GTF_reading | GTF_writing), 0);
}

/* Each kind of mapping has its own reference and its own end. */
static void device_and_host_mappings_end_apart(void **state)
{
    struct gnttab_unmap_grant_ref op;
    uint32_t h;

    (void)state;
    grant(8, 0, 8, 0);
    assert_int_equal(map(0, 8, GNTMAP_host_map | GNTMAP_device_map, 3, &h),
                     GNTST_okay);
    assert_int_equal(write_refs[8], 2);
    op = (struct gnttab_unmap_grant_ref){.dev_bus_addr = 9 * PAGE_SIZE,
                                         .handle = h};
    assert_int_equal(CALL(0, GNTTABOP_unmap_grant_ref, &op, 1), 0);
    assert_int_equal(op.status, GNTST_bad_dev_addr);
    op.dev_bus_addr = 8 * PAGE_SIZE;
    assert_int_equal(CALL(0, GNTTABOP_unmap_grant_ref, &op, 1), 0);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(write_refs[8], 1);
    assert_false(revoke(8));
    assert_int_equal(unmap(0, h, 3), GNTST_okay);
    assert_true(revoke(8));
}

static void a_failed_host_mapping_undoes_the_device_one(void **state)
{
    uint32_t h;

    (void)state;
    grant(8, 0, 8, 0);
    assert_int_equal(
        map(0, 8, GNTMAP_host_map | GNTMAP_device_map, NR_SLOTS, &h),
        GNTST_bad_virt_addr);
    assert_int_equal(write_refs[8], 0);
    assert_true(revoke(8));
}

/* The same handle twice in one batch: the references go once. */
static void a_handle_cannot_be_unmapped_twice_in_a_batch(void **state)
{
    struct gnttab_unmap_grant_ref op[40];
    uint32_t h;

    (void)state;
    grant(8, 0, 8, 0);
    assert_int_equal(map(0, 8, GNTMAP_host_map, 3, &h), GNTST_okay);
    for (unsigned int i = 0; i < 40; i++)
        op[i] =
            (struct gnttab_unmap_grant_ref){.host_addr = 0x4000, .handle = h};
    assert_int_equal(CALL(0, GNTTABOP_unmap_grant_ref, op, 40), 0);
    assert_int_equal(op[0].status, GNTST_okay);
    for (unsigned int i = 1; i < 40; i++)
        assert_int_equal(op[i].status, GNTST_bad_handle);
}

static void handles_end_at_the_limit_and_come_back(void **state)
{
    unsigned int n = PAGE_SIZE / 8;
    uint32_t h[PAGE_SIZE / 8 + 1];

    (void)state;
    grant(8, 0, 8, 0);
    for (unsigned int i = 0; i < n; i++)
        assert_int_equal(map(0, 8, GNTMAP_device_map, 0, &h[i]), GNTST_okay);
    assert_int_equal(map(0, 8, GNTMAP_device_map, 0, &h[n]),
                     GNTST_no_device_space);
    for (unsigned int i = 0; i < n; i++) {
        struct gnttab_unmap_grant_ref op = {.dev_bus_addr = 8 * PAGE_SIZE,
                                            .handle = h[i]};

        assert_int_equal(CALL(0, GNTTABOP_unmap_grant_ref, &op, 1), 0);
        assert_int_equal(op.status, GNTST_okay);
    }
    assert_int_equal(map(0, 8, GNTMAP_host_map, 0, &h[0]), GNTST_okay);
    assert_int_equal(unmap(0, h[0], 0), GNTST_okay);
}

static void a_dying_domain_gives_mappings_back(void **state)
{
    uint32_t h;

    (void)state;
    grant(8, 2, 8, 0);
    assert_int_equal(map(2, 8, GNTMAP_device_map, 0, &h), GNTST_okay);
    assert_int_equal(map(2, 8, GNTMAP_device_map | GNTMAP_readonly, 0, &h),
                     GNTST_okay);
    assert_int_equal(grant_release_mappings(&domains[2]), 0);
    assert_int_equal(read_refs[8] + write_refs[8], 0);
    assert_true(revoke(8));
}

static int copy(unsigned int dom, struct gnttab_copy op)
{
    assert_int_equal(CALL(dom, GNTTABOP_copy, &op, 1), 0);
    return op.status;
}

static void copies_stay_within_what_is_granted(void **state)
{
    char *from = mfn_to_virt(mfn(8)), *to = mfn_to_virt(mfn(100));
    struct gnttab_copy op = {
        .source = {.u.ref = 8, .domid = OWNER, .offset = 4000},
        .dest = {.u.gmfn = 100, .domid = DOMID_SELF, .offset = 10},
        .len = 96,
        .flags = GNTCOPY_source_gref};

    (void)state;
    memset(from, 'f', PAGE_SIZE);
    memset(to, 't', PAGE_SIZE);
    grant(8, 2, 8, GTF_readonly);
    assert_int_equal(copy(2, op), GNTST_okay);
    assert_int_equal(to[9], 't');
    assert_int_equal(to[10], 'f');
    assert_int_equal(to[105], 'f');
    assert_int_equal(to[106], 't');
    op.len = 97; /* past the page's end */
    assert_int_equal(copy(2, op), GNTST_bad_copy_arg);
    op.source.offset = 0xffff;
    op.len = 0xffff;
    assert_int_equal(copy(2, op), GNTST_bad_copy_arg);
    op.source.offset = 0;
    op.len = 16;
    op.dest.u.gmfn = 8; /* not ours */
    assert_int_equal(copy(2, op), GNTST_bad_page);
    op.dest.u.gmfn = 1UL << 50;
    assert_int_equal(copy(2, op), GNTST_bad_page);
    op.dest.u.gmfn = 100;
    assert_int_equal(copy(0, op), GNTST_bad_gntref); /* granted to 2 */
    op.source.domid = 7;
    assert_int_equal(copy(2, op), GNTST_bad_domain);
    /* The other way the grant is read-only. */
    op = (struct gnttab_copy){.source = {.u.gmfn = 100, .domid = DOMID_SELF},
                              .dest = {.u.ref = 8, .domid = OWNER},
                              .len = 16,
                              .flags = GNTCOPY_dest_gref};
    assert_int_equal(copy(2, op), GNTST_permission_denied);
    /* Frames of others by number are for the control domain only. */
    op.flags = 0;
    op.dest.u.gmfn = 8;
    assert_int_equal(copy(2, op), GNTST_permission_denied);
    assert_true(revoke(8));
    assert_int_equal(from[0], 'f');
}

static void tables_grow_to_their_limit(void **state)
{
    uint64_t *list = (uint64_t *)(args + PAGE_SIZE);
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = 4};
    struct gnttab_query_size size = {.dom = DOMID_SELF};

    (void)state;
    set_xen_guest_handle(op.frame_list, list);
    assert_int_equal(CALL(OWNER, GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_okay);
    for (unsigned int i = 0; i < 4; i++)
        assert_ptr_equal(mfn_to_virt(mfn(list[i])),
                         domains[OWNER].grant.shared[i]);
    assert_int_equal(CALL(OWNER, GNTTABOP_query_size, &size, 1), 0);
    assert_int_equal(size.nr_frames, 4);
    assert_int_equal(size.max_nr_frames, 4);
    op.nr_frames = 5;
    assert_int_equal(CALL(OWNER, GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_general_error);
    op.nr_frames = 1;
    op.dom = 0;
    assert_int_equal(CALL(OWNER, GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_permission_denied);
    op.dom = DOMID_SELF;
    set_xen_guest_handle(op.frame_list, (uint64_t *)0x10);
    assert_int_equal(CALL(OWNER, GNTTABOP_setup_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_bad_virt_addr);
}

static void out_of_memory_leaves_nothing_behind(void **state)
{
    struct domain d = {.id = 9, .refs = 1};
    unsigned int before = host_allocs_live;

    (void)state;
    for (unsigned int n = 1; n < 20; n++) {
        host_alloc_fail_in = n;
        if (grant_domain_init(&d, 4, 1, 1) == 0) {
            host_alloc_fail_in = 0;
            grant_domain_free(&d);
            assert_true(n > 4);
            assert_int_equal(host_allocs_live, before);
            return;
        }
        assert_int_equal(host_allocs_live, before);
    }
    fail_msg("never succeeded");
}

static void swapped_only_when_idle(void **state)
{
    struct gnttab_swap_grant_ref op = {.ref_a = 8, .ref_b = 9};
    uint32_t h;

    (void)state;
    grant(8, 0, 8, 0);
    grant(9, 2, 9, 0);
    assert_int_equal(map(0, 8, GNTMAP_host_map, 0, &h), GNTST_okay);
    assert_int_equal(CALL(OWNER, GNTTABOP_swap_grant_ref, &op, 1), 0);
    assert_int_equal(op.status, GNTST_eagain);
    assert_int_equal(unmap(0, h, 0), GNTST_okay);
    assert_int_equal(CALL(OWNER, GNTTABOP_swap_grant_ref, &op, 1), 0);
    assert_int_equal(op.status, GNTST_okay);
    assert_int_equal(entry(8)->frame, 9);
    assert_int_equal(entry(9)->domid, 0);
    op.ref_b = 1 << 20;
    assert_int_equal(CALL(OWNER, GNTTABOP_swap_grant_ref, &op, 1), 0);
    assert_int_equal(op.status, GNTST_bad_gntref);
}

/* The frame may be gone with the page-table entry that held it, and its owner
 * be destroyed: the handle is still there to be unmapped, or released. */
static void a_handle_keeps_the_granter(void **state)
{
    uint32_t h;

    (void)state;
    grant(8, 0, 8, 0);
    assert_int_equal(map(0, 8, GNTMAP_host_map, 0, &h), GNTST_okay);
    assert_int_equal(domains[OWNER].refs, 2);
    slots[0].used = false; /* overwritten by a store */
    write_refs[8]--;
    assert_int_not_equal(unmap(0, h, 0), GNTST_okay);
    assert_int_equal(domains[OWNER].refs, 2);
    assert_int_equal(grant_release_mappings(&domains[0]), 0);
    assert_int_equal(domains[OWNER].refs, 1);
}

/* The log is not a guest's to fill. */
static void only_the_control_domain_dumps(void **state)
{
    struct gnttab_dump_table op = {.dom = DOMID_SELF};

    (void)state;
    assert_int_equal(CALL(OWNER, GNTTABOP_dump_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_permission_denied);
    op.dom = OWNER;
    assert_int_equal(CALL(0, GNTTABOP_dump_table, &op, 1), 0);
    assert_int_equal(op.status, GNTST_okay);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(random_use_equals_the_model),
        TEST(what_is_not_granted_is_not_mapped),
        TEST(device_and_host_mappings_end_apart),
        TEST(a_failed_host_mapping_undoes_the_device_one),
        TEST(a_handle_cannot_be_unmapped_twice_in_a_batch),
        TEST(handles_end_at_the_limit_and_come_back),
        TEST(a_dying_domain_gives_mappings_back),
        TEST(copies_stay_within_what_is_granted),
        TEST(tables_grow_to_their_limit),
        TEST(out_of_memory_leaves_nothing_behind),
        TEST(swapped_only_when_idle),
        TEST(a_handle_keeps_the_granter),
        TEST(only_the_control_domain_dumps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
