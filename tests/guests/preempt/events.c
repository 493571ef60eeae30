/* SPDX-License-Identifier: MIT */
/*
 * Event channels: a domain that has bound all the ports there are.
 */
#include "late.h"

#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <public/event_channel.h>
#include <public/memory.h>

#define PORTS 4095U /* the most that 2-level delivery has, port 0 left out */
#define BOUND 3000U

static unsigned int other, own[BOUND];
static void *control, *words;

static long unbound(unsigned int domid)
{
    struct evtchn_alloc_unbound op = {.dom = (domid_t)domid, .remote_dom = 0};
    long rc = hc_event_channel_op(EVTCHNOP_alloc_unbound, &op);

    return rc ? rc : (long)op.port;
}

static void fill(unsigned int domid)
{
    long rc;

    while ((rc = unbound(domid)) > 0)
        ;
    EXPECT_EQ(rc, -XEN_ENOSPC);
}

static void new_domain(void)
{
    other = other_create(1, PORTS);
}

static void full_domain(void)
{
    new_domain();
    fill(other);
}

static void bound_domain(void)
{
    new_domain();
    for (unsigned int i = 0; i < BOUND && !test_failed(); i++) {
        long rc = event_bind_interdomain(other, (unsigned int)unbound(other));

        EXPECT(rc > 0);
        own[i] = (unsigned int)rc;
    }
}

static void end_domain(void)
{
    other_destroy(other);
}

static void end_bound(void)
{
    end_domain();
    for (unsigned int i = 0; i < BOUND; i++)
        event_close(own[i]);
}

static void reset(void)
{
    struct evtchn_reset op = {.dom = (domid_t)other};

    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_reset, &op), 0);
}

static void one_more(void)
{
    EXPECT_EQ(unbound(other), -XEN_ENOSPC);
}

/* ---- FIFO delivery, in this domain ---- */

static void fill_own(void)
{
    if (!control) {
        control = page_alloc();
        words = page_alloc();
    }
    memset(control, 0, PAGE_SIZE);
    memset(words, 0, PAGE_SIZE);
    /* Ports above 4095 are not for 2-level delivery. */
    fill(DOMID_SELF);
}

/* An event between the two waits for the second. */
static void to_fifo(void)
{
    struct evtchn_init_control i = {.control_gfn = virt_to_mfn(control)};
    struct evtchn_expand_array e = {.array_gfn = virt_to_mfn(words)};

    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_init_control, &i), 0);
    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_expand_array, &e), 0);
}

static void back_to_2_level(void)
{
    struct evtchn_reset op = {.dom = DOMID_SELF};

    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_reset, &op), 0);
    event_init();
    memset(shared_info->evtchn_pending, 0, sizeof(shared_info->evtchn_pending));
    late_init();
}

/* ---- all ports that FIFO delivery has ---- */

#define LAST_PORT 131071U

static bool all_open;

static void close_port(unsigned int port)
{
    struct evtchn_close op = {.port = port};

    EXPECT_EQ(hc_event_channel_op(EVTCHNOP_close, &op), 0);
}

/* One port is free, far behind the place where the search begins. */
static void one_free(void)
{
    unsigned int timer = late_port();

    if (!all_open) {
        fill_own();
        to_fifo();
        fill(DOMID_SELF);
        all_open = true;
    }
    /* The queue is never read here: as if it had been. */
    ((uint32_t *)words)[timer] = 0;
    ((struct evtchn_fifo_control_block *)control)->ready = 0;
    close_port(10);
    close_port(LAST_PORT);
    EXPECT_EQ(unbound(DOMID_SELF), 10);
}

static void find_it(void)
{
    EXPECT_EQ(unbound(DOMID_SELF), LAST_PORT);
}

void event_cleanup(void)
{
    if (all_open)
        back_to_2_level();
}

const struct late_case event_cases[] = {
    {.name = "evtchn reset, unbound ports",
     .work = "4095",
     .prepare = full_domain,
     .run = reset,
     .undo = end_domain},
    {.name = "evtchn reset, interdomain ports",
     .work = "3000",
     .prepare = bound_domain,
     .run = reset,
     .undo = end_bound},
    {.name = "evtchn alloc, all ports taken",
     .work = "4095",
     .prepare = full_domain,
     .run = one_more,
     .undo = end_domain},
    {.name = "FIFO init_control and expand_array",
     .work = "4095 ports",
     .prepare = fill_own,
     .run = to_fifo,
     .undo = back_to_2_level},
    {.name = "evtchn alloc, the last port is free",
     .work = "131071 ports",
     .prepare = one_free,
     .run = find_it},
};
const unsigned int nr_event_cases = ARRAY_SIZE(event_cases);
