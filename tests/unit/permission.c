/* SPDX-License-Identifier: MIT */
/*
 * The table of permissions, every row for every kind of caller and target: the
 * same rows, read by a second, simpler hand. What the calls do with the answer
 * is tried in tests/guests/permission.
 */
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/permission.h>

#include <public/arch-x86/xen-mca.h>
#include <public/callback.h>
#include <public/domctl.h>
#include <public/event_channel.h>
#include <public/grant_table.h>
#include <public/hypfs.h>
#include <public/kexec.h>
#include <public/memory.h>
#include <public/nmi.h>
#include <public/physdev.h>
#include <public/platform.h>
#include <public/sysctl.h>
#include <public/version.h>

enum who {
    ANYONE,
    OWN,
    MODEL,
    DRIVER,
    STORE,
    CONTROL,
    NOBODY
};

#define ROW(hc, nr, w, error, where) \
    {__HYPERVISOR_##hc, (nr), (w), (error) > 0 ? -(error) : (error)},

static const struct row {
    unsigned int hypercall, op;
    enum who who;
    int refusal;
} rows[] = {
#include "../../hypervisor/hypercall/permission_rows.def"
};

enum role {
    PLAIN,
    OTHER,
    A_MODEL,
    A_DRIVER,
    A_STORE,
    THE_CONTROL,
    NR_ROLES
};

static struct domain domains[NR_ROLES];
static struct vcpu vcpu;

struct domain *domain_get_any(domid_t id)
{
    struct domain *d = id == DOMID_SELF ? vcpu.domain : NULL;

    for (unsigned int i = 0; i < NR_ROLES; i++)
        if (domains[i].id == id)
            d = &domains[i];
    if (d)
        d->refs++;
    return d;
}

void domain_put(struct domain *d)
{
    d->refs--;
}

static int setup(void **state)
{
    (void)state;
    host_cpus_init(1);
    memset(domains, 0, sizeof(domains));
    for (unsigned int i = 0; i < NR_ROLES; i++)
        domains[i].id = (domid_t)(i + 10);
    domains[A_MODEL].target = &domains[OTHER];
    domains[A_STORE].createflags = XEN_DOMCTL_CDF_xs_domain;
    domains[THE_CONTROL].is_privileged = true;
    rangeset_init(&domains[A_DRIVER].ioports);
    assert_int_equal(rangeset_add(&domains[A_DRIVER].ioports, 1, 1), 0);
    host_set_current(&vcpu);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rangeset_free(&domains[A_DRIVER].ioports);
    return 0;
}

static bool may(enum who who, enum role role, enum role target)
{
    bool model = role == A_MODEL && target == OTHER;

    if (role == THE_CONTROL)
        return who != NOBODY;
    switch (who) {
    case ANYONE:
        return true;
    case OWN:
        return role == target || model;
    case MODEL:
        return model;
    case DRIVER:
        return role == A_DRIVER;
    case STORE:
        return role == A_STORE;
    default:
        return false;
    }
}

static void each_row_for_each_pair(void **state)
{
    (void)state;
    assert_true(ARRAY_SIZE(rows) > 250);
    for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];

        for (unsigned int role = 0; role < NR_ROLES; role++) {
            vcpu.domain = &domains[role];
            for (unsigned int to = 0; to < NR_ROLES; to++) {
                int want = may(r->who, role, to) ? 0 : r->refusal;

                assert_int_equal(
                    permit_target(r->hypercall, r->op, &domains[to]), want);
            }
        }
    }
}

/* Without a target: whether there is one that would do. */
static void each_row_before_the_target_is_known(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        bool depends = r->who == OWN || r->who == MODEL;

        for (unsigned int role = 0; role < NR_ROLES; role++) {
            vcpu.domain = &domains[role];
            assert_int_equal(permit(r->hypercall, r->op),
                             depends || may(r->who, role, role) ? 0
                                                                : r->refusal);
        }
    }
}

static void what_has_no_row_is_nobodys(void **state)
{
    static const unsigned int ops[] = {0,   6,   99,  119,  120,        123,
                                       127, 128, 999, 1004, 0x7fffffff, ~0U};

    (void)state;
    vcpu.domain = &domains[THE_CONTROL];
    for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++)
        assert_int_equal(permit(__HYPERVISOR_domctl, ops[i]), -ENOSYS);
    assert_int_equal(permit(__HYPERVISOR_domctl, 1003), 0);
    assert_int_equal(permit(63, 0), -ENOSYS);
    assert_int_equal(permit(64, 0), -ENOSYS);
    assert_int_equal(permit(~0U, ~0U), -ENOSYS);
}

static void references(void **state)
{
    struct domain *d;
    long rc;

    (void)state;
    vcpu.domain = &domains[PLAIN];
    d = permit_domain(__HYPERVISOR_memory_op, XENMEM_exchange, DOMID_SELF, &rc);
    assert_ptr_equal(d, &domains[PLAIN]);
    assert_int_equal(rc, 0);
    assert_int_equal(d->refs, 1);
    assert_null(permit_domain(__HYPERVISOR_memory_op, XENMEM_exchange,
                              domains[OTHER].id, &rc));
    assert_int_equal(rc, -EPERM);
    assert_int_equal(domains[OTHER].refs, 0);
    assert_null(
        permit_domain(__HYPERVISOR_memory_op, XENMEM_exchange, 77, &rc));
    assert_int_equal(rc, -ESRCH);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_row_for_each_pair),
        TEST(each_row_before_the_target_is_known),
        TEST(what_has_no_row_is_nobodys),
        TEST(references),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
