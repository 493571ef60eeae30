/* SPDX-License-Identifier: MIT */
/*
 * xen_version: each field is written whole, so that nothing of the stack goes
 * out with it, and nothing beyond; guests do not learn the command line.
 */
#include <string.h>

#include <hostarch.h>
#include <hv/domain.h>
#include <hv/hypercall.h>

#include <public/version.h>

char saved_cmdline[1024] = "dom0_mem=1G secret";

static const char id[20] = "twenty bytes of hash";

const void *build_id(size_t *len_bytes)
{
    *len_bytes = sizeof(id);
    return id;
}

struct domain *domain_get_any(domid_t unused)
{
    (void)unused;
    return NULL;
}

void domain_put(struct domain *d)
{
    (void)d;
}

static struct domain domain;
static struct vcpu vcpu;
static char *buf;

static int setup(void **state)
{
    (void)state;
    host_cpus_init(1);
    vcpu.domain = &domain;
    host_set_current(&vcpu);
    buf = host_guest_alloc(PAGE_SIZE);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    host_guest_free_all();
    return 0;
}

static void fields_are_written_whole(void **state)
{
    static const struct {
        unsigned int cmd;
        size_t size;
    } fields[] = {
        {XENVER_extraversion, sizeof(xen_extraversion_t)},
        {XENVER_compile_info, sizeof(struct xen_compile_info)},
        {XENVER_capabilities, sizeof(xen_capabilities_info_t)},
        {XENVER_changeset, sizeof(xen_changeset_info_t)},
        {XENVER_platform_parameters, sizeof(struct xen_platform_parameters)},
        {XENVER_guest_handle, sizeof(xen_domain_handle_t)},
        {XENVER_commandline, sizeof(xen_commandline_t)},
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(fields); i++) {
        char *end = buf + fields[i].size;

        memset(buf, 0x5a, PAGE_SIZE);
        assert_int_equal(do_xen_version(fields[i].cmd, (unsigned long)buf), 0);
        assert_int_not_equal(end[-1], 0x5a);
        assert_int_equal(end[0], 0x5a);
    }
}

static void the_command_line_is_dom0s(void **state)
{
    (void)state;
    domain.is_privileged = true;
    assert_int_equal(do_xen_version(XENVER_commandline, (unsigned long)buf), 0);
    assert_string_equal(buf, saved_cmdline);
    domain.is_privileged = false;
    assert_int_equal(do_xen_version(XENVER_commandline, (unsigned long)buf), 0);
    assert_string_equal(buf, "<denied>");
}

static void the_build_id_is_dom0s(void **state)
{
    struct xen_build_id *out = (void *)buf;

    (void)state;
    domain.is_privileged = false;
    assert_int_equal(do_xen_version(XENVER_build_id, 0), -EPERM);
    domain.is_privileged = true;
    assert_int_equal(do_xen_version(XENVER_build_id, 0), sizeof(id));
    memset(buf, 0x5a, PAGE_SIZE);
    out->len = 0;
    assert_int_equal(do_xen_version(XENVER_build_id, (unsigned long)buf),
                     -EINVAL);
    out->len = sizeof(id) - 1;
    assert_int_equal(do_xen_version(XENVER_build_id, (unsigned long)buf),
                     -ENOBUFS);
    assert_int_equal(out->buf[0], 0x5a);
    out->len = PAGE_SIZE;
    assert_int_equal(do_xen_version(XENVER_build_id, (unsigned long)buf),
                     sizeof(id));
    assert_int_equal(out->len, PAGE_SIZE);
    assert_memory_equal(out->buf, id, sizeof(id));
    assert_int_equal(out->buf[sizeof(id)], 0x5a);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(fields_are_written_whole),
        TEST(the_command_line_is_dom0s),
        TEST(the_build_id_is_dom0s),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
