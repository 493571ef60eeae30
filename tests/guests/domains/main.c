/* SPDX-License-Identifier: MIT */
/*
 * Domains come and go: the kernel, as control domain, builds guests of its own
 * image (boot module 1), which say so on their console rings.
 */
#include <kit/console.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <public/sysctl.h>

static struct kit_domain guest;
static unsigned int passed, failed;

/* --- in the guest --- */

static void hypercall_works(void)
{
    EXPECT_EQ(hc_xen_version(XENVER_version, NULL), (4 << 16) | 17);
}

static void is_no_control_domain(void)
{
    struct xen_feature_info f = {.submap_idx = 0};

    EXPECT_EQ(hc_xen_version(XENVER_get_features, &f), 0);
    EXPECT_EQ(f.submap & (1 << 11), 0); /* XENFEAT_dom0 */
}

/* What createdomain allows it: see limits(). */
#define PORTS        20
#define GRANT_FRAMES 2
#define HANDLES      1024 /* 4 frames of them */

static void ports_are_limited(void)
{
    unsigned int ports = 1; /* the console's */
    long rc;

    if (!option("limits", NULL, 0))
        return;
    while ((rc = event_alloc_unbound(0)) > 0 && ports < 2 * PORTS) {
        EXPECT(rc <= PORTS);
        ports++;
    }
    EXPECT_EQ(rc, -XEN_ENOSPC);
    EXPECT(ports > 2 && ports <= PORTS);
}

static void grants_are_limited(void)
{
    uint64_t frames[GRANT_FRAMES + 1];
    struct gnttab_setup_table op = {.dom = DOMID_SELF};

    if (!option("limits", NULL, 0))
        return;
    HANDLE_SET(op.frame_list, frames);
    op.nr_frames = GRANT_FRAMES + 1;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_setup_table, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_general_error);
    op.nr_frames = GRANT_FRAMES;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_setup_table, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
}

/* As often as there are handles: for a device, which needs no address. */
static void handles_are_limited(void)
{
    struct gnttab_map_grant_ref op = {.flags =
                                          GNTMAP_device_map | GNTMAP_readonly,
                                      .ref = GRANT_FIRST,
                                      .dom = (domid_t)event_own_domid()};
    unsigned int handles = 0;

    if (!option("limits", NULL, 0))
        return;
    EXPECT_EQ(grant_init(GRANT_FRAMES), 0);
    grant_access(GRANT_FIRST, op.dom, virt_to_mfn(page_alloc()), true);
    do {
        EXPECT_EQ(hc_grant_table_op(GNTTABOP_map_grant_ref, &op, 1), 0);
        handles += op.status == GNTST_okay;
    } while (op.status == GNTST_okay && handles <= HANDLES);
    EXPECT_EQ(op.status, GNTST_no_space);
    EXPECT_EQ(handles, HANDLES);
}

static const struct test guest_tests[] = {
    {"hypercall", hypercall_works},
    {"handles", handles_are_limited}, /* before the ports are used up */
    {"ports", ports_are_limited},
    {"grants", grants_are_limited},
    {"no control domain", is_no_control_domain},
};

/* --- in the control domain --- */

static uint64_t free_memory(void)
{
    static struct xen_sysctl op;

    op.cmd = XEN_SYSCTL_physinfo;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    EXPECT_EQ(hcall1(__HYPERVISOR_sysctl, addr(&op)), 0);
    return op.u.physinfo.free_pages + op.u.physinfo.scrub_pages;
}

static void run_one(void)
{
    EXPECT_EQ(domain_build(&guest, domain_image(), "", NULL), 0);
    if (test_failed())
        return;
    domain_run_tests(&guest, "guest", 20, &passed, &failed);
    EXPECT_EQ(domain_destroy(&guest), 0);
}

static void run_and_destroy(void)
{
    run_one();
    EXPECT_EQ(domain_flags(&guest), 0);
}

/* Pages that the hypervisor keeps for its own small objects may stay. */
static void leave_nothing_behind(void)
{
    uint64_t before, after;

    run_one();
    before = free_memory();
    for (unsigned int i = 0; i < 5 && !test_failed(); i++)
        run_one();
    after = free_memory();
    EXPECT(after + 4 >= before);
}

static void destroyed_before_it_ran(void)
{
    EXPECT_EQ(domain_build(&guest, domain_image(), "", NULL), 0);
    EXPECT_EQ(domain_destroy(&guest), 0);
    EXPECT_EQ(domain_flags(&guest), 0);
}

/* The frames stay while they are mapped here, and go afterwards. */
static void mapped_while_destroyed(void)
{
    unsigned int *page;

    EXPECT_EQ(domain_build(&guest, domain_image(), "", NULL), 0);
    page = domain_map(&guest, 7, 0);
    EXPECT(page != NULL);
    if (!page)
        return;
    *page = 0x12345678;
    EXPECT_EQ(domain_destroy(&guest), 0);
    EXPECT_EQ(*page, 0x12345678);
    domain_unmap(0);
    EXPECT_EQ(domain_flags(&guest), 0);
}

static void limits(void)
{
    struct xen_domctl_createdomain cfg = domain_defaults();

    uint64_t before = free_memory(), used;

    cfg.max_evtchn_port = PORTS;
    cfg.max_grant_frames = GRANT_FRAMES;
    cfg.max_maptrack_frames = HANDLES / 256;
    EXPECT_EQ(domain_build(&guest, domain_image(), "limits", &cfg), 0);
    if (!test_failed())
        domain_run_tests(&guest, "limited guest", 20, &passed, &failed);
    /* It has taken all it can; the rest is its vcpu, and pages of objects. */
    used = before - free_memory();
    EXPECT(used >= DOMAIN_PAGES);
    EXPECT(used - DOMAIN_PAGES <= 4 + GRANT_FRAMES * 5 + 32);
    EXPECT_EQ(domain_destroy(&guest), 0);
}

static const struct test tests[] = {
    {"limits", limits},
    {"run and destroy", run_and_destroy},
    {"leave nothing behind", leave_nothing_behind},
    {"destroyed before it ran", destroyed_before_it_ran},
    {"mapped while destroyed", mapped_while_destroyed},
};

void kit_main(void)
{
    if (!(start_info->flags & SIF_INITDOMAIN)) {
        tests_run(guest_tests, ARRAY_SIZE(guest_tests));
        return;
    }
    tests_run_with(tests, ARRAY_SIZE(tests), &passed, &failed);
}
