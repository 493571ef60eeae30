/* SPDX-License-Identifier: MIT */
/*
 * The ring macros of the ABI, whose layout tests/abi compares and whose
 * behaviour it cannot: a lost notification hangs a device, an index that is
 * not checked lets a peer walk out of the page.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <public/io/ring.h>

struct req {
    uint64_t id;
    uint32_t what;
};
struct rsp {
    uint64_t id;
};
DEFINE_RING_TYPES(t, struct req, struct rsp);

#define PAGE 4096

struct pair {
    t_sring_t *page;
    t_front_ring_t front;
    t_back_ring_t back;
};

static int setup(void **state)
{
    struct pair *p = calloc(1, sizeof(*p));

    p->page = aligned_alloc(PAGE, PAGE);
    SHARED_RING_INIT(p->page);
    FRONT_RING_INIT(&p->front, p->page, PAGE);
    BACK_RING_INIT(&p->back, p->page, PAGE);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct pair *p = *state;

    free(p->page);
    free(p);
    return 0;
}

/* Start both sides at an index, to see it wrap. */
static void start_at(struct pair *p, RING_IDX i)
{
    p->page->req_prod = p->page->rsp_prod = i;
    p->page->req_event = p->page->rsp_event = i + 1;
    FRONT_RING_ATTACH(&p->front, p->page, i, PAGE);
    BACK_RING_ATTACH(&p->back, p->page, i, PAGE);
}

static void put_request(struct pair *p, uint64_t id)
{
    RING_GET_REQUEST(&p->front, p->front.req_prod_pvt)->id = id;
    p->front.req_prod_pvt++;
}

static void sizes_are_powers_of_two_that_fit(void **state)
{
    struct pair *p = *state;

    /* 64 bytes of header, 16 bytes an entry: 252 fit, 128 are used. */
    assert_int_equal(RING_SIZE(&p->front), 128);
    assert_int_equal(RING_SIZE(&p->back), 128);
    assert_int_equal(__CONST_RING_SIZE(t, PAGE), 128);
    assert_int_equal(__CONST_RING_SIZE(t, 64 + 256 * 16), 256);
    assert_int_equal(__CONST_RING_SIZE(t, 64 + 16), 1);
    assert_int_equal(p->page->req_event, 1);
    assert_int_equal(p->page->rsp_event, 1);
}

static void first_request_notifies_later_ones_do_not(void **state)
{
    struct pair *p = *state;
    int notify;

    put_request(p, 1);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&p->front, notify);
    assert_true(notify);
    put_request(p, 2);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&p->front, notify);
    assert_false(notify);
    assert_int_equal(RING_HAS_UNCONSUMED_REQUESTS(&p->back), 2);
}

static void final_check_asks_for_the_next_event(void **state)
{
    struct pair *p = *state;
    int work, notify;

    start_at(p, 0xfffffffe);
    for (int i = 0; i < 4; i++)
        put_request(p, (uint64_t)i);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&p->front, notify);
    assert_true(notify);
    RING_FINAL_CHECK_FOR_REQUESTS(&p->back, work);
    assert_true(work);
    p->back.req_cons += 4;
    RING_FINAL_CHECK_FOR_REQUESTS(&p->back, work);
    assert_false(work);
    assert_int_equal(p->page->req_event, 3);
    put_request(p, 9);
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&p->front, notify);
    assert_true(notify);
}

static void responses_come_back_in_order(void **state)
{
    struct pair *p = *state;
    int notify, work;
    struct req r;

    start_at(p, 0xfffffff0);
    for (uint64_t id = 0; id < 1000; id++) {
        put_request(p, id);
        RING_PUSH_REQUESTS(&p->front);
        RING_COPY_REQUEST(&p->back, p->back.req_cons, &r);
        p->back.req_cons++;
        RING_GET_RESPONSE(&p->back, p->back.rsp_prod_pvt)->id = r.id;
        p->back.rsp_prod_pvt++;
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&p->back, notify);
        assert_true(notify);
        assert_int_equal(RING_HAS_UNCONSUMED_RESPONSES(&p->front), 1);
        assert_int_equal(RING_GET_RESPONSE(&p->front, p->front.rsp_cons)->id,
                         id);
        p->front.rsp_cons++;
        RING_FINAL_CHECK_FOR_RESPONSES(&p->front, work);
        assert_false(work);
    }
}

static void full_and_overflow(void **state)
{
    struct pair *p = *state;

    start_at(p, 0xffffffc0);
    for (uint64_t id = 0; id < 128; id++) {
        assert_false(RING_FULL(&p->front));
        put_request(p, id);
    }
    assert_true(RING_FULL(&p->front));
    RING_PUSH_REQUESTS(&p->front);
    assert_false(RING_REQUEST_PROD_OVERFLOW(&p->back, p->page->req_prod));
    assert_true(RING_REQUEST_PROD_OVERFLOW(&p->back, p->page->req_prod + 1));
    assert_false(RING_REQUEST_CONS_OVERFLOW(&p->back, p->back.req_cons));
    p->back.req_cons += 128;
    assert_true(RING_REQUEST_CONS_OVERFLOW(&p->back, p->back.req_cons));
    assert_true(
        RING_RESPONSE_PROD_OVERFLOW(&p->front, p->front.rsp_cons + 129));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(sizes_are_powers_of_two_that_fit),
        TEST(first_request_notifies_later_ones_do_not),
        TEST(final_check_asks_for_the_next_event),
        TEST(responses_come_back_in_order),
        TEST(full_and_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
