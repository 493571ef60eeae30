/* SPDX-License-Identifier: MIT */
/*
 * domctl: domains made and ended, their settings, their vcpus; physdev_op of
 * the control domain.
 */
#include "toolstack.h"

#include <public/physdev.h>

/* ---- made and ended ---- */

static long create(void (*spoil)(struct xen_domctl_createdomain *c),
                   unsigned int id)
{
    long rc;

    fresh();
    dc.u.createdomain = domain_defaults();
    if (spoil)
        spoil(&dc.u.createdomain);
    rc = domctl(&dc, XEN_DOMCTL_createdomain, id);
    if (!rc) {
        domid_t made = dc.domain;

        fresh();
        EXPECT_EQ(domctl(&dc, XEN_DOMCTL_destroydomain, made), 0);
        return made;
    }
    return rc;
}

static void flag_hvm(struct xen_domctl_createdomain *c)
{
    c->flags = XEN_DOMCTL_CDF_hvm;
}

static void flag_hap(struct xen_domctl_createdomain *c)
{
    c->flags = XEN_DOMCTL_CDF_hap;
}

static void flag_unknown(struct xen_domctl_createdomain *c)
{
    c->flags = 1U << 30;
}

static void no_vcpus(struct xen_domctl_createdomain *c)
{
    c->max_vcpus = 0;
}

static void many_vcpus(struct xen_domctl_createdomain *c)
{
    c->max_vcpus = ~0U;
}

static void no_pool(struct xen_domctl_createdomain *c)
{
    c->cpupool_id = 77;
}

static void grant_version(struct xen_domctl_createdomain *c)
{
    c->grant_opts = 3;
}

static void creation(void)
{
    long first = create(NULL, 0);

    EXPECT(first > 0);
    EXPECT(create(NULL, 0) > first); /* not the same number at once */
    EXPECT_EQ(create(NULL, 0x1234), 0x1234);
    EXPECT_EQ(create(NULL, guest.id), -XEN_EEXIST);
    EXPECT_EQ(create(flag_hvm, 0), -XEN_EINVAL);
    EXPECT_EQ(create(flag_hap, 0), -XEN_EINVAL);
    EXPECT_EQ(create(flag_unknown, 0), -XEN_EINVAL);
    EXPECT(create(no_vcpus, 0) < 0);
    EXPECT(create(many_vcpus, 0) < 0);
    EXPECT(create(no_pool, 0) < 0);
    EXPECT_EQ(create(grant_version, 0), -XEN_EINVAL);
}

static void pauses(void)
{
    fresh();
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_pausedomain, 0), -XEN_EINVAL);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_destroydomain, 0), -XEN_EINVAL);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_resumedomain, 0), -XEN_EINVAL);
    EXPECT_EQ(on_guest(XEN_DOMCTL_pausedomain), 0);
    EXPECT_EQ(on_guest(XEN_DOMCTL_pausedomain), 0);
    EXPECT(domain_flags(&guest) & XEN_DOMINF_paused);
    EXPECT_EQ(on_guest(XEN_DOMCTL_unpausedomain), 0);
    EXPECT_EQ(on_guest(XEN_DOMCTL_unpausedomain), 0);
    EXPECT(domain_flags(&guest) & XEN_DOMINF_paused); /* by its creator */
    EXPECT_EQ(on_guest(XEN_DOMCTL_resumedomain), 0);
}

/* ---- settings ---- */

static void settings(void)
{
    fresh();
    dc.u.max_mem.max_memkb = 1UL << 40;
    EXPECT_EQ(on_guest(XEN_DOMCTL_max_mem), 0);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getdomaininfo), 0);
    EXPECT_EQ(dc.u.getdomaininfo.max_pages, 1UL << 38);
    fresh();
    memset(dc.u.setdomainhandle.handle, 0x3c, 16);
    EXPECT_EQ(on_guest(XEN_DOMCTL_setdomainhandle), 0);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getdomaininfo), 0);
    EXPECT_EQ(dc.u.getdomaininfo.handle[0] & dc.u.getdomaininfo.handle[15],
              0x3c);
    fresh();
    dc.u.setdebugging.enable = 1;
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_setdebugging, 0), -XEN_EINVAL);
    EXPECT_EQ(on_guest(XEN_DOMCTL_setdebugging), 0);
    EXPECT(domain_flags(&guest) & XEN_DOMINF_debugged);
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_setdebugging), 0);
    EXPECT(!(domain_flags(&guest) & XEN_DOMINF_debugged));
    fresh();
    dc.u.settimeoffset.time_offset_seconds = 3600;
    EXPECT_EQ(on_guest(XEN_DOMCTL_settimeoffset), 0);
    fresh();
    dc.u.hypercall_init.gmfn = guest.mfn[10];
    EXPECT_EQ(on_guest(XEN_DOMCTL_hypercall_init), 0);
    dc.u.hypercall_init.gmfn = ~0UL;
    EXPECT_EQ(on_guest(XEN_DOMCTL_hypercall_init), -XEN_EACCES);
    fresh();
    dc.u.scheduler_op.sched_id = 77;
    EXPECT_EQ(on_guest(XEN_DOMCTL_scheduler_op), -XEN_EINVAL);
}

/* ---- vcpus ---- */

static void vcpus(void)
{
    static struct vcpu_guest_context c;

    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpuinfo), 0);
    EXPECT_EQ(dc.u.getvcpuinfo.online, 1);
    dc.u.getvcpuinfo.vcpu = 1;
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpuinfo), -XEN_EINVAL);
    fresh();
    HANDLE_SET(dc.u.vcpucontext.ctxt, &c);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpucontext), 0);
    EXPECT_EQ(c.user_regs.rip, 0xffffffff80100000UL);
    EXPECT_EQ(c.ctrlreg[3] >> PAGE_SHIFT, guest.mfn[guest.console_pfn + 1]);
    dc.u.vcpucontext.vcpu = 9;
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpucontext), -XEN_EINVAL);
    EXPECT_EQ(on_guest(XEN_DOMCTL_setvcpucontext), -XEN_EINVAL);
    dc.u.vcpucontext.vcpu = 0;
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_setvcpucontext, 0), -XEN_EINVAL);
    fresh();
    dc.u.max_vcpus.max = 2;
    EXPECT_EQ(on_guest(XEN_DOMCTL_max_vcpus), -XEN_EINVAL);
    dc.u.max_vcpus.max = 1;
    EXPECT_EQ(on_guest(XEN_DOMCTL_max_vcpus), 0);
}

/* A root that is no page of the guest's, addresses that are none. */
static void bad_contexts(void)
{
    static struct vcpu_guest_context good, c;
    static uint64_t *const fields[] = {
        &c.ctrlreg[3],
        &c.event_callback_eip,
        &c.failsafe_callback_eip,
        &c.syscall_callback_eip,
        &c.fs_base,
        &c.gs_base_kernel,
        &c.gs_base_user,
    };

    fresh();
    HANDLE_SET(dc.u.vcpucontext.ctxt, &good);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getvcpucontext), 0);
    HANDLE_SET(dc.u.vcpucontext.ctxt, &c);
    for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++) {
        long rc;

        c = good;
        *fields[i] = 0x0000800000000000UL;
        rc = on_guest(XEN_DOMCTL_setvcpucontext);
        if (rc != -XEN_EINVAL)
            test_fail(__FILE__, __LINE__, "field %u: %ld", i, rc);
    }
    c = good;
    EXPECT_EQ(on_guest(XEN_DOMCTL_setvcpucontext), 0);
}

static void ext_contexts(void)
{
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_get_ext_vcpucontext), 0);
    EXPECT_EQ(dc.u.ext_vcpucontext.size, sizeof(dc.u.ext_vcpucontext));
    EXPECT_EQ(on_guest(XEN_DOMCTL_set_ext_vcpucontext), 0);
    dc.u.ext_vcpucontext.syscall32_callback_eip = 0x0000800000000000UL;
    EXPECT_EQ(on_guest(XEN_DOMCTL_set_ext_vcpucontext), -XEN_EINVAL);
    fresh();
    EXPECT_EQ(on_guest(XEN_DOMCTL_set_ext_vcpucontext), -XEN_EINVAL);
    dc.u.ext_vcpucontext.vcpu = 9;
    EXPECT_EQ(on_guest(XEN_DOMCTL_get_ext_vcpucontext), -XEN_ESRCH);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_get_ext_vcpucontext, 0), -XEN_EINVAL);
}

static void frames(void)
{
    uint64_t *frame = (void *)buf;

    fresh();
    frame[0] = guest.mfn[guest.console_pfn + 1]; /* its L4 */
    frame[1] = guest.mfn[guest.console_pfn + 4]; /* an L1 */
    frame[2] = guest.mfn[guest.console_pfn];
    frame[3] = 0xfffffff;
    dc.u.getpageframeinfo3.num = 4;
    HANDLE_SET(dc.u.getpageframeinfo3.array, frame);
    EXPECT_EQ(on_guest(XEN_DOMCTL_getpageframeinfo3), 0);
    EXPECT_EQ(frame[0] & XEN_DOMCTL_PFINFO_LTABTYPE_MASK,
              XEN_DOMCTL_PFINFO_L4TAB);
    EXPECT_EQ(frame[1] & XEN_DOMCTL_PFINFO_LTABTYPE_MASK,
              XEN_DOMCTL_PFINFO_L1TAB);
    EXPECT_EQ(frame[2], XEN_DOMCTL_PFINFO_NOTAB);
    EXPECT_EQ(frame[3], XEN_DOMCTL_PFINFO_XTAB);
    EXPECT_EQ(frame[4], 0);
}

/* ---- interrupts and devices ---- */

static long map(unsigned int domid, int type, int index, int pirq)
{
    struct physdev_map_pirq m = {
        .domid = (domid_t)domid, .type = type, .index = index, .pirq = pirq};
    long rc = hc_physdev_op(PHYSDEVOP_map_pirq, &m);

    return rc ? rc : m.pirq;
}

static long unmap(unsigned int domid, int pirq)
{
    struct physdev_unmap_pirq u = {.domid = (domid_t)domid, .pirq = pirq};

    return hc_physdev_op(PHYSDEVOP_unmap_pirq, &u);
}

static void pirqs(void)
{
    EXPECT_EQ(map(DOMID_SELF, MAP_PIRQ_TYPE_GSI, 19, 19), 19);
    EXPECT_EQ(map(DOMID_SELF, MAP_PIRQ_TYPE_GSI, 19, 19), 19);
    EXPECT_EQ(unmap(DOMID_SELF, 19), 0);
    EXPECT_EQ(unmap(DOMID_SELF, 19), -XEN_EINVAL);
    EXPECT_EQ(map(DOMID_SELF, MAP_PIRQ_TYPE_GSI, -1, 5), -XEN_EINVAL);
    EXPECT_EQ(map(DOMID_SELF, MAP_PIRQ_TYPE_GSI, 100000, 5), -XEN_EINVAL);
    EXPECT_EQ(map(DOMID_SELF, 77, 5, 5), -XEN_EINVAL);
    EXPECT_EQ(map(NO_DOMAIN, MAP_PIRQ_TYPE_GSI, 19, 19), -XEN_ESRCH);
    EXPECT_EQ(unmap(DOMID_SELF, -1), -XEN_EINVAL);
    EXPECT_EQ(unmap(DOMID_SELF, 100000), -XEN_EINVAL);
    EXPECT_EQ(unmap(NO_DOMAIN, 5), -XEN_ESRCH);
    EXPECT_EQ(map(guest.id, MAP_PIRQ_TYPE_GSI, 18, 18), 18);
    EXPECT_EQ(unmap(guest.id, 18), 0);
    EXPECT_EQ(unmap(guest.id, 18), -XEN_EINVAL);
}

static void apic_registers(void)
{
    struct physdev_apic a = {.apic_physbase = 0xfec00000, .reg = 1};
    struct physdev_irq i = {.irq = 5};

    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_apic_read, &a), 0);
    EXPECT_EQ(a.value >> 16 & 0xff, 23);
    a.apic_physbase = 0xfec01000;
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_apic_read, &a), -XEN_EINVAL);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_alloc_irq_vector, &i), 0);
    i.irq = 100000;
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_alloc_irq_vector, &i), -XEN_EINVAL);
    EXPECT_EQ(hc_physdev_op(PHYSDEVOP_free_irq_vector, &i), -XEN_ENOSYS);
    EXPECT_EQ(hc_physdev_op(99, &i), -XEN_ENOSYS);
}

const struct test life_tests[] = {
    {"creation", creation},
    {"pauses", pauses},
    {"settings", settings},
    {"vcpus", vcpus},
    {"contexts: bad", bad_contexts},
    {"contexts: the rest", ext_contexts},
    {"frames", frames},
    {"pirqs", pirqs},
    {"registers of interrupt controllers", apic_registers},
};
const unsigned int nr_life_tests = ARRAY_SIZE(life_tests);
