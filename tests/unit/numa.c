/* SPDX-License-Identifier: MIT */
/*
 * Nodes: what the firmware's tables say, good and damaged (they are input like
 * any other: a BIOS that lies must not cost more than the nodes), and that
 * memory comes from the node that was asked for, else from the nearest.
 */
#include <stdlib.h>
#include <string.h>

#include <hostarch.h>

#include <hv/acpi.h>
#include <hv/domain.h>
#include <hv/numa.h>

#include <drivers/acpi_tables.h>

struct acpi_info acpi_info;

/* What page_alloc.c leaves to others. */
void heap_low_check(void);
void heap_low_check(void)
{
}

void heap_free_broken(struct page_info *pg, unsigned int order)
{
    (void)pg;
    (void)order;
    fail();
}

/* ---- tables ---- */

static union {
    struct acpi_srat t;
    uint8_t bytes[8192];
} srat;
static union {
    struct acpi_slit t;
    uint8_t bytes[8192];
} slit;

static void srat_begin(uint8_t revision)
{
    memset(&srat, 0, sizeof(srat));
    srat.t.h.length = sizeof(srat.t);
    srat.t.h.revision = revision;
}

static void *srat_add(uint8_t type, uint8_t length)
{
    struct madt_entry *e = (void *)(srat.bytes + srat.t.h.length);

    e->type = type;
    e->length = length;
    srat.t.h.length += length;
    return e;
}

static void add_memory(uint32_t domain, uint64_t base, uint64_t length)
{
    struct srat_memory *m = srat_add(SRAT_MEMORY, sizeof(*m));

    m->proximity_domain = domain;
    m->base = base;
    m->length = length;
    m->flags = SRAT_ENABLED;
}

static void add_lapic(uint32_t domain, uint8_t apic_id)
{
    struct srat_lapic *l = srat_add(SRAT_LAPIC, sizeof(*l));

    l->domain_low = (uint8_t)domain;
    l->domain_high[0] = (uint8_t)(domain >> 8);
    l->domain_high[1] = (uint8_t)(domain >> 16);
    l->domain_high[2] = (uint8_t)(domain >> 24);
    l->apic_id = apic_id;
    l->flags = SRAT_ENABLED;
}

static void add_x2apic(uint32_t domain, uint32_t apic_id)
{
    struct srat_x2apic *x = srat_add(SRAT_X2APIC, sizeof(*x));

    x->proximity_domain = domain;
    x->apic_id = apic_id;
    x->flags = SRAT_ENABLED;
}

static void slit_make(uint64_t nr, const uint8_t *d)
{
    memset(&slit, 0, sizeof(slit));
    slit.t.h.length = (uint32_t)(sizeof(slit.t) + nr * nr);
    slit.t.nr = nr;
    memcpy(slit.t.entry, d, nr * nr);
}

static unsigned int node_at(uint64_t addr)
{
    uint64_t end;

    return numa_node_of(maddr_to_mfn(addr), &end);
}

static void cpus(unsigned int n)
{
    memset(&acpi_info, 0, sizeof(acpi_info));
    acpi_info.nr_cpus = n;
    for (unsigned int i = 0; i < n; i++)
        acpi_info.cpu_apic_id[i] = i < 8 ? i : i * 100;
}

/* ---- reading ---- */

static void a_good_table_is_read(void **state)
{
    uint64_t end;

    (void)state;
    cpus(10);
    srat_begin(3);
    add_memory(5, 0, 0xa0000);
    add_memory(5, 0x100000, 0x3ff00000);
    add_memory(0x12345, 0x100000000, 0x80000000);
    add_memory(5, 0x40000000, 0x40000000);
    for (uint8_t i = 0; i < 8; i++)
        add_lapic(i < 4 ? 5 : 0x12345, i);
    add_x2apic(0x12345, 800);
    add_x2apic(7, 900); /* a node of CPUs without memory */
    add_x2apic(7, 901); /* a CPU that the MADT does not list */
    acpi_read_srat(&srat.t);
    assert_int_equal(nr_nodes, 3);
    assert_int_equal(node_at(0), 0);
    assert_int_equal(node_at(0x7ffff000), 0);
    assert_int_equal(node_at(0x100000000), 1);
    assert_int_equal(node_at(0x17ffff000), 1);
    assert_int_equal(numa_node_of(mfn(0x50000), &end), 0);
    assert_int_equal(end, 0x100000);
    for (unsigned int i = 0; i < 8; i++)
        assert_int_equal(acpi_info.cpu_node[i], i < 4 ? 0 : 1);
    assert_int_equal(acpi_info.cpu_node[8], 1);
    assert_int_equal(acpi_info.cpu_node[9], 2);
    assert_int_equal(numa_known_domain(0x12345), 1);
    assert_int_equal(numa_known_domain(6), NODE_NONE);
}

/* Revision 1 has 8 bits of the domain; the others may hold anything. */
static void old_tables_have_small_domains(void **state)
{
    (void)state;
    cpus(2);
    srat_begin(1);
    add_memory(1, 0, 0x1000000);
    add_lapic(0xabcdef01, 1);
    acpi_read_srat(&srat.t);
    assert_int_equal(nr_nodes, 1);
    assert_int_equal(acpi_info.cpu_node[1], 0);
}

static void disabled_and_empty_entries_do_not_count(void **state)
{
    struct srat_memory *m;
    struct srat_lapic *l;

    (void)state;
    cpus(2);
    srat_begin(2);
    add_memory(0, 0, 0x1000000);
    m = srat_add(SRAT_MEMORY, sizeof(*m));
    m->proximity_domain = 1;
    m->length = 0x1000000; /* the same memory, disabled */
    l = srat_add(SRAT_LAPIC, sizeof(*l));
    l->domain_low = 2;
    add_memory(3, 0x5000000, 0);
    srat_add(200, 11);        /* unknown kinds are passed over */
    srat_add(SRAT_MEMORY, 8); /* too short to be one */
    acpi_read_srat(&srat.t);
    assert_int_equal(nr_nodes, 1);
}

/* Each of these is one node, whatever came before in the table. */
static void expect_forgotten(void)
{
    cpus(2);
    acpi_read_srat(&srat.t);
    assert_int_equal(nr_nodes, 1);
    assert_int_equal(node_at(0x100000000), 0);
}

static void begin_two_nodes(void)
{
    srat_begin(2);
    add_memory(0, 0, 0x40000000);
    add_memory(1, 0x100000000, 0x40000000);
}

static void contradictions_make_one_node(void **state)
{
    (void)state;
    begin_two_nodes();
    add_memory(1, 0x3fffffff, 2); /* overlaps by a byte, same frame */
    add_memory(1, 0x3ffff000, 0x2000);
    expect_forgotten();
    begin_two_nodes();
    add_memory(0, 0x140000000 - 0x1000, 0x1000);
    expect_forgotten();
    begin_two_nodes();
    add_memory(0, 0xc0000000, 0x200000000); /* around another */
    expect_forgotten();
    begin_two_nodes();
    add_memory(0, 0xfffffffffffff000, 0x2000); /* wraps */
    expect_forgotten();
    begin_two_nodes();
    srat_add(SRAT_MEMORY, 0); /* would never end */
    srat.t.h.length += 40;
    expect_forgotten();
    begin_two_nodes();
    srat_add(SRAT_MEMORY, sizeof(struct srat_memory));
    srat.t.h.length -= 1; /* cut off */
    expect_forgotten();
    begin_two_nodes();
    srat_add(SRAT_MEMORY, 1);
    srat.t.h.length += 1;
    expect_forgotten();
    srat_begin(2);
    for (uint32_t i = 0; i <= MAX_NODES; i++)
        add_memory(i, (uint64_t)i << 30, 1 << 30);
    expect_forgotten();
    srat_begin(2);
    for (uint32_t i = 0; i <= NUMA_MAX_RANGES; i++)
        add_memory(i & 1, (uint64_t)i << 30, 1 << 30);
    expect_forgotten();
}

static void as_many_as_fit_are_taken(void **state)
{
    (void)state;
    cpus(1);
    srat_begin(2);
    for (uint32_t i = 0; i < MAX_NODES; i++)
        add_memory(100 - i, (uint64_t)i << 30, 1 << 30);
    acpi_read_srat(&srat.t);
    assert_int_equal(nr_nodes, MAX_NODES);
    for (uint32_t i = 0; i < MAX_NODES; i++)
        assert_int_equal(node_at((uint64_t)i << 30), i);
}

/* Any bytes at all: nothing is read beyond the table (the sanitizer sees to
 * that) and what comes out can be used. */
static void random_tables_do_no_harm(void **state)
{
    (void)state;
    srand(11);
    for (unsigned int round = 0; round < 20000; round++) {
        uint32_t len = (uint32_t)rand() % 400;
        uint8_t *copy;

        begin_two_nodes();
        add_lapic(1, 1);
        add_x2apic(0, 0);
        for (unsigned int i = rand() % 20; i > 0; i--)
            srat.bytes[36 + (unsigned int)rand() % 140] = (uint8_t)rand();
        srat.t.h.length = rand() % 2 ? srat.t.h.length : 36 + len;
        copy = malloc(srat.t.h.length);
        memcpy(copy, srat.bytes, srat.t.h.length);
        cpus(10);
        acpi_read_srat((const void *)copy);
        free(copy);
        assert_true(nr_nodes >= 1 && nr_nodes <= MAX_NODES);
        for (unsigned int bit = 0; bit < 50; bit++)
            assert_true(node_at(1UL << bit) < nr_nodes);
    }
}

static void distances_are_checked(void **state)
{
    const uint8_t good[] = {10, 15, 40, 15, 10, 20, 40, 20, 10};
    uint8_t bad[sizeof(good)];

    (void)state;
    cpus(1);
    srat_begin(2);
    add_memory(2, 0, 1 << 30); /* node 0 is domain 2 */
    add_memory(0, 1UL << 30, 1 << 30);
    acpi_read_srat(&srat.t);
    slit_make(3, good);
    acpi_read_slit(&slit.t);
    assert_int_equal(numa_distance(0, 0), 10);
    assert_int_equal(numa_distance(0, 1), 40);
    assert_int_equal(numa_distance(1, 0), 40);
    acpi_read_srat(&srat.t); /* forgets */
    for (unsigned int i = 0; i < sizeof(good); i++) {
        memcpy(bad, good, sizeof(good));
        bad[i] = i % 4 ? 10 : 11; /* remote as near as local; or not local */
        slit_make(3, bad);
        acpi_read_slit(&slit.t);
        assert_int_equal(numa_distance(0, 1), DISTANCE_REMOTE);
    }
    slit_make(3, good);
    slit.t.h.length--;
    acpi_read_slit(&slit.t);
    slit.t.nr = 1UL << 32; /* its square is 0 */
    acpi_read_slit(&slit.t);
    slit.t.nr = 0;
    acpi_read_slit(&slit.t);
    assert_int_equal(numa_distance(0, 1), DISTANCE_REMOTE);
}

/* ---- memory by node ---- */

#define PER_NODE 4096 /* frames */
#define NODES    4

static const uint8_t by_hand[NODES * NODES] = {10, 20, 30, 40, 20, 10, 40, 30,
                                               30, 40, 10, 20, 40, 30, 20, 10};

/* A hypervisor that has used the heap before it knows the nodes. */
static void start(void)
{
    struct page_info *early[3];

    host_cpus_init(4);
    host_frames_init(NODES * PER_NODE);
    heap_add_range(mfn(256), NODES * PER_NODE - 256 - 1000);
    for (unsigned int i = 0; i < 3; i++) {
        early[i] = heap_alloc(i, 0);
        early[i]->state = PGS_HV;
        early[i][(1 << i) - 1].state = PGS_HV;
    }
    early[2][1].state = early[2][2].state = PGS_HV;
    cpus(4);
    srat_begin(2);
    for (uint32_t i = 0; i < NODES; i++) {
        add_memory(i, (uint64_t)i * PER_NODE << PAGE_SHIFT,
                   PER_NODE << PAGE_SHIFT);
        add_lapic(i, (uint8_t)i);
    }
    acpi_read_srat(&srat.t);
    slit_make(NODES, by_hand);
    acpi_read_slit(&slit.t);
    numa_init();
    for (unsigned int i = 0; i < 4; i++)
        numa_set_cpu_node(i, acpi_info.cpu_node[i]);
    heap_add_range(mfn(NODES * PER_NODE - 1000), 1000);
    for (unsigned int i = 0; i < 3; i++)
        heap_free(early[i], i);
}

static uint64_t node_free(unsigned int node)
{
    return heap_node_free(node, 0, 0);
}

static void the_heap_is_sorted_by_node(void **state)
{
    uint64_t sum = 0;

    (void)state;
    start();
    assert_int_equal(nr_nodes, NODES);
    for (unsigned int node = 0; node < NODES; node++) {
        uint64_t nr = PER_NODE - (node == 0 ? 256 : 0);

        assert_int_equal(node_free(node), nr);
        assert_int_equal(heap_node_total(node), nr);
        sum += nr;
    }
    assert_int_equal(heap_free_pages(), sum);
    assert_int_equal(heap_total_pages(), sum);
    for (uint64_t m = 0; m < NODES * PER_NODE; m++)
        assert_int_equal(host_frames[m].node, m / PER_NODE);
}

static unsigned int node_of(const struct page_info *pg)
{
    assert_non_null(pg);
    return (unsigned int)(mfn_x(page_to_mfn(pg)) / PER_NODE);
}

static void memory_is_near_the_cpu(void **state)
{
    (void)state;
    for (unsigned int cpu = 0; cpu < 4; cpu++) {
        struct page_info *pg;

        host_run_on(cpu);
        pg = heap_alloc(3, 0);
        assert_int_equal(node_of(pg), cpu);
        heap_free(pg, 3);
    }
    host_run_on(0);
}

/* As 1 runs dry, its neighbours in their order: 0, 3, 2. */
static void a_full_node_is_left_for_the_nearest(void **state)
{
    static struct page_info *all[NODES * PER_NODE];
    static const uint8_t order[] = {1, 0, 3, 2};
    unsigned int n = 0, at = 0;

    (void)state;
    host_run_on(1);
    while ((all[n] = heap_alloc(0, ALLOC_NO_SCRUB)) != NULL) {
        if (node_of(all[n]) != order[at])
            at++;
        assert_int_equal(node_of(all[n]), order[at]);
        n++;
    }
    assert_int_equal(at, 3);
    for (unsigned int node = 0; node < NODES; node++)
        assert_int_equal(node_free(node), 0);
    while (n > 0)
        heap_free(all[--n], 0);
    host_run_on(0);
    for (unsigned int node = 1; node < NODES; node++)
        assert_int_equal(node_free(node), PER_NODE);
}

static void wishes_and_affinity_are_honoured(void **state)
{
    static struct domain d = {.node_affinity = NODEMASK_ALL};
    struct page_info *pg, *whole;

    (void)state;
    pg = heap_alloc_for(&d, 0, ALLOC_NODE(2));
    assert_int_equal(node_of(pg), 2);
    heap_free(pg, 0);
    d.node_affinity = 1U << 3 | 1U << 2;
    pg = heap_alloc_for(&d, 0, 0); /* 2 is the nearer to CPU 0 */
    assert_int_equal(node_of(pg), 2);
    heap_free(pg, 0);
    pg = heap_alloc_for(&d, 0, ALLOC_NODE(1)); /* said so: it counts more */
    assert_int_equal(node_of(pg), 1);
    heap_free(pg, 0);
    /* With node 2 taken: from 3; with both, from elsewhere, unless exact. */
    whole = heap_alloc_for(&d, 12, ALLOC_NODE(2) | ALLOC_EXACT_NODE);
    assert_int_equal(node_of(whole), 2);
    assert_null(heap_alloc_for(&d, 0, ALLOC_NODE(2) | ALLOC_EXACT_NODE));
    pg = heap_alloc_for(&d, 12, 0);
    assert_int_equal(node_of(pg), 3);
    heap_free(pg, 12);
    pg = heap_alloc_for(&d, 0, ALLOC_NODE(2));
    assert_int_equal(node_of(pg), 3);
    heap_free(pg, 0);
    heap_free(whole, 12);
    /* A node that does not exist: nothing exact, else no wish. */
    assert_null(heap_alloc_for(&d, 0, ALLOC_NODE(NODES) | ALLOC_EXACT_NODE));
    pg = heap_alloc_for(&d, 0, ALLOC_NODE(200));
    assert_int_equal(node_of(pg), 2);
    heap_free(pg, 0);
    /* An address limit that only node 0 and 1 can keep. */
    pg = heap_alloc_for(&d, 0, ALLOC_NODE(3) | 25);
    assert_int_equal(node_of(pg), 1);
    heap_free(pg, 0);
    assert_null(heap_alloc_for(&d, 0, ALLOC_NODE(3) | ALLOC_EXACT_NODE | 25));
}

static void free_memory_by_address_width(void **state)
{
    (void)state;
    /* 16 MiB per node: node 0 is below 2^24, 1 needs 25 bits, 2 and 3 26. */
    assert_int_equal(heap_node_free(0, 0, 24), node_free(0));
    assert_int_equal(heap_node_free(0, 0, 20), 0);
    assert_int_equal(heap_node_free(0, 22, 23), 1024 + 512);
    assert_int_equal(heap_node_free(1, 0, 24), 0);
    assert_int_equal(heap_node_free(1, 25, 25), PER_NODE);
    assert_int_equal(heap_node_free(3, 26, 0), PER_NODE);
    assert_int_equal(heap_node_free(MAX_NODES - 1, 0, 0), 0);
}

/* Buddies of two nodes never merge: a block has one node. */
static void blocks_do_not_cross_nodes(void **state)
{
    struct page_info *pg;

    (void)state;
    assert_null(heap_alloc(13, ALLOC_NO_SCRUB));
    pg = heap_alloc(12, ALLOC_NO_SCRUB);
    heap_free(pg, 12);
    assert_null(heap_alloc(13, ALLOC_NO_SCRUB));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_table_is_read),
        cmocka_unit_test(old_tables_have_small_domains),
        cmocka_unit_test(disabled_and_empty_entries_do_not_count),
        cmocka_unit_test(contradictions_make_one_node),
        cmocka_unit_test(as_many_as_fit_are_taken),
        cmocka_unit_test(random_tables_do_no_harm),
        cmocka_unit_test(distances_are_checked),
        cmocka_unit_test(the_heap_is_sorted_by_node),
        cmocka_unit_test(memory_is_near_the_cpu),
        cmocka_unit_test(a_full_node_is_left_for_the_nearest),
        cmocka_unit_test(wishes_and_affinity_are_honoured),
        cmocka_unit_test(free_memory_by_address_width),
        cmocka_unit_test(blocks_do_not_cross_nodes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
