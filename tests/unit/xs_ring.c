/* SPDX-License-Identifier: MIT */
/*
 * The store's ring: bytes go through unharmed across every wrap, and no index
 * a domain can write makes us touch anything outside the page.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xenstored/ring.h"

/* The page alone in an allocation: the sanitizer guards both ends. */
static struct xenstore_domain_interface *page_new(void)
{
    struct xenstore_domain_interface *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    return p;
}

static void bytes_go_through(void **state)
{
    struct xenstore_domain_interface *p = page_new();
    unsigned char sent = 0;
    unsigned char got = 0;

    (void)state;
    srandom(1);
    /* Start close to where the 32-bit indices wrap. */
    p->req_prod = p->req_cons = UINT32_MAX - 5000;
    p->rsp_prod = p->rsp_cons = UINT32_MAX - 5000;
    for (int i = 0; i < 20000; i++) {
        unsigned char buf[1500];
        size_t len = (size_t)random() % sizeof(buf);
        ssize_t n;

        for (size_t j = 0; j < len; j++)
            buf[j] = (unsigned char)(sent + j);
        n = ring_write(p, buf, len);
        assert_true(n >= 0 && n <= XENSTORE_RING_SIZE);
        sent = (unsigned char)(sent + n);
        /* The domain copies its answers back as requests. */
        while (p->rsp_cons != p->rsp_prod &&
               p->req_prod - p->req_cons < XENSTORE_RING_SIZE) {
            p->req[p->req_prod % XENSTORE_RING_SIZE] =
                p->rsp[p->rsp_cons % XENSTORE_RING_SIZE];
            p->req_prod++;
            p->rsp_cons++;
        }
        n = ring_read(p, buf, (size_t)random() % sizeof(buf));
        assert_true(n >= 0);
        for (ssize_t j = 0; j < n; j++)
            assert_int_equal(buf[j], got++);
    }
    free(p);
}

static void mad_indices(void **state)
{
    struct xenstore_domain_interface *p = page_new();
    char buf[4096];

    (void)state;
    p->req_prod = XENSTORE_RING_SIZE + 1;
    assert_int_equal(ring_read(p, buf, sizeof(buf)), -EIO);
    p->req_prod = 5;
    p->req_cons = 6;
    assert_int_equal(ring_read(p, buf, sizeof(buf)), -EIO);
    p->rsp_cons = 1;
    assert_int_equal(ring_write(p, buf, 1), -EIO);
    srandom(2);
    for (int i = 0; i < 100000; i++) {
        uint32_t *at[] = {&p->req_prod, &p->req_cons, &p->rsp_prod,
                          &p->rsp_cons};

        for (int j = 0; j < 4; j++)
            *at[j] = (uint32_t)random() * (random() % 2 ? 1 : 65537U);
        if (random() % 2) {
            p->req_prod = p->req_cons + (uint32_t)random() % 1100;
            p->rsp_prod = p->rsp_cons + (uint32_t)random() % 1100;
        }
        ring_read(p, buf, (size_t)random() % sizeof(buf));
        ring_write(p, buf, (size_t)random() % sizeof(buf));
    }
    free(p);
}

static void fresh_start(void **state)
{
    struct xenstore_domain_interface *p = page_new();

    (void)state;
    ring_start(p);
    assert_int_equal(p->server_features, 3);
    assert_false(ring_wants_reset(p));
    p->req_prod = 77777;
    p->connection = XENSTORE_RECONNECT;
    ring_error(p, XENSTORE_ERROR_RINGIDX);
    assert_int_equal(p->error, XENSTORE_ERROR_RINGIDX);
    assert_true(ring_wants_reset(p));
    ring_reset(p);
    assert_false(ring_wants_reset(p));
    assert_int_equal(p->req_prod, 0);
    assert_int_equal(p->error, XENSTORE_ERROR_NONE);
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_go_through),
        cmocka_unit_test(mad_indices),
        cmocka_unit_test(fresh_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
