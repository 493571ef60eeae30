/* SPDX-License-Identifier: MIT */
/*
 * Every row of the table of permissions, tried by guests that have no right to
 * it, and by guests that were given just one. The control domain builds a
 * bystander, which others may want to do something to, and then one guest for
 * each role:
 *
 *     plain   has no rights
 *     model   is the device model of the bystander
 *     driver  has one port, one frame and one interrupt
 *     store   is the store's domain
 *
 * The roles are told by the command line: `role=NAME other=DOMID own=DOMID`.
 */
#include <kit/console.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/port.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/trap.h>
#include <public/physdev.h>

#include "rows.h"

#define NOBODY_HAS 77 /* a domain that does not exist */

/* What the driver is given: a port and a frame of the screen, a line of the
 * interrupt controller. */
#define PORT  0x3c4 /* index of the sequencer: it keeps three bits */
#define FRAME 0xb8
#define LINE  20

static unsigned int passed, failed;

static unsigned int number_option(const char *key)
{
    char text[16] = "";
    unsigned int n = 0;

    option(key, text, sizeof(text));
    for (const char *p = text; *p; p++)
        n = n * 10 + (unsigned int)(*p - '0');
    return n;
}

static unsigned int other(void)
{
    return number_option("other");
}

/* ---- rows as they are refused, and let through ---- */

static void expect_refused(const struct row *r, unsigned int domid)
{
    long rc = row_call(r, domid);

    if (rc != r->refusal)
        test_fail(__FILE__, __LINE__, "%s of d%u gives %ld, not %ld", r->name,
                  domid, rc, r->refusal);
}

/* It may fail then, but for another reason. */
static void expect_allowed(const struct row *r, unsigned int domid)
{
    long rc = row_call(r, domid);

    if (rc == r->refusal)
        test_fail(__FILE__, __LINE__, "%s of d%u is refused: %ld", r->name,
                  domid, rc);
}

typedef void (*expectation)(const struct row *r, unsigned int domid);

static void each_row(enum who who, unsigned int domid, expectation expect)
{
    for (unsigned int i = 0; i < nr_rows; i++) {
        if (rows[i].who == who && row_is_callable(&rows[i]))
            expect(&rows[i], domid);
    }
}

static void refused(enum who who)
{
    each_row(who, 0, expect_refused);
    if (!test_failed())
        each_row(who, other(), expect_refused);
}

static void control_refused(void)
{
    refused(CONTROL);
}

static void nobody_refused(void)
{
    refused(NOBODY);
}

static void store_refused(void)
{
    refused(STORE);
}

static void driver_refused(void)
{
    refused(DRIVER);
}

static void model_refused(void)
{
    refused(MODEL);
}

static void others_refused(void)
{
    refused(OWN);
}

/* A model's rights end at its target. */
static void dom0_refused(void)
{
    each_row(MODEL, 0, expect_refused);
    each_row(OWN, 0, expect_refused);
}

static void own_allowed(void)
{
    each_row(OWN, DOMID_SELF, expect_allowed);
}

static void absent(const struct row *r, unsigned int domid)
{
    long rc;

    /* The status codes have a name of their own for it. */
    if (r->target_at < 0 || r->hypercall == __HYPERVISOR_grant_table_op)
        return;
    /* These look at other arguments first. */
    if (r->hypercall == __HYPERVISOR_memory_op && r->op == XENMEM_exchange)
        return;
    rc = row_call(r, domid);
    if (rc != -XEN_ESRCH && rc != r->refusal)
        test_fail(__FILE__, __LINE__, "%s of nobody gives %ld", r->name, rc);
}

static void domains_that_are_not(void)
{
    static const unsigned int ids[] = {NOBODY_HAS, DOMID_IO,   DOMID_XEN,
                                       DOMID_COW,  DOMID_IDLE, DOMID_INVALID,
                                       DOMID_MASK, 0xffff};

    for (unsigned int i = 0; i < ARRAY_SIZE(ids); i++) {
        each_row(OWN, ids[i], absent);
        each_row(MODEL, ids[i], absent);
        each_row(CONTROL, ids[i], absent);
    }
}

/* Frames of DOMID_IO and DOMID_XEN may be named; one's own number may not. */
static void foreign_domids(void)
{
    const struct row r = {.hypercall = __HYPERVISOR_mmuext_op,
                          .op = MMUEXT_TLB_FLUSH_LOCAL,
                          .who = OWN};

    EXPECT_EQ(row_call(&r, DOMID_SELF), 0);
    EXPECT_EQ(row_call(&r, number_option("own")), -XEN_ESRCH);
    EXPECT_EQ(row_call(&r, DOMID_IO), -XEN_EPERM);
    EXPECT_EQ(row_call(&r, DOMID_XEN), -XEN_EPERM);
    EXPECT_EQ(row_call(&r, DOMID_COW), -XEN_ESRCH);
    EXPECT_EQ(row_call(&r, DOMID_INVALID), -XEN_ESRCH);
    EXPECT_EQ(row_call(&r, NOBODY_HAS), -XEN_ESRCH);
}

/* ---- the model ---- */

static void target_allowed(void)
{
    for (unsigned int i = 0; i < nr_rows; i++) {
        const struct row *r = &rows[i];

        /* It has no interrupt to give. */
        if (r->hypercall == __HYPERVISOR_physdev_op &&
            r->op == PHYSDEVOP_map_pirq)
            continue;
        /* The bystander is not to lose its channels. */
        if (r->hypercall == __HYPERVISOR_event_channel_op &&
            r->op == EVTCHNOP_reset)
            continue;
        /* What works on the current page tables only, says so by the same
         * error. */
        if (r->hypercall == __HYPERVISOR_mmuext_op &&
            r->op > MMUEXT_UNPIN_TABLE && r->op != MMUEXT_CLEAR_PAGE &&
            r->op != MMUEXT_COPY_PAGE)
            continue;
        if ((r->who == OWN || r->who == MODEL) && row_is_callable(r))
            expect_allowed(r, other());
    }
}

/* Map a frame of the target and write to it. */
static void target_mapped(void)
{
    struct xen_memory_reservation m;
    uint64_t frame = 4000; /* a pfn that is free there */
    void *va = window(1);

    memset(&m, 0, sizeof(m));
    m.nr_extents = 1;
    m.domid = (domid_t)other();
    HANDLE_SET(m.extent_start, &frame);
    EXPECT_EQ(hc_memory_op(XENMEM_populate_physmap, &m), 1);
    EXPECT_EQ(hcall4(__HYPERVISOR_update_va_mapping_otherdomain, addr(va),
                     pte_make(frame, KERNEL_RW), UVMF_INVLPG | UVMF_ALL,
                     other()),
              0);
    if (test_failed())
        return;
    *(volatile unsigned int *)va = 7;
    EXPECT_EQ(hcall4(__HYPERVISOR_update_va_mapping, addr(va), 0,
                     UVMF_INVLPG | UVMF_ALL, 0),
              0);
    EXPECT_EQ(hc_memory_op(XENMEM_decrease_reservation, &m), 1);
}

/* ---- the driver ---- */

static void iopl(void)
{
    struct physdev_set_iopl op = {.iopl = 1};

    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_set_iopl, &op), 0);
}

static void port_given(void)
{
    iopl();
    out8(PORT, 5);
    EXPECT_EQ(in8(PORT), 5);
    out8(PORT, 2);
    EXPECT_EQ(in8(PORT), 2);
}

/* The one beside it, those with a meaning, and an access that reaches out. */
static void ports_not_given(void)
{
    uint16_t wide;

    iopl();
    EXPECT_EQ(in8(PORT + 1), 0xff);
    EXPECT_EQ(in8(PORT - 1), 0xff);
    EXPECT_EQ(in8(0x71), 0xff);
    EXPECT_EQ(in8(0xcfc), 0xff);
    EXPECT_EQ(in8(0x61), 0xff);
    asm volatile("inw %1, %0" : "=a"(wide) : "Nd"((uint16_t)PORT));
    EXPECT_EQ(wide >> 8, 0xff);
}

static void no_ports(void)
{
    iopl();
    EXPECT_EQ(in8(PORT), 0xff);
    EXPECT_EQ(in8(0x71), 0xff);
}

static long map_frame(uint64_t mfn)
{
    return hcall4(__HYPERVISOR_update_va_mapping_otherdomain, addr(window(2)),
                  pte_make(mfn, KERNEL_RW), UVMF_INVLPG | UVMF_ALL, DOMID_IO);
}

/* update_va_mapping_otherdomain is for the control domain where DOMID_IO is
 * named (ABI); mmu_update is what Linux uses. */
static long map_io(uint64_t mfn)
{
    return pte_set_owned(pte_maddr(window(2), 1), pte_make(mfn, KERNEL_RW),
                         DOMID_IO);
}

static void frame_given(void)
{
    EXPECT_EQ(map_io(FRAME), 0);
    if (test_failed())
        return;
    (void)*(volatile unsigned char *)window(2);
    EXPECT_EQ(map_page(window(2), 0), 0);
    EXPECT_EQ(map_frame(FRAME), -XEN_EPERM);
}

static void frames_not_given(void)
{
    EXPECT_EQ(map_io(FRAME + 1), -XEN_EPERM);
    EXPECT_EQ(map_io(FRAME - 1), -XEN_EPERM);
    EXPECT_EQ(map_io(0xfee00), -XEN_EPERM);
}

static void no_frames(void)
{
    EXPECT_EQ(map_io(FRAME), -XEN_EPERM);
}

static long bind_line(unsigned int pirq)
{
    struct evtchn_bind_pirq op = {.pirq = pirq};
    long rc = hc_event_channel_op(EVTCHNOP_bind_pirq, &op);

    return rc ? rc : (long)op.port;
}

static void line_given(void)
{
    struct physdev_irq_status_query query = {.irq = LINE};
    struct physdev_eoi eoi = {.irq = LINE};
    long port = bind_line(LINE);

    EXPECT(port > 0);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_irq_status_query, &query), 0);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_eoi, &eoi), 0);
    if (port > 0)
        EXPECT_EQ(event_close((unsigned int)port), 0);
}

static void lines_not_given(void)
{
    struct physdev_irq_status_query query = {.irq = LINE + 1};
    struct physdev_eoi eoi = {.irq = LINE + 1};

    EXPECT_EQ(bind_line(LINE + 1), -XEN_EPERM);
    EXPECT_EQ(bind_line(0), -XEN_EPERM);
    EXPECT_EQ(bind_line(100000), -XEN_EINVAL);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_irq_status_query, &query), -XEN_EINVAL);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_eoi, &eoi), -XEN_EINVAL);
}

static void no_lines(void)
{
    EXPECT_EQ(bind_line(LINE), -XEN_EPERM);
}

static void driver_allowed(void)
{
    each_row(DRIVER, DOMID_SELF, expect_allowed);
}

/* ---- the store ---- */

static void store_allowed(void)
{
    each_row(STORE, 0, expect_allowed);
    each_row(STORE, other(), expect_allowed);
}

/* ---- who runs what ---- */

#define ALL_BUT_MODEL                    \
    {"rows for models", model_refused},  \
    {                                    \
        "rows on others", others_refused \
    }

#define ALL                                                                   \
    {"rows for the control domain", control_refused},                         \
        {"rows for nobody", nobody_refused}, {"rows on itself", own_allowed}, \
        {"domains that are not", domains_that_are_not},                       \
    {                                                                         \
        "foreign domids", foreign_domids                                      \
    }

static const struct test plain_tests[] = {
    ALL,
    ALL_BUT_MODEL,
    {"rows for the store", store_refused},
    {"rows for drivers", driver_refused},
    {"no ports", no_ports},
    {"no frames", no_frames},
    {"no lines", no_lines},
};

static const struct test model_tests[] = {
    ALL,
    {"rows for the store", store_refused},
    {"rows for drivers", driver_refused},
    {"rows on dom0", dom0_refused},
    {"rows on the target", target_allowed},
    {"frames of the target", target_mapped},
};

static const struct test driver_tests[] = {
    ALL,
    ALL_BUT_MODEL,
    {"rows for the store", store_refused},
    {"rows for drivers", driver_allowed},
    {"the port", port_given},
    {"other ports", ports_not_given},
    {"the frame", frame_given},
    {"other frames", frames_not_given},
    {"the line", line_given},
    {"other lines", lines_not_given},
};

static const struct test store_tests[] = {
    ALL,
    ALL_BUT_MODEL,
    {"rows for drivers", driver_refused},
    {"rows for the store", store_allowed},
};

static const struct {
    const char *name;
    const struct test *tests;
    unsigned int nr;
} roles[] = {
    {"plain", plain_tests, ARRAY_SIZE(plain_tests)},
    {"model", model_tests, ARRAY_SIZE(model_tests)},
    {"driver", driver_tests, ARRAY_SIZE(driver_tests)},
    {"store", store_tests, ARRAY_SIZE(store_tests)},
};

static void guest_main(void)
{
    char role[16] = "";

    option("role", role, sizeof(role));
    for (unsigned int i = 0; i < ARRAY_SIZE(roles); i++) {
        if (!strncmp(role, roles[i].name, sizeof(role)))
            tests_run(roles[i].tests, roles[i].nr);
    }
}

/* ---- the control domain ---- */

static struct kit_domain bystander, guest;
static struct xen_domctl op;

static long give_target(void)
{
    memset(&op, 0, sizeof(op));
    op.u.set_target.target = bystander.id;
    return domctl(&op, XEN_DOMCTL_set_target, guest.id);
}

static long give_devices(bool give)
{
    struct physdev_map_pirq map = {.domid = guest.id,
                                   .type = MAP_PIRQ_TYPE_GSI,
                                   .index = LINE,
                                   .pirq = LINE};
    long rc;

    memset(&op, 0, sizeof(op));
    op.u.ioport_permission.first_port = PORT;
    op.u.ioport_permission.nr_ports = 1;
    op.u.ioport_permission.allow_access = give;
    rc = domctl(&op, XEN_DOMCTL_ioport_permission, guest.id);
    memset(&op, 0, sizeof(op));
    op.u.iomem_permission.first_mfn = FRAME;
    op.u.iomem_permission.nr_mfns = 1;
    op.u.iomem_permission.allow_access = give;
    rc = rc ?: domctl(&op, XEN_DOMCTL_iomem_permission, guest.id);
    memset(&op, 0, sizeof(op));
    op.u.irq_permission.pirq = LINE;
    op.u.irq_permission.allow_access = give;
    rc = rc ?: domctl(&op, XEN_DOMCTL_irq_permission, guest.id);
    return rc ?: give ? hc_physdev_op(PHYSDEVOP_map_pirq, &map) : 0;
}

static void run_role(const char *role, long (*give)(void), uint32_t flags)
{
    struct xen_domctl_createdomain cfg = domain_defaults();
    char line[64];

    cfg.flags = flags;
    /* Its number is the next one. */
    format_to(line, sizeof(line), "role=%s other=%u own=%u", role, bystander.id,
              guest.id + 1U);
    EXPECT_EQ(domain_build(&guest, domain_image(), line, &cfg), 0);
    if (!test_failed() && give)
        EXPECT_EQ(give(), 0);
    if (!test_failed())
        domain_run_tests(&guest, role, 20, &passed, &failed);
    EXPECT_EQ(domain_destroy(&guest), 0);
}

static void plain(void)
{
    run_role("plain", NULL, 0);
}

static void model(void)
{
    run_role("model", give_target, 0);
}

static long give_all(void)
{
    return give_devices(true);
}

static void driver(void)
{
    run_role("driver", give_all, 0);
}

static long give_and_take(void)
{
    return give_devices(true) ?: give_devices(false);
}

static void store(void)
{
    run_role("store", NULL, XEN_DOMCTL_CDF_xs_domain);
}

/* ---- the giving itself ---- */

static long ports(unsigned int first, unsigned int nr)
{
    memset(&op, 0, sizeof(op));
    op.u.ioport_permission.first_port = first;
    op.u.ioport_permission.nr_ports = nr;
    op.u.ioport_permission.allow_access = 1;
    return domctl(&op, XEN_DOMCTL_ioport_permission, bystander.id);
}

static long frames(uint64_t first, uint64_t nr)
{
    memset(&op, 0, sizeof(op));
    op.u.iomem_permission.first_mfn = first;
    op.u.iomem_permission.nr_mfns = nr;
    op.u.iomem_permission.allow_access = 1;
    return domctl(&op, XEN_DOMCTL_iomem_permission, bystander.id);
}

static long line(unsigned int pirq)
{
    memset(&op, 0, sizeof(op));
    op.u.irq_permission.pirq = pirq;
    op.u.irq_permission.allow_access = 1;
    return domctl(&op, XEN_DOMCTL_irq_permission, bystander.id);
}

static void bad_ranges(void)
{
    EXPECT_EQ(ports(65536, 1), -XEN_EINVAL);
    EXPECT_EQ(ports(65535, 2), -XEN_EINVAL);
    EXPECT_EQ(ports(0, 0xffffffff), -XEN_EINVAL);
    EXPECT_EQ(ports(0xffffffff, 2), -XEN_EINVAL);
    EXPECT_EQ(frames(0, 0), -XEN_EINVAL);
    EXPECT_EQ(frames(~0UL, 2), -XEN_EINVAL);
    EXPECT_EQ(frames(1, ~0UL), -XEN_EINVAL);
    EXPECT_EQ(line(0xffffffff), -XEN_EINVAL);
    EXPECT_EQ(line(1024), -XEN_EINVAL);
}

/* Every second port: the set is bounded. */
static void many_ranges(void)
{
    unsigned int n = 0;

    while (n < 1000 && ports(n * 2, 1) == 0)
        n++;
    EXPECT(n >= 200 && n < 1000);
    EXPECT_EQ(ports(n * 2, 1), -XEN_ENOSPC);
    EXPECT_EQ(ports(0, 65536), 0);
    EXPECT_EQ(ports(n * 2, 1), 0);
    memset(&op, 0, sizeof(op));
    op.u.ioport_permission.nr_ports = 65536;
    EXPECT_EQ(domctl(&op, XEN_DOMCTL_ioport_permission, bystander.id), 0);
}

static long target(unsigned int domid, unsigned int of)
{
    memset(&op, 0, sizeof(op));
    op.u.set_target.target = (domid_t)domid;
    return domctl(&op, XEN_DOMCTL_set_target, of);
}

static void bad_targets(void)
{
    EXPECT_EQ(target(bystander.id, bystander.id), -XEN_EINVAL);
    EXPECT_EQ(target(0, bystander.id), -XEN_EPERM);
    EXPECT_EQ(target(NOBODY_HAS, bystander.id), -XEN_ESRCH);
    EXPECT_EQ(target(DOMID_SELF, bystander.id), -XEN_ESRCH);
    EXPECT_EQ(target(DOMID_IO, bystander.id), -XEN_ESRCH);
}

/* A target that is gone stays a zombie while it has a model, and no longer. */
static void target_dies_first(void)
{
    static struct kit_domain a, b;

    EXPECT_EQ(domain_build(&a, domain_image(), "", NULL), 0);
    EXPECT_EQ(domain_build(&b, domain_image(), "", NULL), 0);
    EXPECT_EQ(target(a.id, b.id), 0);
    EXPECT_EQ(target(a.id, b.id), -XEN_EINVAL);
    EXPECT_EQ(domain_destroy(&a), 0);
    EXPECT_EQ(domain_flags(&a) & XEN_DOMINF_dying, XEN_DOMINF_dying);
    EXPECT_EQ(domain_destroy(&b), 0);
    guest.id = b.id;
    hc_xen_version(XENVER_version, NULL);
    EXPECT_EQ(domain_flags(&a), 0);
}

static long handler(unsigned int virq, unsigned int domid)
{
    memset(&op, 0, sizeof(op));
    op.u.set_virq_handler.virq = virq;
    return domctl(&op, XEN_DOMCTL_set_virq_handler, domid);
}

static void virq_handlers(void)
{
    EXPECT_EQ(handler(VIRQ_TIMER, bystander.id), -XEN_EINVAL);
    EXPECT_EQ(handler(VIRQ_DEBUG, bystander.id), -XEN_EINVAL);
    EXPECT_EQ(handler(NR_VIRQS, bystander.id), -XEN_EINVAL);
    EXPECT_EQ(handler(~0U, bystander.id), -XEN_EINVAL);
    EXPECT_EQ(handler(VIRQ_DOM_EXC, NOBODY_HAS), -XEN_ESRCH);
}

/* VIRQ_DOM_EXC goes to its handler, and back to us when that is gone. */
static void virq_comes_back(void)
{
    static struct kit_domain a, b;
    long port = event_bind_virq(VIRQ_DOM_EXC, 0);

    EXPECT(port > 0);
    if (port <= 0)
        return;
    EXPECT_EQ(domain_build(&a, domain_image(), "", NULL), 0);
    EXPECT_EQ(domain_build(&b, domain_image(), "", NULL), 0);
    EXPECT_EQ(handler(VIRQ_DOM_EXC, a.id), 0);
    event_mask((unsigned int)port);
    event_clear((unsigned int)port);
    EXPECT_EQ(domain_destroy(&b), 0);
    EXPECT(!event_pending((unsigned int)port));
    EXPECT_EQ(domain_destroy(&a), 0);
    EXPECT(event_pending((unsigned int)port));
    EXPECT_EQ(event_close((unsigned int)port), 0);
    guest.id = b.id;
}

static void taken_back(void)
{
    struct xen_domctl_createdomain cfg = domain_defaults();
    char text[64];

    format_to(text, sizeof(text), "role=plain other=%u own=%u only=no",
              bystander.id, guest.id + 1U);
    EXPECT_EQ(domain_build(&guest, domain_image(), text, &cfg), 0);
    EXPECT_EQ(give_and_take(), 0);
    if (!test_failed())
        domain_run_tests(&guest, "taken back", 20, &passed, &failed);
    EXPECT_EQ(domain_destroy(&guest), 0);
}

/* ---- arguments at addresses that are not ours ---- */

/* Nothing is there, or it is the hypervisor's, or no address at all, or an
 * argument begins on the last bytes before. */
static const uint64_t pointers[] = {
    8,
    0xffff820000000000UL,
    0xffff830000000000UL,
    0xffff87fffffffff8UL,
    0xffff7ffffffffff8UL,
    0x0000800000000000UL,
    0x00007ffffffffff8UL,
    0x8000000000000000UL,
    ~7UL,
};

/* What there is no answer of: a read with nothing typed. */
static bool reads_nothing(const struct row *r)
{
    return r->hypercall == __HYPERVISOR_console_io && r->op == CONSOLEIO_read;
}

static void bad_pointers(void)
{
    for (unsigned int i = 0; i < nr_rows; i++) {
        const struct row *r = &rows[i];

        if (!row_takes_pointer(r) || reads_nothing(r) || !row_is_callable(r))
            continue;
        for (unsigned int p = 0; p < ARRAY_SIZE(pointers); p++) {
            long rc = row_call_at(r, pointers[p]);

            if (rc != -XEN_EFAULT)
                test_fail(__FILE__, __LINE__, "%s at %lx gives %ld", r->name,
                          pointers[p], rc);
        }
    }
}

static const struct test control_tests[] = {
    {"bad pointers", bad_pointers},
    {"bad ranges", bad_ranges},
    {"many ranges", many_ranges},
    {"bad targets", bad_targets},
    {"target dies first", target_dies_first},
    {"virq handlers", virq_handlers},
    {"virq comes back", virq_comes_back},
    {"plain", plain},
    {"model", model},
    {"driver", driver},
    {"store", store},
    {"taken back", taken_back},
};

void kit_main(void)
{
    if (!(start_info->flags & SIF_INITDOMAIN)) {
        guest_main();
        return;
    }
    if (domain_build(&bystander, domain_image(), "", NULL))
        return;
    guest.id = bystander.id;
    tests_run_with(control_tests, ARRAY_SIZE(control_tests), &passed, &failed);
}
