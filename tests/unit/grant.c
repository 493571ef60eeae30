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

#include "core/grant_priv.h"

#define NR_DOMAINS 3
#define NR_VCPUS   2
#define NR_FRAMES  256
#define OWNER      1
#define NR_REFS    24 /* refs 8.. of the owner, granting frames 8.. */
#define FIRST_REF  8
#define NR_SLOTS   64
#define ROUNDS     30000

static struct domain domains[NR_DOMAINS];
static struct vcpu vcpus[NR_DOMAINS][NR_VCPUS];
static struct vcpu *vcpu_of[NR_DOMAINS][NR_VCPUS];
static unsigned int running[NR_DOMAINS]; /* which vcpu makes the calls */
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

/* The n-th look for a reason to give way finds one. */
static unsigned int preempt_after = ~0u;
static struct {
    bool wanted;
    unsigned long cmd, rest, count;
} continuation;

bool hypercall_preempt_check(void)
{
    if (preempt_after == ~0u || preempt_after-- > 1)
        return false;
    preempt_after = ~0u;
    return true;
}

long hypercall_continue(unsigned int nr, unsigned int nr_args, ...)
{
    va_list ap;

    assert_int_equal(nr, __HYPERVISOR_grant_table_op);
    assert_int_equal(nr_args, 3);
    va_start(ap, nr_args);
    continuation.cmd = va_arg(ap, unsigned long);
    continuation.rest = va_arg(ap, unsigned long);
    continuation.count = va_arg(ap, unsigned long);
    continuation.wanted = true;
    va_end(ap);
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

bool domain_take_page(struct page_info *pg)
{
    if (pg->state & PGS_BROKEN)
        return false;
    page_put(pg);
    pg->owner = NULL;
    return true;
}

int domain_assign_pages(struct domain *d, struct page_info *pg,
                        unsigned int order)
{
    assert_int_equal(order, 0);
    assert_null(pg->owner);
    if (d->tot_pages >= d->max_pages)
        return -E2BIG;
    d->tot_pages++;
    pg->owner = d;
    return 0;
}

struct page_info *page_get_from_mfn(mfn_t m, const struct domain *d)
{
    if (!mfn_is_ram(m) || !page_get(mfn_to_page(m), d))
        return NULL;
    return mfn_to_page(m);
}

void arch_grant_flush(void)
{
    host_tlb_flushes++;
}

bool arch_grant_hold(struct domain *rd, mfn_t m, bool readonly)
{
    if (!mfn_is_ram(m))
        return false;
    if (readonly)
        return page_get(mfn_to_page(m), rd);
    return page_get_and_type(mfn_to_page(m), rd, PGT_WRITABLE) == 0;
}

void arch_grant_drop(mfn_t m, bool readonly)
{
    if (readonly)
        page_put(mfn_to_page(m));
    else
        page_put_and_type(mfn_to_page(m));
}

int arch_grant_map(struct domain *rd, uint64_t addr, mfn_t m,
                   unsigned int flags)
{
    uint64_t i = addr / 0x1000 - 1;

    if (!arch_grant_hold(rd, m, flags & GNTMAP_readonly))
        return GNTST_general_error;
    if (i >= NR_SLOTS || slots[i].used) {
        arch_grant_drop(m, flags & GNTMAP_readonly);
        return GNTST_bad_virt_addr;
    }
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

static unsigned int version; /* of the owner's table */

static int setup(void **state)
{
    (void)state;
    version = 1;
    preempt_after = ~0u;
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
        d->max_pages = 64;
        d->vcpu = vcpu_of[id];
        d->max_vcpus = NR_VCPUS;
        for (unsigned int i = 0; i < NR_VCPUS; i++) {
            vcpus[id][i] = (struct vcpu){.domain = d, .id = i};
            vcpu_of[id][i] = &vcpus[id][i];
        }
        assert_int_equal(grant_domain_init(d, 4, 1, 2), 0);
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
    return (struct grant_entry_v1 *)domains[OWNER].grant.shared[0] + ref;
}

static union grant_entry_v2 *entry2(unsigned int ref)
{
    return (union grant_entry_v2 *)domains[OWNER].grant.shared[0] + ref;
}

static uint16_t *flags_of(unsigned int ref)
{
    return version == 1 ? &entry(ref)->flags : &entry2(ref)->hdr.flags;
}

/* The use bits, wherever they are. */
static uint16_t use_of(unsigned int ref)
{
    uint16_t word =
        version == 1 ? entry(ref)->flags : domains[OWNER].grant.status[0][ref];

    return word & (GTF_reading | GTF_writing);
}

static void set_frame(unsigned int ref, uint32_t frame)
{
    if (version == 1)
        entry(ref)->frame = frame;
    else
        entry2(ref)->full_page.frame = frame;
}

static void grant(unsigned int ref, domid_t to, uint32_t frame, uint16_t flags)
{
    flags |= GTF_permit_access;
    if (version == 1) {
        *entry(ref) = (struct grant_entry_v1){
            .flags = flags, .domid = to, .frame = frame};
        return;
    }
    entry2(ref)->full_page.frame = frame;
    entry2(ref)->hdr = (struct grant_entry_header){flags, to};
}

/* As Linux ends a grant: only if nobody uses it. */
static bool revoke(unsigned int ref)
{
    if (use_of(ref))
        return false;
    *flags_of(ref) = 0;
    return true;
}

#define CALL(dom, cmd, op, n)                                 \
    ({                                                        \
        long rc_;                                             \
        host_set_current(&vcpus[dom][running[dom]]);          \
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
    uint16_t use = use_of(ref);

    assert_int_equal(!!(use & GTF_reading), users(ref, false) > 0);
    assert_int_equal(!!(use & GTF_writing), users(ref, true) > 0);
    if (version == 2)
        assert_int_equal(*flags_of(ref) & (GTF_reading | GTF_writing), 0);
}

static void random_map(unsigned int slot, unsigned int ref)
{
    unsigned int dom = rand() % 4 ? 0 : 2;
    bool ro = rand() % 2;
    const struct grant_entry_v1 e = {
        .flags = *flags_of(ref),
        .domid = version == 1 ? entry(ref)->domid : entry2(ref)->hdr.domid,
        .frame = version == 1 ? entry(ref)->frame
                              : (uint32_t)entry2(ref)->full_page.frame,
    };
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
        set_frame(ref, (uint32_t)rand());
        if (users(ref, false) == 0)
            set_frame(ref, (uint32_t)rand() % 72);
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

static void to_version(unsigned int v)
{
    struct gnttab_set_version op = {.version = v};

    assert_int_equal(CALL(OWNER, GNTTABOP_set_version, &op, 1), 0);
    assert_int_equal(op.version, v);
    version = v;
}

static void random_use(void)
{
    unsigned int most = 0;

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

static void random_use_equals_the_model(void **state)
{
    (void)state;
    random_use();
}

static void random_use_of_version_2_equals_the_model(void **state)
{
    (void)state;
    to_version(2);
    random_use();
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
    unsigned int n = PAGE_SIZE / 16;
    uint32_t h[PAGE_SIZE / 16 + 1];

    (void)state;
    grant(8, 0, 8, 0);
    for (unsigned int i = 0; i < n; i++)
        assert_int_equal(map(0, 8, GNTMAP_device_map, 0, &h[i]), GNTST_okay);
    assert_int_equal(map(0, 8, GNTMAP_device_map, 0, &h[n]), GNTST_no_space);
    for (unsigned int i = 0; i < n; i++) {
        running[0] = i % 2; /* from either vcpu */
        struct gnttab_unmap_grant_ref op = {.dev_bus_addr = 8 * PAGE_SIZE,
                                            .handle = h[i]};

        assert_int_equal(CALL(0, GNTTABOP_unmap_grant_ref, &op, 1), 0);
        assert_int_equal(op.status, GNTST_okay);
    }
    /* All of them are there for one vcpu. */
    for (unsigned int i = 0; i < n; i++)
        assert_int_equal(map(0, 8, GNTMAP_device_map, 0, &h[i]), GNTST_okay);
    assert_int_equal(map(0, 8, GNTMAP_device_map, 0, &h[n]), GNTST_no_space);
    assert_int_equal(grant_release_mappings(&domains[0]), 0);
    running[0] = 0;
}

static void a_dying_domain_gives_mappings_back(void **state)
{
    uint32_t h;

    (void)state;
    grant(8, 2, 8, 0);
    assert_int_equal(map(2, 8, GNTMAP_device_map, 0, &h), GNTST_okay);
    assert_int_equal(map(2, 8, GNTMAP_device_map | GNTMAP_readonly, 0, &h),
                     GNTST_okay);
    assert_int_equal(domains[OWNER].refs, 3);
    assert_int_equal(grant_release_mappings(&domains[2]), 0);
    assert_int_equal(domains[OWNER].refs, 1);
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
        if (grant_domain_init(&d, 4, 1, 2) == 0) {
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

/* ---- version 2 ---- */

static uint32_t set_version(unsigned int v, int rc)
{
    struct gnttab_set_version op = {.version = v};

    assert_int_equal(CALL(OWNER, GNTTABOP_set_version, &op, 1), rc);
    return op.version;
}

static void versions_change_only_when_idle(void **state)
{
    uint32_t h;

    (void)state;
    assert_int_equal(set_version(0, -EINVAL), 1);
    assert_int_equal(set_version(3, -EINVAL), 1);
    grant(8, 0, 8, 0);
    assert_int_equal(map(0, 8, GNTMAP_host_map, 0, &h), GNTST_okay);
    assert_int_equal(set_version(1, 0), 1); /* no change */
    assert_int_equal(set_version(2, -EBUSY), 1);
    assert_int_equal(unmap(0, h, 0), GNTST_okay);
    assert_int_equal(set_version(2, 0), 2);
    version = 2;
    /* What was granted is not granted any more. */
    assert_int_equal(map(0, 8, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    grant(8, 0, 8, 0);
    assert_int_equal(map(0, 8, GNTMAP_host_map, 0, &h), GNTST_okay);
    assert_int_equal(set_version(1, -EBUSY), 2);
    assert_int_equal(unmap(0, h, 0), GNTST_okay);
    domains[OWNER].grant.max_version = 1;
    assert_int_equal(set_version(2, -ENOSYS), 2);
    assert_int_equal(set_version(1, 0), 1);
    assert_int_equal(set_version(2, -ENOSYS), 1);
}

/* Console and xenstore go on over a change, mapped as they are. */
static void reserved_entries_survive_a_change_in_use(void **state)
{
    uint32_t h, g;

    (void)state;
    grant(0, 0, 8, 0);
    grant(1, 0, 9, GTF_readonly);
    assert_int_equal(map(0, 0, GNTMAP_host_map, 0, &h), GNTST_okay);
    to_version(2);
    assert_int_equal(use_of(0), GTF_reading | GTF_writing);
    assert_int_equal(*flags_of(0), GTF_permit_access);
    assert_int_equal(entry2(0)->full_page.frame, 8);
    assert_int_equal(*flags_of(1), GTF_permit_access | GTF_readonly);
    assert_int_equal(use_of(1), 0);
    assert_int_equal(map(0, 1, GNTMAP_host_map | GNTMAP_readonly, 1, &g),
                     GNTST_okay);
    to_version(1);
    assert_int_equal(use_of(0), GTF_reading | GTF_writing);
    assert_int_equal(use_of(1), GTF_reading);
    assert_int_equal(entry(0)->frame, 8);
    assert_int_equal(unmap(0, h, 0), GNTST_okay);
    assert_int_equal(unmap(0, g, 1), GNTST_okay);
    assert_int_equal(use_of(0) | use_of(1), 0);
    to_version(2);
    entry2(1)->full_page.frame = 1UL << 32;
    assert_int_equal(set_version(1, -ERANGE), 2);
    entry2(1)->sub_page.hdr.flags |= GTF_sub_page; /* cannot be said in 1 */
    to_version(1);
    assert_int_equal(*flags_of(1), 0);
    assert_int_equal(*flags_of(0), GTF_permit_access);
}

/* 256 entries in a frame, one status frame for eight. */
static void status_frames_are_listed(void **state)
{
    uint64_t *list = (uint64_t *)(args + PAGE_SIZE);
    struct gnttab_get_status_frames op = {.dom = DOMID_SELF, .nr_frames = 1};
    struct gnttab_setup_table grow = {.dom = DOMID_SELF, .nr_frames = 4};
    mfn_t m;
    uint32_t h;

    (void)state;
    set_xen_guest_handle(op.frame_list, list);
    set_xen_guest_handle(grow.frame_list, list);
    assert_int_equal(CALL(OWNER, GNTTABOP_get_status_frames, &op, 1), 0);
    assert_int_equal(op.status, GNTST_general_error);
    assert_int_equal(grant_get_frame(&domains[OWNER], true, 0, &m), -EINVAL);
    assert_int_equal(grant_max_frames(&domains[OWNER], true), 0);
    to_version(2);
    assert_int_equal(grant_max_frames(&domains[OWNER], true), 1);
    assert_int_equal(CALL(OWNER, GNTTABOP_get_status_frames, &op, 1), 0);
    assert_int_equal(op.status, GNTST_okay);
    assert_ptr_equal(mfn_to_virt(mfn(list[0])), domains[OWNER].grant.status[0]);
    assert_int_equal(grant_get_frame(&domains[OWNER], true, 0, &m), 0);
    assert_int_equal(mfn_x(m), list[0]);
    assert_int_equal(grant_get_frame(&domains[OWNER], true, 1, &m), -EINVAL);
    op.nr_frames = 2;
    assert_int_equal(CALL(OWNER, GNTTABOP_get_status_frames, &op, 1), 0);
    assert_int_equal(op.status, GNTST_general_error);
    op.dom = 0;
    assert_int_equal(CALL(OWNER, GNTTABOP_get_status_frames, &op, 1), 0);
    assert_int_equal(op.status, GNTST_permission_denied);
    assert_int_equal(map(0, 256, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    assert_int_equal(CALL(OWNER, GNTTABOP_setup_table, &grow, 1), 0);
    assert_int_equal(grow.status, GNTST_okay);
    *(grant_status_t *)&domains[OWNER].grant.status[0][1000] = 0;
    {
        union grant_entry_v2 *e = domains[OWNER].grant.shared[3];

        e[1000 % 256].full_page.frame = 8;
        e[1000 % 256].hdr = (struct grant_entry_header){GTF_permit_access, 0};
    }
    assert_int_equal(map(0, 1000, GNTMAP_host_map, 0, &h), GNTST_okay);
    assert_int_equal(domains[OWNER].grant.status[0][1000],
                     GTF_reading | GTF_writing);
    assert_int_equal(unmap(0, h, 0), GNTST_okay);
    assert_int_equal(domains[OWNER].grant.status[0][1000], 0);
    assert_int_equal(map(0, 1024, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
}

static struct gnttab_copy copy_from_ref(unsigned int ref, unsigned int offset,
                                        unsigned int len)
{
    return (struct gnttab_copy){
        .source = {.u.ref = ref, .domid = OWNER, .offset = (uint16_t)offset},
        .dest = {.u.gmfn = 100, .domid = DOMID_SELF},
        .len = (uint16_t)len,
        .flags = GNTCOPY_source_gref};
}

static void part_of_a_page_can_be_copied_not_mapped(void **state)
{
    uint32_t h;

    (void)state;
    to_version(2);
    memset(mfn_to_virt(mfn(8)), 'x', PAGE_SIZE);
    grant(8, 2, 8, GTF_sub_page);
    entry2(8)->sub_page.page_off = 100;
    entry2(8)->sub_page.length = 50;
    assert_int_equal(map(2, 8, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    assert_int_equal(copy(2, copy_from_ref(8, 100, 50)), GNTST_okay);
    assert_int_equal(copy(2, copy_from_ref(8, 149, 1)), GNTST_okay);
    assert_int_equal(copy(2, copy_from_ref(8, 99, 2)), GNTST_general_error);
    assert_int_equal(copy(2, copy_from_ref(8, 149, 2)), GNTST_general_error);
    assert_int_equal(copy(2, copy_from_ref(8, 150, 1)), GNTST_general_error);
    /* Beyond the page: the page's end rules. */
    entry2(8)->sub_page.page_off = 4090;
    entry2(8)->sub_page.length = 0xffff;
    assert_int_equal(copy(2, copy_from_ref(8, 4090, 6)), GNTST_okay);
    assert_int_equal(copy(2, copy_from_ref(8, 4090, 7)), GNTST_bad_copy_arg);
    assert_true(revoke(8));
}

/* The owner (1) hands on to 2 what 0 granted it. */
static void transitive(unsigned int ref, domid_t of, uint32_t ref_there,
                       uint16_t flags)
{
    entry2(ref)->transitive.trans_domid = of;
    entry2(ref)->transitive.gref = ref_there;
    entry2(ref)->hdr = (struct grant_entry_header){GTF_transitive | flags, 2};
}

static void grants_can_be_handed_on_for_copies(void **state)
{
    struct grant_entry_v1 *e0 = domains[0].grant.shared[0];
    uint32_t h;

    (void)state;
    to_version(2);
    for (unsigned int m = 40; m < 48; m++)
        host_frames[m].owner = &domains[0];
    memset(mfn_to_virt(mfn(40)), 'z', PAGE_SIZE);
    e0[20] = (struct grant_entry_v1){
        .flags = GTF_permit_access | GTF_readonly, .domid = OWNER, .frame = 40};
    transitive(8, 0, 20, GTF_readonly);
    assert_int_equal(map(2, 8, GNTMAP_host_map, 0, &h), GNTST_bad_gntref);
    assert_int_equal(copy(2, copy_from_ref(8, 0, 64)), GNTST_okay);
    assert_int_equal(((char *)mfn_to_virt(mfn(100)))[63], 'z');
    assert_int_equal(use_of(8), 0);
    assert_int_equal(e0[20].flags & (GTF_reading | GTF_writing), 0);
    /* Only to whom, and only what, both ends say. */
    assert_int_equal(copy(0, copy_from_ref(8, 0, 64)), GNTST_bad_gntref);
    e0[20].domid = 2;
    assert_int_equal(copy(2, copy_from_ref(8, 0, 64)), GNTST_bad_gntref);
    e0[20].domid = OWNER;
    transitive(8, 0, 20, 0);
    {
        struct gnttab_copy op = {.source = {.u.gmfn = 100, .domid = DOMID_SELF},
                                 .dest = {.u.ref = 8, .domid = OWNER},
                                 .len = 8,
                                 .flags = GNTCOPY_dest_gref};

        assert_int_equal(copy(2, op), GNTST_permission_denied);
    }
    transitive(8, 7, 20, 0);
    assert_int_equal(copy(2, copy_from_ref(8, 0, 64)), GNTST_general_error);
    transitive(8, 0, 1 << 20, 0);
    assert_int_equal(copy(2, copy_from_ref(8, 0, 64)), GNTST_bad_gntref);
    /* To itself, and twice: no chains. */
    transitive(8, OWNER, 9, 0);
    assert_int_equal(copy(2, copy_from_ref(8, 0, 64)), GNTST_general_error);
    grant_transitive_ok = 0;
    transitive(8, 0, 20, GTF_readonly);
    assert_int_equal(copy(2, copy_from_ref(8, 0, 64)), GNTST_general_error);
    grant_transitive_ok = 1;
    assert_true(revoke(8));
    assert_int_equal(use_of(8), 0);
}

static void a_chain_of_transitive_grants_is_refused(void **state)
{
    struct gnttab_set_version two = {.version = 2};
    union grant_entry_v2 *e0 = domains[0].grant.shared[0];

    (void)state;
    to_version(2);
    assert_int_equal(CALL(0, GNTTABOP_set_version, &two, 1), 0);
    e0[20].transitive.trans_domid = 2;
    e0[20].transitive.gref = 8;
    e0[20].hdr = (struct grant_entry_header){GTF_transitive, OWNER};
    transitive(8, 0, 20, 0);
    assert_int_equal(copy(2, copy_from_ref(8, 0, 8)), GNTST_general_error);
    assert_int_equal(use_of(8), 0);
    assert_int_equal(domains[0].grant.status[0][20], 0);
}

/* ---- more rules ---- */

static void unknown_flags_are_refused(void **state)
{
    uint32_t h;

    (void)state;
    grant(8, 0, 8, 0);
    for (unsigned int bit = 5; bit < 16; bit++)
        assert_int_equal(map(0, 8, GNTMAP_host_map | 1u << bit, 0, &h),
                         GNTST_general_error);
    assert_int_equal(map(0, 8, GNTMAP_host_map | 3u << 16, 0, &h), GNTST_okay);
    assert_int_equal(unmap(0, h, 0), GNTST_okay);
}

/* One page filled from many: it is held once, and let go at the end. */
static void ends_stay_held_over_a_batch(void **state)
{
    struct gnttab_copy op[12];

    (void)state;
    grant(8, 2, 8, 0);
    grant(9, 2, 9, 0);
    for (unsigned int i = 0; i < 12; i++) {
        op[i] = (struct gnttab_copy){
            .source = {.u.gmfn = 100 + i, .domid = DOMID_SELF},
            .dest = {.u.ref = 8 + i / 6,
                     .domid = OWNER,
                     .offset = (uint16_t)(i * 8)},
            .len = 8,
            .flags = GNTCOPY_dest_gref};
        memset(mfn_to_virt(mfn(100 + i)), 'a' + (int)i, PAGE_SIZE);
    }
    op[3].dest.u.ref = 77; /* an error in between lets go, and goes on */
    assert_int_equal(CALL(2, GNTTABOP_copy, op, 12), 0);
    for (unsigned int i = 0; i < 12; i++) {
        if (i == 3) {
            assert_int_equal(op[i].status, GNTST_bad_gntref);
            continue;
        }
        assert_int_equal(op[i].status, GNTST_okay);
        assert_int_equal(((char *)mfn_to_virt(mfn(8 + i / 6)))[i * 8],
                         'a' + (int)i);
    }
    assert_true(revoke(8));
    assert_true(revoke(9));
}

/* A batch that gives way is continued where it was. */
static void batches_give_way(void **state)
{
    struct gnttab_map_grant_ref map_op[40];
    struct gnttab_unmap_grant_ref unmap_op[40];

    (void)state;
    grant(8, 0, 8, 0);
    for (unsigned int i = 0; i < 40; i++)
        map_op[i] =
            (struct gnttab_map_grant_ref){.host_addr = 0x1000UL * (i + 1),
                                          .flags = GNTMAP_host_map,
                                          .ref = 8,
                                          .dom = OWNER,
                                          .status = 9};
    preempt_after = 1;
    assert_int_equal(CALL(0, GNTTABOP_map_grant_ref, map_op, 40), 0);
    assert_true(continuation.wanted);
    assert_int_equal(continuation.cmd, GNTTABOP_map_grant_ref);
    assert_int_equal(continuation.count, 24);
    assert_int_equal(map_op[15].status, GNTST_okay);
    assert_int_equal(map_op[16].status, 9);
    assert_int_equal(do_grant_table_op(continuation.cmd, continuation.rest,
                                       continuation.count),
                     0);
    memcpy(map_op, args, sizeof(map_op));
    for (unsigned int i = 0; i < 40; i++) {
        assert_int_equal(map_op[i].status, GNTST_okay);
        unmap_op[i] = (struct gnttab_unmap_grant_ref){
            .host_addr = 0x1000UL * (i + 1), .handle = map_op[i].handle};
    }
    continuation.wanted = false;
    preempt_after = 1;
    assert_int_equal(CALL(0, GNTTABOP_unmap_grant_ref, unmap_op, 40), 0);
    assert_true(continuation.wanted);
    assert_int_equal(continuation.count, 8);
    assert_int_equal(use_of(8), GTF_reading | GTF_writing);
    assert_int_equal(do_grant_table_op(continuation.cmd, continuation.rest,
                                       continuation.count),
                     0);
    assert_true(revoke(8));
}

static void grant_active_reads(const struct domain *d, uint32_t ref, uint32_t n)
{
    grant_pinned(d, ref)->nr_read = n;
}

/* Use counts do not wrap. */
static void pins_end_at_a_limit(void **state)
{
    uint32_t h[3];

    (void)state;
    grant(8, 0, 8, 0);
    assert_int_equal(map(0, 8, GNTMAP_device_map, 0, &h[0]), GNTST_okay);
    grant_active_reads(&domains[OWNER], 8, GRANT_MAX_PINS - 1);
    assert_int_equal(map(0, 8, GNTMAP_device_map, 0, &h[1]), GNTST_no_space);
    assert_int_equal(map(0, 8, GNTMAP_device_map | GNTMAP_readonly, 0, &h[1]),
                     GNTST_no_space);
    grant_active_reads(&domains[OWNER], 8, 0);
    assert_int_equal(grant_release_mappings(&domains[0]), 0);
}

static int transfer(unsigned int dom, uint64_t frame, domid_t to, uint32_t ref)
{
    struct gnttab_transfer op = {.mfn = frame, .domid = to, .ref = ref};

    assert_int_equal(CALL(dom, GNTTABOP_transfer, &op, 1), 0);
    return op.status;
}

/* Frames of 2 (from the test's heap) go to the owner. */
static void frames_are_transferred(void **state)
{
    uint64_t f[6];

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(f); i++) {
        struct page_info *pg = heap_alloc(0, 0);

        assert_non_null(pg);
        pg->owner = &domains[2];
        f[i] = mfn_x(page_to_mfn(pg));
    }
    for (version = 1; version <= 2; version++) {
        unsigned int i = version - 1;

        assert_int_equal(set_version(version, 0), version);
        grant(8, 2, 0, 0);
        *flags_of(8) = GTF_accept_transfer;
        assert_int_equal(transfer(0, f[i], OWNER, 8), GNTST_bad_page);
        assert_int_equal(transfer(2, f[i], OWNER, 8), GNTST_okay);
        assert_ptr_equal(host_frames[f[i]].owner, &domains[OWNER]);
        assert_int_equal(*flags_of(8), GTF_accept_transfer |
                                           GTF_transfer_committed |
                                           GTF_transfer_completed);
        assert_int_equal(
            version == 1 ? entry(8)->frame : entry2(8)->full_page.frame, f[i]);
        /* Once only; and the frame is gone all the same. */
        assert_int_equal(transfer(2, f[i + 2], OWNER, 8), GNTST_bad_gntref);
        assert_null(host_frames[f[i + 2]].owner);
    }
    version = 2;
    *flags_of(8) = GTF_accept_transfer;
    assert_int_equal(transfer(2, 1UL << 50, OWNER, 8), GNTST_bad_page);
    host_frames[f[4]].state = PGS_BROKEN; /* in use */
    assert_int_equal(transfer(2, f[4], OWNER, 8), GNTST_bad_page);
    assert_ptr_equal(host_frames[f[4]].owner, &domains[2]);
    host_frames[f[4]].state = 0;
    grant_transfer_ok = 0;
    assert_int_equal(transfer(2, f[4], OWNER, 8), GNTST_bad_page);
    grant_transfer_ok = 1;
    /* No room: the entry is as before. */
    domains[OWNER].max_pages = 0;
    assert_int_equal(transfer(2, f[4], OWNER, 8), GNTST_general_error);
    assert_int_equal(*flags_of(8), GTF_accept_transfer);
    assert_int_equal(transfer(2, f[5], 7, 8), GNTST_bad_domain);
    heap_free(&host_frames[f[0]], 0);
    heap_free(&host_frames[f[1]], 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(random_use_equals_the_model),
        TEST(random_use_of_version_2_equals_the_model),
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
        TEST(versions_change_only_when_idle),
        TEST(reserved_entries_survive_a_change_in_use),
        TEST(status_frames_are_listed),
        TEST(part_of_a_page_can_be_copied_not_mapped),
        TEST(grants_can_be_handed_on_for_copies),
        TEST(a_chain_of_transitive_grants_is_refused),
        TEST(unknown_flags_are_refused),
        TEST(ends_stay_held_over_a_batch),
        TEST(batches_give_way),
        TEST(pins_end_at_a_limit),
        TEST(frames_are_transferred),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
