/* SPDX-License-Identifier: MIT */
/*
 * What the control domain asks: domains made and ended, lists copied out.
 */
#include "late.h"

#include <kit/console.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <public/memory.h>
#include <public/sysctl.h>

#define VCPUS     64U
#define FRAMES    8192U
#define INFOS     1024U
#define DOMAINS   16U
#define TEXT      1024U
#define OFFLINE   1024U
#define RING_READ (256U << 10)

static unsigned int other, many[DOMAINS];
static struct xen_domctl dc;
static struct xen_sysctl sc;
static uint64_t infos[FRAMES];
static char text[RING_READ];

unsigned int other_create(unsigned int vcpus, unsigned int ports)
{
    struct xen_domctl_createdomain c = domain_defaults();

    c.max_vcpus = vcpus;
    c.max_evtchn_port = (int32_t)ports;
    c.max_grant_frames = 64;
    c.max_maptrack_frames = 1024;
    c.grant_opts = 2;
    memset(&dc, 0, sizeof(dc));
    dc.u.createdomain = c;
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_createdomain, 0), 0);
    return dc.domain;
}

void other_destroy(unsigned int id)
{
    memset(&dc, 0, sizeof(dc));
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_destroydomain, id), 0);
}

static void make_vcpus(void)
{
    memset(&dc, 0, sizeof(dc));
    dc.u.max_vcpus.max = VCPUS;
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_max_vcpus, other), 0);
}

static void new_domain(void)
{
    other = other_create(VCPUS, 1023);
}

static void end_domain(void)
{
    other_destroy(other);
}

static void create_domain(void)
{
    new_domain();
}

long other_populate(unsigned int id, unsigned int count, unsigned int order)
{
    memset(&dc, 0, sizeof(dc));
    dc.u.max_mem.max_memkb = 4UL * FRAMES * 2;
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_max_mem, id), 0);
    for (unsigned int i = 0; i < count; i++)
        infos[i] = (uint64_t)i << order;
    return reservation(XENMEM_populate_physmap, id, infos, count, order);
}

/* With vcpus, memory, ports and a table of grants. */
static void large_domain(void)
{
    struct gnttab_setup_table op;
    static uint64_t frames[64];

    new_domain();
    make_vcpus();
    EXPECT_EQ(other_populate(other, FRAMES / 512, 9), FRAMES / 512);
    memset(&op, 0, sizeof(op));
    op.dom = (domid_t)other;
    op.nr_frames = 64;
    HANDLE_SET(op.frame_list, frames);
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_setup_table, &op, 1), 0);
    EXPECT_EQ(op.status, GNTST_okay);
    for (unsigned int i = 0; i < 1000; i++) {
        struct evtchn_alloc_unbound e = {.dom = (domid_t)other};

        EXPECT_EQ(hc_event_channel_op(EVTCHNOP_alloc_unbound, &e), 0);
    }
}

static void small_domain(void)
{
    other = other_create(1, 63);
    EXPECT_EQ(other_populate(other, INFOS, 0), INFOS);
}

static void frame_infos(void)
{
    memset(&dc, 0, sizeof(dc));
    dc.u.getpageframeinfo3.num = INFOS;
    HANDLE_SET(dc.u.getpageframeinfo3.array, infos);
    EXPECT_EQ(domctl(&dc, XEN_DOMCTL_getpageframeinfo3, other), 0);
}

/* ---- sysctl ---- */

static void sysctl(uint32_t cmd)
{
    sc.cmd = cmd;
    sc.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    EXPECT_EQ(hcall1(__HYPERVISOR_sysctl, addr(&sc)), 0);
}

static void many_domains(void)
{
    for (unsigned int i = 0; i < DOMAINS; i++)
        many[i] = other_create(1, 63);
}

static void end_many(void)
{
    for (unsigned int i = 0; i < DOMAINS; i++)
        other_destroy(many[i]);
}

static void domain_list(void)
{
    static struct xen_domctl_getdomaininfo list[DOMAINS + 1];

    memset(&sc, 0, sizeof(sc));
    sc.u.getdomaininfolist.max_domains = DOMAINS + 1;
    HANDLE_SET(sc.u.getdomaininfolist.buffer, list);
    sysctl(XEN_SYSCTL_getdomaininfolist);
    EXPECT_EQ(sc.u.getdomaininfolist.num_domains, DOMAINS + 1);
}

static void read_ring(void)
{
    memset(&sc, 0, sizeof(sc));
    sc.u.readconsole.count = RING_READ;
    HANDLE_SET(sc.u.readconsole.buffer, text);
    sysctl(XEN_SYSCTL_readconsole);
}

static void query_frames(void)
{
    static uint32_t status[OFFLINE];

    memset(&sc, 0, sizeof(sc));
    sc.u.page_offline.cmd = sysctl_query_page_offline;
    sc.u.page_offline.start = 0x4000;
    sc.u.page_offline.end = 0x4000 + OFFLINE - 1;
    HANDLE_SET(sc.u.page_offline.status, status);
    sysctl(XEN_SYSCTL_page_offline_op);
}

/* ---- console ---- */

static void fill_text(void)
{
    memset(text, '.', TEXT);
    text[TEXT - 1] = '\n';
}

static void write_text(void)
{
    EXPECT_EQ(hc_console_io(CONSOLEIO_write, TEXT, text), 0);
}

const struct late_case control_cases[] = {
    {.name = "createdomain",
     .work = "64 grant, 1024 maptrack frames",
     .run = create_domain,
     .undo = end_domain},
    {.name = "max_vcpus",
     .work = "64",
     .prepare = new_domain,
     .run = make_vcpus,
     .undo = end_domain},
    {.name = "destroydomain",
     .work = "32 MiB, 64 vcpus, 1000 ports",
     .prepare = large_domain,
     .run = end_domain,
     .bound_ns = 400000},
    {.name = "getpageframeinfo3",
     .work = "1024",
     .prepare = small_domain,
     .run = frame_infos,
     .undo = end_domain},
    {.name = "getdomaininfolist",
     .work = "17 domains",
     .prepare = many_domains,
     .run = domain_list,
     .undo = end_many},
    {.name = "readconsole", .work = "the whole ring", .run = read_ring},
    {.name = "page_offline query", .work = "1024", .run = query_frames},
    {.name = "console_io write",
     .work = "1024 bytes",
     .prepare = fill_text,
     .run = write_text,
     .samples = 6},
};
const unsigned int nr_control_cases = ARRAY_SIZE(control_cases);
