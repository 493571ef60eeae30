/* SPDX-License-Identifier: MIT */
/*
 * memory_op: many extents, and the largest ones that the caller may name
 * (order 9; the control domain 12).
 */
#include "late.h"

#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <public/memory.h>

#define MANY      4096U
#define FIRST_PFN 0x40000UL /* nobody's */

static uint64_t list[MANY], out[MANY];
static unsigned int order;

long reservation(unsigned int op, unsigned int domid, uint64_t *frames,
                 unsigned int count, unsigned int extent_order)
{
    struct xen_memory_reservation r;

    memset(&r, 0, sizeof(r));
    HANDLE_SET(r.extent_start, frames);
    r.nr_extents = count;
    r.extent_order = extent_order;
    r.domid = (domid_t)domid;
    return hc_memory_op(op, &r);
}

static void list_pfns(uint64_t *l, unsigned int count, unsigned int extent)
{
    for (unsigned int i = 0; i < count; i++)
        l[i] = FIRST_PFN + ((uint64_t)i << extent);
}

static unsigned int nr_extents(void)
{
    return order ? 1 : MANY;
}

static void populate(void)
{
    EXPECT_EQ(reservation(XENMEM_populate_physmap, DOMID_SELF, list,
                          nr_extents(), order),
              nr_extents());
}

static void decrease(void)
{
    EXPECT_EQ(reservation(XENMEM_decrease_reservation, DOMID_SELF, list,
                          nr_extents(), order),
              nr_extents());
}

static void prepare(unsigned int o)
{
    order = o;
    list_pfns(list, nr_extents(), order);
}

static void order_0(void)
{
    prepare(0);
}

static void order_9(void)
{
    prepare(9);
}

static void order_12(void)
{
    prepare(12);
}

static void have_order_0(void)
{
    order_0();
    populate();
}

static void have_order_9(void)
{
    order_9();
    populate();
}

static void have_order_12(void)
{
    order_12();
    populate();
}

/* ---- exchange: single frames for a block of the same size, or back ---- */

static unsigned int in_order, out_order;

static void exchange(void)
{
    struct xen_memory_exchange x;
    unsigned int larger = in_order > out_order ? in_order : out_order;

    memset(&x, 0, sizeof(x));
    HANDLE_SET(x.in.extent_start, list);
    x.in.nr_extents = 1UL << (larger - in_order);
    x.in.extent_order = in_order;
    x.in.domid = DOMID_SELF;
    HANDLE_SET(x.out.extent_start, out);
    x.out.nr_extents = 1UL << (larger - out_order);
    x.out.extent_order = out_order;
    x.out.domid = DOMID_SELF;
    EXPECT_EQ(hc_memory_op(XENMEM_exchange, &x), 0);
}

static void to_exchange(unsigned int in, unsigned int o)
{
    unsigned int larger = in > o ? in : o;

    in_order = in;
    out_order = o;
    list_pfns(list, 1U << (larger - in), in);
    list_pfns(out, 1U << (larger - o), o);
    EXPECT_EQ(reservation(XENMEM_populate_physmap, DOMID_SELF, list,
                          1U << (larger - in), in),
              1L << (larger - in));
}

static void give_back(void)
{
    unsigned int larger = in_order > out_order ? in_order : out_order;

    EXPECT_EQ(reservation(XENMEM_decrease_reservation, DOMID_SELF, out,
                          1U << (larger - out_order), out_order),
              1L << (larger - out_order));
}

static void frames_for_2m(void)
{
    to_exchange(0, 9);
}

static void frames_for_16m(void)
{
    to_exchange(0, 12);
}

static void block_of_2m(void)
{
    to_exchange(9, 0);
}

static void block_of_16m(void)
{
    to_exchange(12, 0);
}

const struct late_case memory_cases[] = {
    {.name = "populate, single frames",
     .work = "4096",
     .prepare = order_0,
     .run = populate,
     .undo = decrease},
    {.name = "populate, order 9",
     .work = "2 MiB",
     .prepare = order_9,
     .run = populate,
     .undo = decrease},
    {.name = "populate, order 12",
     .work = "16 MiB",
     .prepare = order_12,
     .run = populate,
     .undo = decrease,
     .bound_ns = 200000},
    {.name = "decrease, single frames",
     .work = "4096",
     .prepare = have_order_0,
     .run = decrease},
    {.name = "decrease, order 9",
     .work = "2 MiB",
     .prepare = have_order_9,
     .run = decrease},
    {.name = "decrease, order 12",
     .work = "16 MiB",
     .prepare = have_order_12,
     .run = decrease},
    {.name = "exchange frames for order 9",
     .work = "2 MiB",
     .prepare = frames_for_2m,
     .run = exchange,
     .undo = give_back,
     .bound_ns = 300000},
    {.name = "exchange order 9 for frames",
     .work = "2 MiB",
     .prepare = block_of_2m,
     .run = exchange,
     .undo = give_back,
     .bound_ns = 300000},
    {.name = "exchange frames for order 12",
     .work = "16 MiB",
     .prepare = frames_for_16m,
     .run = exchange,
     .undo = give_back,
     .bound_ns = 2500000,
     .samples = 6},
    {.name = "exchange order 12 for frames",
     .work = "16 MiB",
     .prepare = block_of_16m,
     .run = exchange,
     .undo = give_back,
     .bound_ns = 2500000,
     .samples = 6},
};
const unsigned int nr_memory_cases = ARRAY_SIZE(memory_cases);
