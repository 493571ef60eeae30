/* SPDX-License-Identifier: MIT */
/*
 * memory_op on frames of RAM: what a guest may ask for, get and give back.
 * Counts, limits and the frames themselves are compared after each; a wrong
 * argument must cost nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>
#include <hv/boot.h>
#include <hv/domain.h>
#include <hv/grant.h>
#include <hv/hypercall.h>

#include <public/memory.h>

#define NR_FRAMES 4096
#define FIRST     64 /* frames below are in no heap */
#define SELF      1
#define LIMIT     1024

static struct domain domains[3];
static struct vcpu vcpus[3];
static uint64_t *list; /* guest memory: frames of a reservation */
static void *arg;
static unsigned int preempt_after; /* checks until one says yes; 0: never */
static unsigned long continued_cmd;
struct boot_info boot_info;

/* ---- the rest of the hypervisor ---- */

void domain_get(struct domain *d)
{
    d->refs++;
}

void domain_put(struct domain *d)
{
    assert_true(d->refs > 1);
    d->refs--;
}

struct domain *domain_get_any(domid_t id)
{
    struct domain *d = id == DOMID_SELF ? current->domain : NULL;

    if (id < ARRAY_SIZE(domains))
        d = &domains[id];
    if (d)
        domain_get(d);
    return d;
}

bool hypercall_preempt_check(void)
{
    return preempt_after && --preempt_after == 0;
}

long hypercall_continue(unsigned int nr, unsigned int nr_args, ...)
{
    va_list ap;

    assert_int_equal(nr, __HYPERVISOR_memory_op);
    assert_int_equal(nr_args, 2);
    va_start(ap, nr_args);
    continued_cmd = va_arg(ap, unsigned long);
    va_end(ap);
    return nr;
}

int page_unpin(struct page_info *pg)
{
    (void)pg;
    return -EINVAL;
}

void pv_drop_later(struct page_info *pg)
{
    (void)pg;
}

void page_put_and_type(struct page_info *pg)
{
    pg->state -= PGS_TREF_ONE;
    page_put(pg);
}

int arch_page_relinquish(struct domain *d, struct page_info *pg)
{
    (void)d;
    (void)pg;
    return 0;
}

int grant_get_frame(struct domain *d, bool status, unsigned int n, mfn_t *out)
{
    *out = mfn(n);
    return status || n >= 4 || !d ? -EINVAL : 0;
}

unsigned int grant_max_frames(struct domain *d, bool status)
{
    return d && !status ? 4 : 0;
}

mfn_t m2p_frame(unsigned int i)
{
    return mfn(i);
}

/* ---- set-up ---- */

static int setup(void **state)
{
    (void)state;
    host_cpus_init(1);
    host_frames_init(NR_FRAMES);
    host_heap_init(mfn(FIRST), NR_FRAMES - FIRST);
    list = host_guest_alloc(8 * PAGE_SIZE);
    arg = host_guest_alloc(PAGE_SIZE);
    preempt_after = 0;
    for (domid_t id = 0; id < ARRAY_SIZE(domains); id++) {
        struct domain *d = &domains[id];

        memset(d, 0, sizeof(*d));
        d->id = id;
        d->is_privileged = id == 0;
        d->refs = 1;
        d->page_list = d->held_list = PAGE_LINK_NONE;
        d->max_pages = LIMIT;
        spin_init(&d->ctl_lock, LOCK_RANK_DOMCTL);
        spin_init(&d->page_list_lock, LOCK_RANK_PAGE_LIST);
        vcpus[id].domain = d;
    }
    host_set_current(&vcpus[SELF]);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned int id = 0; id < ARRAY_SIZE(domains); id++) {
        assert_int_equal(domain_relinquish_pages(&domains[id]), 0);
        assert_int_equal(domains[id].tot_pages, 0);
        assert_int_equal(domains[id].refs, 1);
    }
    assert_int_equal(heap_free_pages(), NR_FRAMES - FIRST);
    assert_int_equal(host_allocs_live, 0);
    assert_int_equal(host_locks_held, 0);
    host_guest_free_all();
    return 0;
}

static long reserve(unsigned int cmd, uint64_t nr, unsigned int order,
                    domid_t domid)
{
    struct xen_memory_reservation r = {
        .nr_extents = nr, .extent_order = order, .domid = domid};

    set_xen_guest_handle(r.extent_start, list);
    memcpy(arg, &r, sizeof(r));
    return do_memory_op(cmd, (unsigned long)arg);
}

static long populate(uint64_t nr, unsigned int order)
{
    for (uint64_t i = 0; i < nr && i < 1024; i++)
        list[i] = 0x100000 + (i << order % 64);
    return reserve(XENMEM_populate_physmap, nr, order, DOMID_SELF);
}

static long decrease(uint64_t nr)
{
    return reserve(XENMEM_decrease_reservation, nr, 0, DOMID_SELF);
}

static uint64_t pages(void)
{
    return domains[SELF].tot_pages;
}

/* ---- tests ---- */

static void frames_come_and_go(void **state)
{
    (void)state;
    assert_int_equal(populate(10, 0), 10);
    assert_int_equal(populate(2, 9), 1); /* the limit */
    assert_int_equal(pages(), 522);
    for (unsigned int n = 0; n < 512; n++)
        assert_int_equal(m2p_get(mfn(list[0] + n)), 0x100000 + n);
    list[1] = list[0] + 511;
    assert_int_equal(decrease(2), 2);
    assert_int_equal(pages(), 520);
    assert_int_equal(m2p_get(mfn(list[1])), INVALID_M2P);
    assert_int_equal(decrease(2), 0); /* gone already */
}

static void wrong_arguments_cost_nothing(void **state)
{
    static const uint64_t bad[] = {0, FIRST - 1, NR_FRAMES, ~0UL, 1UL << 40};

    (void)state;
    assert_int_equal(populate(4, 0), 4);
    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        list[0] = bad[i];
        assert_int_equal(decrease(1), 0);
    }
    assert_int_equal(populate(1, 10), 0); /* more than a guest may ask */
    assert_int_equal(populate(1, ~0U), 0);
    assert_int_equal(populate(~0UL, 0), -EINVAL);
    assert_int_equal(populate(1UL << 58, 0), -EINVAL);
    assert_int_equal(
        reserve(XENMEM_populate_physmap | 5 << 18, 4, 0, DOMID_SELF), 5);
    assert_int_equal(reserve(XENMEM_populate_physmap, 1, 0, 2), -EPERM);
    assert_int_equal(reserve(XENMEM_decrease_reservation, 1, 0, 0), -EPERM);
    assert_int_equal(reserve(XENMEM_populate_physmap, 1, 0, 99), -ESRCH);
    assert_int_equal(do_memory_op(63, 0), -ENOSYS);
    assert_int_equal(do_memory_op(XENMEM_populate_physmap, 8), -EFAULT);
    host_guest_fault(list, true);
    assert_int_equal(populate(0, 0), 0);
    assert_int_equal(reserve(XENMEM_populate_physmap, 1, 0, DOMID_SELF), 0);
    host_guest_fault(list, false);
    assert_int_equal(pages(), 4);
}

/* Frames of others, and those that the hypervisor shares, are not given. */
static void only_own_ram_is_given_back(void **state)
{
    struct page_info *shared = mfn_to_page(mfn(1));

    (void)state;
    assert_int_equal(populate(1, 0), 1);
    host_set_current(&vcpus[2]);
    assert_int_equal(decrease(1), 0);
    host_set_current(&vcpus[SELF]);
    page_share_with(shared, &domains[SELF], true);
    list[0] = 1;
    assert_int_equal(decrease(1), 0);
    assert_int_equal(decrease(1), 0);
    assert_true(shared->state & PGS_ALLOCATED);
    assert_int_equal(shared->state & PGS_REF_MASK, 1);
    shared->state = 0;
    shared->owner = NULL;
}

static void a_preempted_operation_goes_on(void **state)
{
    (void)state;
    preempt_after = 7;
    assert_int_equal(populate(20, 0), __HYPERVISOR_memory_op);
    assert_int_equal(pages(), 7);
    assert_int_equal(continued_cmd, XENMEM_populate_physmap | 7 << 18);
    assert_int_equal(do_memory_op(continued_cmd, (unsigned long)arg), 20);
    assert_int_equal(pages(), 20);
}

/* In the middle of one extent, from the frame where it was. */
static void a_large_extent_goes_on(void **state)
{
    (void)state;
    assert_int_equal(populate(2, 9), 2);
    preempt_after = 3;
    assert_int_equal(reserve(XENMEM_decrease_reservation, 2, 9, DOMID_SELF),
                     __HYPERVISOR_memory_op);
    assert_int_equal(pages(), 1024 - 3 * 64);
    assert_int_equal(continued_cmd, XENMEM_decrease_reservation | 192 << 6);
    preempt_after = 5 + 3; /* the rest, between the two, and into the second */
    assert_int_equal(do_memory_op(continued_cmd, (unsigned long)arg),
                     __HYPERVISOR_memory_op);
    assert_int_equal(continued_cmd,
                     XENMEM_decrease_reservation | 1UL << 18 | 192 << 6);
    assert_int_equal(pages(), 512 - 192);
    assert_int_equal(do_memory_op(continued_cmd, (unsigned long)arg), 2);
    assert_int_equal(pages(), 0);
    /* A caller that makes progress up skips what it does not want done. */
    assert_int_equal(populate(1, 0), 1);
    assert_int_equal(
        reserve(XENMEM_decrease_reservation | 4095 << 6, 1, 0, DOMID_SELF), 1);
    assert_int_equal(pages(), 1);
}

static void a_dying_domain_gets_nothing(void **state)
{
    (void)state;
    domains[SELF].life = DOM_DYING;
    assert_int_equal(populate(4, 0), 0);
    assert_int_equal(domain_claim_pages(&domains[SELF], 8), -EINVAL);
    assert_int_equal(domain_claimed_pages(), 0);
}

static void claims_hold_memory_back(void **state)
{
    uint64_t nr_free = heap_free_pages();

    (void)state;
    domains[2].max_pages = NR_FRAMES;
    assert_int_equal(domain_claim_pages(&domains[2], nr_free + 1), -ENOMEM);
    assert_int_equal(domain_claim_pages(&domains[2], nr_free - 5), 0);
    assert_int_equal(populate(10, 0), 5);
    assert_int_equal(domain_claim_pages(&domains[2], 0), 0);
    assert_int_equal(populate(10, 0), 10);
    assert_int_equal(domain_claimed_pages(), 0);
}

/* ---- exchange ---- */

static struct xen_memory_exchange exchange_of(uint64_t nr_in,
                                              unsigned int order_in,
                                              uint64_t nr_out,
                                              unsigned int order_out)
{
    struct xen_memory_exchange x = {
        .in = {.nr_extents = nr_in,
               .extent_order = order_in,
               .domid = DOMID_SELF},
        .out = {.nr_extents = nr_out,
                .extent_order = order_out,
                .domid = DOMID_SELF},
    };

    set_xen_guest_handle(x.in.extent_start, list);
    set_xen_guest_handle(x.out.extent_start, list + 1024);
    return x;
}

static long exchange(struct xen_memory_exchange *x)
{
    long rc;

    memcpy(arg, x, sizeof(*x));
    rc = do_memory_op(XENMEM_exchange, (unsigned long)arg);
    memcpy(x, arg, sizeof(*x));
    return rc;
}

static void frames_are_exchanged(void **state)
{
    struct xen_memory_exchange x = exchange_of(64, 0, 1, 6);

    (void)state;
    assert_int_equal(populate(64, 0), 64);
    list[1024] = 0x5000;
    assert_int_equal(exchange(&x), 0);
    assert_int_equal(x.nr_exchanged, 64);
    assert_int_equal(pages(), 64);
    assert_int_equal(list[1024] % 64, 0);
    assert_int_equal(m2p_get(mfn(list[1024] + 63)), 0x5000 + 63);
    assert_int_equal(m2p_get(mfn(list[0])), INVALID_M2P);
}

static void an_exchange_gives_way_before_it_begins(void **state)
{
    struct xen_memory_exchange x = exchange_of(1, 7, 128, 0);
    uint64_t nr_free;

    (void)state;
    assert_int_equal(populate(1, 7), 1);
    for (unsigned int i = 0; i < 128; i++)
        list[1024 + i] = 0x7000 + i;
    nr_free = heap_free_pages();
    preempt_after = 2;
    assert_int_equal(exchange(&x), __HYPERVISOR_memory_op);
    assert_int_equal(continued_cmd, XENMEM_exchange);
    assert_int_equal(x.nr_exchanged, 0);
    assert_int_equal(heap_free_pages(), nr_free);
    assert_int_equal(list[1024], 0x7000);
    assert_int_equal(exchange(&x), 0);
    assert_int_equal(x.nr_exchanged, 1);
    assert_int_equal(pages(), 128);
}

/* A frame in use, or not the guest's: nothing changed hands. */
static void an_exchange_is_all_or_nothing(void **state)
{
    struct xen_memory_exchange x = exchange_of(4, 0, 1, 2);
    struct page_info *pg;

    (void)state;
    assert_int_equal(populate(4, 0), 4);
    pg = mfn_to_page(mfn(list[2]));
    assert_true(page_get(pg, &domains[SELF]));
    assert_int_equal(exchange(&x), -EINVAL);
    page_put(pg);
    assert_int_equal(x.nr_exchanged, 0);
    list[3] = list[0]; /* the same twice */
    assert_int_equal(exchange(&x), -EINVAL);
    list[3] = 3;
    assert_int_equal(exchange(&x), -EINVAL);
    assert_int_equal(pages(), 4);
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(mfn_to_page(mfn(list[i]))->state, PGS_ALLOCATED | 1);
}

/* The guest's second vcpu takes the list away once it has been read. */
static uint64_t *second_slot;

static void slot_goes(uint64_t va, size_t n)
{
    (void)n;
    if (va == (uint64_t)(uintptr_t)second_slot)
        host_guest_fault(second_slot, true);
}

/* The second of two chunks fails with its frames frozen: the guest has them
 * as they were, and the heap has the new ones. */
static void a_chunk_that_fails_is_undone(void **state)
{
    struct xen_memory_exchange x = exchange_of(8, 0, 2, 2);
    uint64_t *page = list + 5 * PAGE_SIZE / sizeof(*list);
    uint64_t free_before, was[8];

    (void)state;
    assert_int_equal(populate(8, 0), 8);
    memcpy(was, list, sizeof(was));
    second_slot = page;
    set_xen_guest_handle(x.out.extent_start, page - 1);
    page[-1] = 0x500;
    page[0] = 0x600;
    free_before = heap_free_pages();
    host_guest_after_read = slot_goes;
    assert_int_equal(exchange(&x), -EFAULT);
    host_guest_after_read = NULL;
    host_guest_fault(page, false);
    assert_int_equal(x.nr_exchanged, 4);
    assert_int_equal(heap_free_pages(), free_before);
    assert_int_equal(pages(), 8);
    assert_int_equal(m2p_get(mfn(page[-1] + 3)), 0x503);
    assert_int_equal(page[0], 0x600);
    for (unsigned int i = 4; i < 8; i++) {
        assert_ptr_equal(mfn_to_page(mfn(was[i]))->owner, &domains[SELF]);
        assert_int_equal(mfn_to_page(mfn(was[i]))->state, PGS_ALLOCATED | 1);
    }
}

static void end_begins(uint64_t va, size_t n)
{
    (void)va;
    (void)n;
    domains[SELF].life = DOM_DYING;
}

/* Its end passes frozen frames over: they are let go when they thaw. */
static void a_domain_that_dies_meanwhile_loses_nothing(void **state)
{
    struct xen_memory_exchange x = exchange_of(4, 0, 1, 2);
    uint64_t *out = list + 4 * PAGE_SIZE / sizeof(*list);

    (void)state;
    assert_int_equal(populate(4, 0), 4);
    host_guest_after_read = end_begins;
    out[0] = 0x700;
    set_xen_guest_handle(x.out.extent_start, out);
    assert_int_equal(exchange(&x), -EINVAL);
    host_guest_after_read = NULL;
    assert_int_equal(out[0], 0x700);
    assert_int_equal(pages(), 4);
}

static void frozen_frames_are_left_to_who_froze_them(void **state)
{
    struct page_info *pg;

    (void)state;
    assert_int_equal(populate(3, 0), 3);
    pg = page_get_from_mfn(mfn(list[1]), &domains[SELF]);
    assert_non_null(pg);
    assert_true(domain_freeze_page(pg));
    assert_false(page_get(pg, &domains[SELF]));
    domains[SELF].life = DOM_DYING;
    assert_int_equal(domain_relinquish_pages(&domains[SELF]), 0);
    assert_int_equal(pages(), 1);
    domain_thaw_page(pg);
    assert_int_equal(pages(), 0);
}

static void only_unused_frames_freeze(void **state)
{
    struct page_info *pg;

    (void)state;
    assert_int_equal(populate(1, 0), 1);
    pg = page_get_from_mfn(mfn(list[0]), &domains[SELF]);
    assert_true(page_get(pg, &domains[SELF]));
    assert_false(domain_freeze_page(pg));
    page_put(pg);
    pg->state += PGS_TREF_ONE;
    assert_false(domain_freeze_page(pg));
    pg->state -= PGS_TREF_ONE;
    assert_true(domain_take_page(pg));
    assert_int_equal(pages(), 0);
    assert_null(pg->owner);
    heap_free(pg, 0);
}

static void wrong_exchanges_are_refused(void **state)
{
    struct xen_memory_exchange x = exchange_of(1, 10, 1, 10);

    (void)state;
    assert_int_equal(exchange(&x), -EPERM);
    x = exchange_of(3, 0, 1, 2);
    assert_int_equal(exchange(&x), -EINVAL);
    x = exchange_of(1UL << 62, 2, 1UL << 62, 2);
    assert_int_equal(exchange(&x), -EINVAL);
    x = exchange_of(4, 0, 1, 2);
    x.nr_exchanged = 5;
    assert_int_equal(exchange(&x), -EINVAL);
    x.nr_exchanged = 2; /* within a chunk */
    assert_int_equal(exchange(&x), -EINVAL);
    x = exchange_of(4, 0, 1, 2);
    x.out.domid = 2;
    assert_int_equal(exchange(&x), -EINVAL);
    x.in.domid = 2;
    assert_int_equal(exchange(&x), -EPERM);
    x = exchange_of(4, 0, 1, 2);
    host_alloc_fail_in = 1;
    assert_int_equal(exchange(&x), -ENOMEM);
    host_alloc_fail_in = 0;
}

/* ---- what is only told to some ---- */

static void privileged_questions(void **state)
{
    static const unsigned int cmds[] = {
        XENMEM_machine_memory_map, XENMEM_set_memory_map, XENMEM_claim_pages};

    (void)state;
    memset(arg, 0, PAGE_SIZE);
    for (unsigned int i = 0; i < ARRAY_SIZE(cmds); i++)
        assert_int_equal(do_memory_op(cmds[i], (unsigned long)arg), -EPERM);
    *(domid_t *)arg = 2;
    assert_int_equal(
        do_memory_op(XENMEM_current_reservation, (unsigned long)arg), -EPERM);
    *(domid_t *)arg = DOMID_SELF;
    assert_int_equal(
        do_memory_op(XENMEM_maximum_reservation, (unsigned long)arg), LIMIT);
    assert_int_equal(do_memory_op(XENMEM_memory_map, (unsigned long)arg),
                     -ENOSYS);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(frames_come_and_go),
        TEST(wrong_arguments_cost_nothing),
        TEST(only_own_ram_is_given_back),
        TEST(a_preempted_operation_goes_on),
        TEST(a_large_extent_goes_on),
        TEST(a_dying_domain_gets_nothing),
        TEST(claims_hold_memory_back),
        TEST(frames_are_exchanged),
        TEST(an_exchange_gives_way_before_it_begins),
        TEST(an_exchange_is_all_or_nothing),
        TEST(a_chunk_that_fails_is_undone),
        TEST(a_domain_that_dies_meanwhile_loses_nothing),
        TEST(frozen_frames_are_left_to_who_froze_them),
        TEST(only_unused_frames_freeze),
        TEST(wrong_exchanges_are_refused),
        TEST(privileged_questions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
