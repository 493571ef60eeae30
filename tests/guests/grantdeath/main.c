/* SPDX-License-Identifier: MIT */
/*
 * Domains that end while grants are mapped: their own pages by themselves, and
 * each other's, in every way there is. A handle of one's own pages holds no
 * reference on the domain, one of a peer's does: if the end of a domain mixed
 * them up, it would stay for ever, or go while it is in use. After each test
 * all memory is back, and the audit at the end counts every reference.
 *
 * The guests (boot module 1) do as their command line says, and shut down with
 * all of it held:
 *   self     map own pages
 *   grant    let the next domain (and domain 0) map pages
 *   peer=N   map domain N's; with hand: let domain 0 copy from them
 *   v2       entries of version 2
 *   churn    map, copy and unmap own pages, and a peer's, for ever
 */
#include <kit/console.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/grant.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <public/grant_table.h>
#include <public/memory.h>
#include <public/sysctl.h>

#define RW_REF   16U /* a page */
#define RO_REF   17U
#define PT_REF   18U /* a pinned page table, read-only */
#define GONE_REF 19U /* a page that its owner gave back since */
#define LAST_REF 19U
#define DOM0_REF 32U
#define HAND_REF 33U /* hands RO_REF of the peer on */

#define MARK 0x5eedUL

static unsigned int passed, failed;

static bool version_2;

static void *const_page(uint64_t mark)
{
    uint64_t *page = page_alloc();

    page[1] = mark;
    return page;
}

/* ---- entries of either version ---- */

static void grant_to(unsigned int ref, unsigned int domid, uint64_t mfn,
                     bool readonly)
{
    volatile union grant_entry_v2 *table2 = (volatile void *)grant_table;

    if (!version_2) {
        grant_access(ref, domid, mfn, readonly);
        return;
    }
    table2[ref].full_page.frame = mfn;
    table2[ref].hdr.domid = (domid_t)domid;
    barrier();
    table2[ref].hdr.flags =
        (uint16_t)(GTF_permit_access | (readonly ? GTF_readonly : 0));
}

/* The owner overwrites the entry, use bits and all: the mapping goes on. */
static void withdraw(unsigned int ref)
{
    volatile union grant_entry_v2 *table2 = (volatile void *)grant_table;

    if (version_2)
        table2[ref].hdr.flags = 0;
    else
        grant_table[ref].flags = 0;
}

static void set_version(void)
{
    struct gnttab_set_version op = {.version = 2};

    EXPECT_EQ(grant_init(1), 0);
    version_2 = option("v2", NULL, 0);
    if (!version_2)
        return;
    EXPECT_EQ(hc_grant_table_op(GNTTABOP_set_version, &op, 1), 0);
    EXPECT_EQ(op.version, 2);
}

/* ---- mapping ---- */

static long map_at(unsigned int domid, unsigned int ref, unsigned int flags,
                   uint64_t where, uint32_t *handle)
{
    struct gnttab_map_grant_ref op = {
        .host_addr = where, .flags = flags, .ref = ref, .dom = (domid_t)domid};
    long rc = hc_grant_table_op(GNTTABOP_map_grant_ref, &op, 1);

    *handle = op.handle;
    return rc ? rc : op.status;
}

/* A device mapping is named by its bus address, the frame's: 0 means none. */
static long unmap_device(uint32_t handle, uint64_t bus)
{
    struct gnttab_unmap_grant_ref op = {.dev_bus_addr = bus, .handle = handle};
    long rc = hc_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1);

    return rc ? rc : op.status;
}

static long unmap_at(uint32_t handle, uint64_t where)
{
    struct gnttab_unmap_grant_ref op = {.host_addr = where, .handle = handle};
    long rc = hc_grant_table_op(GNTTABOP_unmap_grant_ref, &op, 1);

    return rc ? rc : op.status;
}

/* A place for a mapping: its own frame is not mapped there any more. */
static void *place(void)
{
    void *va = page_alloc();

    EXPECT_EQ(map_page(va, 0), 0);
    return va;
}

static void *map(unsigned int domid, unsigned int ref, unsigned int flags)
{
    void *va = place();
    uint32_t handle;

    EXPECT_EQ(map_at(domid, ref, flags, addr(va), &handle), GNTST_okay);
    return va;
}

/* In an L1 table that is pinned and nowhere linked. */
static void map_in_table(unsigned int domid, unsigned int ref)
{
    uint64_t *l1 = page_alloc();
    uint32_t handle;

    page_set_ro(l1);
    EXPECT_EQ(pin_table(1, virt_to_mfn(l1)), 0);
    EXPECT_EQ(map_at(domid, ref, GNTMAP_host_map | GNTMAP_contains_pte,
                     virt_to_maddr(&l1[7]), &handle),
              GNTST_okay);
}

/* The guest writes over the entry: the unmap fails then, and the pin stays. */
static void map_and_lose(unsigned int domid, unsigned int ref)
{
    void *va = place();
    uint32_t handle;

    EXPECT_EQ(map_at(domid, ref, GNTMAP_host_map, addr(va), &handle),
              GNTST_okay);
    EXPECT_EQ(map_page(va, 0), 0);
    EXPECT(unmap_at(handle, addr(va)) != GNTST_okay);
}

static void map_and_unmap(unsigned int domid, unsigned int ref)
{
    void *va = place();
    uint32_t handle;

    EXPECT_EQ(map_at(domid, ref, GNTMAP_host_map, addr(va), &handle),
              GNTST_okay);
    EXPECT_EQ(unmap_at(handle, addr(va)), GNTST_okay);
    EXPECT(unmap_at(handle, addr(va)) != GNTST_okay);
}

/* In every way. */
static void map_all(unsigned int domid)
{
    const uint64_t *seen;
    void *va;
    uint32_t handle;

    seen = map(domid, RW_REF, GNTMAP_host_map);
    EXPECT_EQ(seen[1], MARK);
    seen = map(domid, RO_REF, GNTMAP_host_map | GNTMAP_readonly);
    EXPECT_EQ(seen[1], MARK);
    /* Twice and more; both rights of one entry. */
    map(domid, RW_REF, GNTMAP_host_map);
    map(domid, RW_REF, GNTMAP_host_map | GNTMAP_readonly);
    map(domid, RO_REF, GNTMAP_host_map | GNTMAP_readonly);
    /* For a device, and both. */
    EXPECT_EQ(map_at(domid, RW_REF, GNTMAP_device_map, 0, &handle), GNTST_okay);
    EXPECT_EQ(
        map_at(domid, RO_REF, GNTMAP_device_map | GNTMAP_readonly, 0, &handle),
        GNTST_okay);
    map(domid, RW_REF, GNTMAP_host_map | GNTMAP_device_map);
    map(domid, PT_REF, GNTMAP_host_map | GNTMAP_readonly);
    map(domid, GONE_REF, GNTMAP_host_map);
    map_in_table(domid, RW_REF);
    map_and_lose(domid, RW_REF);
    map_and_unmap(domid, RW_REF);
    /* What is refused leaves nothing. */
    va = place();
    EXPECT(map_at(domid, RO_REF, GNTMAP_host_map, addr(va), &handle) < 0);
    EXPECT(map_at(domid, RW_REF, GNTMAP_host_map, M2P_BASE, &handle) < 0);
    EXPECT(map_at(domid, RW_REF, GNTMAP_host_map | GNTMAP_device_map, ~0xfffUL,
                  &handle) < 0);
}

/* ---- the guest ---- */

static void *given;

static void grant_all(unsigned int domid)
{
    uint64_t *l1 = page_alloc();

    given = page_alloc();
    grant_to(RW_REF, domid, virt_to_mfn(const_page(MARK)), false);
    grant_to(RO_REF, domid, virt_to_mfn(const_page(MARK)), true);
    l1[3] = pte_make(virt_to_mfn(page_alloc()), KERNEL_RW);
    page_set_ro(l1);
    EXPECT_EQ(pin_table(1, virt_to_mfn(l1)), 0);
    grant_to(PT_REF, domid, virt_to_mfn(l1), true);
    grant_to(GONE_REF, domid, virt_to_mfn(given), false);
}

/* It is not mapped here any more: only others hold it. */
static void give_back(void)
{
    struct xen_memory_reservation r;
    uint64_t mfn = virt_to_mfn(given);

    memset(&r, 0, sizeof(r));
    HANDLE_SET(r.extent_start, &mfn);
    r.nr_extents = 1;
    r.domid = DOMID_SELF;
    EXPECT_EQ(map_page(given, 0), 0);
    EXPECT_EQ(hc_memory_op(XENMEM_decrease_reservation, &r), 1);
}

static void self(void)
{
    if (!option("self", NULL, 0))
        return;
    grant_all(event_own_domid());
    map_all(event_own_domid());
    give_back();
    for (unsigned int ref = RW_REF; ref <= LAST_REF; ref++)
        withdraw(ref);
}

static void grants(void)
{
    if (!option("grant", NULL, 0))
        return;
    grant_all(event_own_domid() + 1);
    grant_to(DOM0_REF, 0, virt_to_mfn(const_page(MARK)), false);
    grant_to(DOM0_REF + 1, 0, virt_to_mfn(const_page(MARK)), false);
}

/* False without one. */
static bool peer(unsigned int *id)
{
    char value[8];

    *id = 0;
    if (!option("peer", value, sizeof(value)))
        return false;
    for (const char *c = value; *c >= '0' && *c <= '9'; c++)
        *id = *id * 10 + (unsigned int)(*c - '0');
    return true;
}

static void maps(void)
{
    unsigned int id;

    if (peer(&id) && !option("hand", NULL, 0))
        map_all(id);
}

static void hands_on(void)
{
    volatile union grant_entry_v2 *table2 = (volatile void *)grant_table;

    unsigned int id;

    if (!option("hand", NULL, 0))
        return;
    EXPECT(version_2);
    EXPECT(peer(&id));
    table2[HAND_REF].transitive.trans_domid = (domid_t)id;
    table2[HAND_REF].transitive.gref = RO_REF;
    table2[HAND_REF].hdr.domid = 0;
    barrier();
    table2[HAND_REF].hdr.flags = GTF_transitive | GTF_readonly;
}

static void copy_between(unsigned int domid)
{
    struct gnttab_copy op = {.source.domid = (domid_t)domid,
                             .source.u.ref = RO_REF,
                             .dest.domid = (domid_t)domid,
                             .dest.u.ref = RW_REF,
                             .len = PAGE_SIZE,
                             .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref};

    hc_grant_table_op(GNTTABOP_copy, &op, 1);
}

/* In batches, so that many are mapped at any moment. */
#define BATCH 24U

static NORETURN void churn(void)
{
    static struct gnttab_map_grant_ref mappings[BATCH];
    static struct gnttab_unmap_grant_ref unmaps[BATCH];
    unsigned int from;

    if (!peer(&from)) {
        from = event_own_domid();
        grant_all(from);
    }
    for (unsigned int i = 0; i < BATCH; i++) {
        mappings[i].host_addr = unmaps[i].host_addr = addr(place());
        mappings[i].flags = i & 1 ? GNTMAP_host_map | GNTMAP_readonly
                                  : GNTMAP_host_map | GNTMAP_device_map;
        mappings[i].ref = i & 1 ? RO_REF : RW_REF;
        mappings[i].dom = (domid_t)from;
    }
    for (;;) {
        hc_grant_table_op(GNTTABOP_map_grant_ref, mappings, BATCH);
        copy_between(from);
        for (unsigned int i = 0; i < BATCH; i++) {
            unmaps[i].handle = mappings[i].handle;
            unmaps[i].dev_bus_addr = i & 1 ? 0 : mappings[i].dev_bus_addr;
        }
        hc_grant_table_op(GNTTABOP_unmap_grant_ref, unmaps, BATCH);
    }
}

static const struct test guest_tests[] = {
    {"version", set_version}, {"self", self},         {"grants", grants},
    {"maps", maps},           {"hands on", hands_on},
};

static void guest_main(void)
{
    if (option("churn", NULL, 0)) {
        set_version();
        churn();
    }
    tests_run(guest_tests, ARRAY_SIZE(guest_tests));
}

/* ---- domain 0 ---- */

static struct kit_domain a, b;
static unsigned int last_id;

static uint64_t free_memory(void)
{
    static struct xen_sysctl op;

    op.cmd = XEN_SYSCTL_physinfo;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    EXPECT_EQ(hcall1(__HYPERVISOR_sysctl, addr(&op)), 0);
    return op.u.physinfo.free_pages;
}

static bool start(struct kit_domain *d, const char *name, const char *line)
{
    struct xen_domctl_createdomain c = domain_defaults();

    c.grant_opts = 2;
    EXPECT_EQ(domain_build(d, domain_image(), line, &c), 0);
    if (test_failed())
        return false;
    last_id = d->id;
    domain_run_tests(d, name, 20, &passed, &failed);
    return !test_failed();
}

/* After `start` with a peer: line is "... peer=N". */
static bool start_peer(const char *name, const char *what)
{
    char line[40];

    format_to(line, sizeof(line), "%s peer=%u", what, a.id);
    if (!start(&b, name, line))
        return false;
    EXPECT_EQ(b.id, a.id + 1); /* whom it granted to */
    return true;
}

static void end(struct kit_domain *d)
{
    EXPECT_EQ(domain_destroy(d), 0);
}

static uint64_t free_at_rest; /* with what the hypervisor keeps for itself */

/* Neither domain nor memory is left. The hypervisor may keep a few pages for
 * its own small objects. */
static void expect_gone(const struct kit_domain *d)
{
    EXPECT_EQ(domain_flags(d), 0);
}

static void expect_all_back(void)
{
    uint64_t now = free_memory();

    expect_gone(&a);
    if (now + 4 < free_at_rest)
        test_fail(__FILE__, __LINE__, "%lu pages are missing",
                  free_at_rest - now);
}

static void first(void)
{
    start(&a, "first", "self");
    end(&a);
    expect_gone(&a);
    free_at_rest = free_memory();
}

static void own_pages(void)
{
    start(&a, "self", "self");
    end(&a);
    expect_all_back();
}

static void own_pages_v2(void)
{
    start(&a, "self, version 2", "self v2");
    end(&a);
    expect_all_back();
}

static const char *version = "";

/* The granter first: it stays as long as its pages are in use. */
static void granter_first(void)
{
    char line[16];

    format_to(line, sizeof(line), "grant %s", version);
    if (start(&a, "granter", line) && start_peer("user", version)) {
        end(&a);
        EXPECT(domain_flags(&a) & XEN_DOMINF_dying);
        end(&b);
        expect_gone(&b);
    }
    expect_all_back();
}

static void user_first(void)
{
    char line[16];

    format_to(line, sizeof(line), "grant %s", version);
    if (start(&a, "granter", line) && start_peer("user", version)) {
        end(&b);
        expect_gone(&b);
    }
    end(&a);
    expect_all_back();
}

/* Of itself and of another at once, and its own are mapped by nobody else. */
static void both(void)
{
    if (start(&a, "granter", "grant v2") && start_peer("both", "self v2")) {
        end(&a);
        end(&b);
        expect_gone(&b);
    }
    expect_all_back();
}

static void granter_first_v2(void)
{
    version = "v2";
    granter_first();
    version = "";
}

static void user_first_v2(void)
{
    version = "v2";
    user_first();
    version = "";
}

/* Domain 0 has a page of a domain that is gone, until it lets go. */
static void mapped_here(void)
{
    uint64_t *va = window(1);
    uint32_t host, device, more;
    uint64_t bus;

    if (start(&a, "granter", "grant")) {
        EXPECT_EQ(map_at(a.id, DOM0_REF, GNTMAP_host_map, addr(va), &host),
                  GNTST_okay);
        bus = *pte_find(va, 1) & PTE_ADDR;
        EXPECT_EQ(map_at(a.id, DOM0_REF, GNTMAP_device_map, 0, &device),
                  GNTST_okay);
        end(&a);
        EXPECT(domain_flags(&a) & XEN_DOMINF_dying);
        EXPECT_EQ(va[1], MARK);
        /* What is still there may be mapped once more (Debian's Xen too). */
        EXPECT_EQ(map_at(a.id, DOM0_REF, GNTMAP_device_map, 0, &more),
                  GNTST_okay);
        EXPECT_EQ(unmap_device(more, bus), GNTST_okay);
        EXPECT(map_at(a.id, DOM0_REF + 1, GNTMAP_device_map, 0, &more) < 0);
        EXPECT_EQ(unmap_at(host, addr(va)), GNTST_okay);
        EXPECT(domain_flags(&a) & XEN_DOMINF_dying);
        EXPECT_EQ(unmap_device(device, bus), GNTST_okay);
    }
    expect_all_back();
}

/* Its user is gone, and so is every use: the granter gets its pages back. */
static void user_of_ours(void)
{
    EXPECT_EQ(grant_init(1), 0);
    grant_all(last_id + 1);
    if (start(&b, "user of ours", "peer=0")) {
        for (unsigned int ref = RW_REF; ref <= LAST_REF; ref++)
            EXPECT(!grant_end(ref));
        end(&b);
        expect_gone(&b);
    }
    for (unsigned int ref = RW_REF; ref <= LAST_REF; ref++)
        EXPECT(grant_end(ref));
    expect_all_back();
}

static long copy_here(unsigned int domid, void *to)
{
    struct gnttab_copy op = {.source.domid = (domid_t)domid,
                             .source.u.ref = HAND_REF,
                             .dest.domid = DOMID_SELF,
                             .dest.u.gmfn = virt_to_mfn(to),
                             .len = 16,
                             .flags = GNTCOPY_source_gref};
    long rc = hc_grant_table_op(GNTTABOP_copy, &op, 1);

    return rc ? rc : op.status;
}

/* b hands a's page on: while both are there. */
static void handed_on(void)
{
    uint64_t *page = page_alloc();

    if (start(&a, "granter", "grant") && start_peer("hands on", "v2 hand")) {
        EXPECT_EQ(copy_here(b.id, page), GNTST_okay);
        EXPECT_EQ(page[1], MARK);
        end(&a);
        expect_gone(&a);
        EXPECT(copy_here(b.id, page) < 0);
        end(&b);
        expect_gone(&b);
        EXPECT(copy_here(b.id, page) < 0);
    }
    page_free(page);
}

/* Ended in the middle, at several moments; vcpus run on the other processor. */
static bool start_churning(struct kit_domain *d, const char *line)
{
    struct xen_domctl_createdomain c = domain_defaults();

    c.grant_opts = 2;
    EXPECT_EQ(domain_build(d, domain_image(), line, &c), 0);
    EXPECT_EQ(domain_unpause(d), 0);
    return !test_failed();
}

static void at_work(void)
{
    for (unsigned int i = 0; i < 8 && !test_failed(); i++) {
        if (!start_churning(&a, i & 1 ? "churn v2" : "churn"))
            return;
        time_delay((2 + i) * NS_PER_MS + i * 123457);
        end(&a);
        expect_all_back();
    }
}

static void granter_ends_meanwhile(void)
{
    char line[24];

    for (unsigned int i = 0; i < 6 && !test_failed(); i++) {
        if (!start(&a, "granter", i & 1 ? "grant v2" : "grant"))
            return;
        format_to(line, sizeof(line), "churn peer=%u", a.id);
        if (!start_churning(&b, line))
            return;
        time_delay((2 + i) * NS_PER_MS + i * 123457);
        end(&a);
        time_delay(NS_PER_MS);
        end(&b);
        expect_gone(&b);
        expect_all_back();
    }
}

static const struct test tests[] = {
    {"first", first},
    {"own pages", own_pages},
    {"own pages, version 2", own_pages_v2},
    {"granter first", granter_first},
    {"user first", user_first},
    {"granter first, version 2", granter_first_v2},
    {"user first, version 2", user_first_v2},
    {"own pages and a peer's", both},
    {"mapped in domain 0", mapped_here},
    {"user of domain 0's pages", user_of_ours},
    {"handed on", handed_on},
    {"ended at work", at_work},
    {"granter ended at work", granter_ends_meanwhile},
};

void kit_main(void)
{
    if (!(start_info->flags & SIF_INITDOMAIN)) {
        guest_main();
        return;
    }
    tests_run_with(tests, ARRAY_SIZE(tests), &passed, &failed);
}
